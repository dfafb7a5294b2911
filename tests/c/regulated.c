/* A Regulated call handed over and given back, with its log in between, and a serious incident reported on it. */

#include "test.h"

static char template[OHP_TEMPLATE_LEN_MAX];
static size_t template_len;
static uint8_t kept[OHP_ENVELOPE_LEN_MAX];

/* What waits is released once its leaf is in the log; nothing leaves before. */
static int anchor(struct side *agent, const ohp_bytes *cbor)
{
    ohp_event event = {.size = sizeof event};
    static const uint8_t zeros[sizeof event.leaf];
    OK(ohp_leg_poll_event(agent->leg, &agent->why, &event));
    CHECK(event.kind == OHP_EVENT_ANCHOR_NEEDED && memcmp(event.leaf, zeros, sizeof zeros) != 0);
    uint8_t buffer[OHP_TRANSMIT_LEN];
    ohp_transmit sent = {.size = sizeof sent};
    STATUS(OHP_NONE, ohp_leg_poll_transmit(agent->leg, agent->table, buffer, sizeof buffer, &sent));
    memcpy(kept, cbor->data, cbor->len);
    ohp_host host = side_host(agent);
    STATUS(OHP_ERR_STATE, ohp_leg_anchored(agent->leg, &host, kept, cbor->len - 1, &agent->why));
    OK(ohp_leg_anchored(agent->leg, &host, kept, cbor->len, &agent->why));
    return 0;
}

static int reported(struct side *agent, struct side *centre)
{
    ohp_bytes cbor;
    ohp_event event = {.size = sizeof event};
    ohp_host host = side_host(agent);
    STATUS(OHP_ERR_INVALID, ohp_leg_report(agent->leg, &host, NULL, 0, template, template_len, agent->envelope,
                                           OHP_ENVELOPE_LEN_MAX, &agent->why, &cbor));
    host = side_host(agent);
    OK(ohp_leg_report(agent->leg, &host, TEXT("harm-to-health"), template, template_len, agent->envelope,
                      OHP_ENVELOPE_LEN_MAX, &agent->why, &cbor));
    CHECK(anchor(agent, &cbor) == 0 && settle(agent, centre) == 0);
    OK(ohp_leg_poll_event(centre->leg, &centre->why, &event));
    CHECK(event.kind == OHP_EVENT_INCIDENT && event.due_ms == NOW + 15ull * 24 * 3600 * 1000);
    uint8_t memory[OHP_ENVELOPE_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
    ohp_envelope *envelope = NULL;
    uint64_t due = 0;
    OK(ohp_verdict_envelope(centre->handled.verdict, memory, sizeof memory, &envelope));
    OK(ohp_envelope_report_due(envelope, &due));
    CHECK(due == event.due_ms);
    return 0;
}

/* What was to be sealed is in the clear in the template: a refusal leaves no copy of it, whatever it is for. */
static int refused_leaves_nothing(struct side *agent)
{
    static const char sealed_anew[] = "{\"sealed\": {\"fields\": {\"payment.disputeDetail\": \"card ending 4242, 42.50 GBP\"}}}";
    static const char cut_off[] = "{\"sealed\": {\"fields\": {\"payment.disputeDetail\": \"card ending 4242, 42.50 GBP\"}";
    static const char secret[] = "ending 4242";
    ohp_bytes cbor;
    size_t size = ohp_scratch_size();
    memset(agent->scratch, 0, size);
    ohp_host host = side_host(agent);
    STATUS(OHP_ERR_INVALID, ohp_leg_propose(agent->leg, &host, OHP_TIER_SIGNED, template, template_len, agent->envelope,
                                            OHP_ENVELOPE_LEN_MAX, &agent->why, &cbor));
    CHECK(memmem(agent->scratch, size, secret, strlen(secret)) == NULL);
    STATUS(OHP_ERR_MALFORMED, ohp_leg_propose(agent->leg, &host, OHP_TIER_CORE, TEXT(cut_off), agent->envelope,
                                              OHP_ENVELOPE_LEN_MAX, &agent->why, &cbor));
    CHECK(memmem(agent->scratch, size, secret, strlen(secret)) == NULL);
    STATUS(OHP_ERR_STATE, ohp_leg_give_back(agent->leg, &host, TEXT("resolved"), TEXT(sealed_anew), &agent->why));
    CHECK(memmem(agent->scratch, size, secret, strlen(secret)) == NULL);
    return 0;
}

int test_regulated(void)
{
    static char trust[SCENE_TRUST_MAX];
    struct side agent, centre;
    ohp_bytes cbor;
    trust[scene_file("agent.json", trust, sizeof trust - 1)] = '\0';
    CHECK(side_init(&agent, trust) == 0);
    trust[scene_file("trust.json", trust, sizeof trust - 1)] = '\0';
    CHECK(side_init(&centre, trust) == 0);
    template_len = scene_file("template.json", template, sizeof template);
    CHECK(template_len > 0 && speak(agent.tap, SCENE_VOICE) == 0 && speak(centre.tap, SCENE_VOICE) == 0);
    centre.disclosed = disclosed_new();
    CHECK(centre.disclosed != NULL);

    CHECK(refused_leaves_nothing(&agent) == 0);

    /* One that is withdrawn leaves nothing behind. */
    for (int attempt = 0; attempt < 2; attempt++) {
        ohp_host host = side_host(&agent);
        OK(ohp_leg_propose(agent.leg, &host, OHP_TIER_REGULATED, template, template_len, agent.envelope,
                           OHP_ENVELOPE_LEN_MAX, &agent.why, &cbor));
        if (attempt == 0) {
            OK(ohp_leg_withdraw(agent.leg));
            STATUS(OHP_ERR_STATE, ohp_leg_anchored(agent.leg, &host, cbor.data, cbor.len, &agent.why));
            CHECK(side_event(&agent) == OHP_EVENT_ANCHOR_NEEDED);
        }
    }
    CHECK(anchor(&agent, &cbor) == 0 && settle(&agent, &centre) == 0);
    CHECK(side_event(&centre) == OHP_EVENT_PROPOSED);
    ohp_disclosed_value value = {.size = sizeof value};
    OK(ohp_disclosed_find_field(centre.disclosed, TEXT("payment.disputeDetail"), &value));
    CHECK(IS(value.text, "card ending 4242, 42.50 GBP"));

    ohp_host host = side_host(&centre);
    OK(ohp_leg_accept(centre.leg, &host, &centre.why));
    CHECK(settle(&agent, &centre) == 0 && side_event(&agent) == OHP_EVENT_ACCEPTED);
    host = side_host(&agent);
    OK(ohp_leg_assume(agent.leg, &host, &agent.why));
    CHECK(settle(&agent, &centre) == 0);
    CHECK(side_event(&agent) == OHP_EVENT_HANDED_OFF && side_event(&centre) == OHP_EVENT_HANDED_OFF);
    CHECK(reported(&agent, &centre) == 0);
    host = side_host(&centre);
    OK(ohp_leg_give_back(centre.leg, &host, TEXT("resolved"), NULL, 0, &centre.why));
    CHECK(settle(&agent, &centre) == 0 && side_event(&agent) == OHP_EVENT_RETURNED);

    disclosed_free(centre.disclosed);
    side_free(&agent);
    side_free(&centre);
    return 0;
}
