/* The library says what it is, and every status and word has a text. */

#include "test.h"

int test_version(void)
{
    CHECK(ohp_abi_version() == OHP_ABI_VERSION);
    CHECK(ohp_version().len >= 5);
    CHECK(IS(ohp_status_text(OHP_OK), "done"));
    CHECK(IS(ohp_status_text(4711), "unknown status"));
    for (uint32_t status = OHP_ERR_NULL; status <= OHP_ERR_MEMORY; status++)
        CHECK(!IS(ohp_status_text(status), "unknown status"));
    CHECK(IS(ohp_tier_text(OHP_TIER_SIGNED), "signed"));
    CHECK(ohp_tier_text(0).data == NULL);
    CHECK(IS(ohp_verb_text(OHP_VERB_PROPOSE), "PROPOSE"));
    CHECK(ohp_verb_text(99).len == 0);
    CHECK(IS(ohp_reason_text(OHP_REASON_NOT_BOUND_TO_CALL), "not-bound-to-call"));
    CHECK(ohp_reason_text(OHP_REASON_NONE).data == NULL);
    CHECK(IS(ohp_step_name(4), "call-leg"));
    CHECK(ohp_step_name(OHP_STEPS).data == NULL);
    return 0;
}
