/* From INFOs to an envelope without a leg: whole, in chunks, and where chunks or headers lie. */

#include "test.h"

#define ID "cse_01HZX0R5N9V8W1QYK0XQM3R3K9"
#define OTHER_ID "cse_01HZX0R5N9V8W1QYK0XQM3R3KA"

static struct side side;
static uint8_t cbor[4096];
static size_t cbor_len;
static ohp_received received = {.size = sizeof received};

static ohp_status receive(const ohp_info *info)
{
    const ohp_str call = {TEXT(CALL_ID)};
    void *scratch = malloc(ohp_receive_scratch_size());
    ohp_status status = ohp_receive(side.table, info, call, NOW, scratch, ohp_receive_scratch_size(), side.envelope,
                                    OHP_ENVELOPE_LEN_MAX, &side.why, &received);
    free(scratch);
    return status;
}

/* Receives half of the envelope under that identifier, in an INFO whose OHP-Tier may say something. */
static ohp_status receive_half(int number, const char *id, const char *tier)
{
    uint8_t chunk[4096];
    char type[160];
    size_t from = number == 1 ? 0 : cbor_len / 2, to = number == 1 ? cbor_len / 2 : cbor_len;
    int head = snprintf((char *)chunk, sizeof chunk,
                        "--b1\r\nContent-Type: application/ohp+cbor\r\nOHP-Chunk: %d/2; id=%s\r\n\r\n", number, id);
    memcpy(chunk + head, cbor + from, to - from);
    size_t end = (size_t)head + to - from;
    memcpy(chunk + end, "\r\n--b1--\r\n", 10);
    snprintf(type, sizeof type, "multipart/ohp; boundary=b1; total-chunks=2; chunk=%d; id=%s", number, id);
    ohp_info info = {.size = sizeof info, .content_type = {type, strlen(type)}, .body = {chunk, end + 10}};
    if (tier != NULL)
        info.ohp_tier = (ohp_str){tier, strlen(tier)};
    return receive(&info);
}

/* Verifies what was received, and gives the verdict in short. */
static ohp_status judge(uint8_t echo, ohp_verdict_summary *summary)
{
    ohp_situation situation = {
        .size = sizeof situation,
        .context = side.context,
        .now_ms = NOW,
        .echo = echo,
        .scratch = side.scratch,
        .scratch_size = ohp_verify_scratch_size(),
    };
    ohp_verdict *verdict = NULL;
    ohp_status status = ohp_verify(&situation, received.cbor.data, received.cbor.len, side.verdict_memory,
                                   ohp_verdict_size(), &verdict);
    summary->size = sizeof *summary;
    return status == OHP_OK ? ohp_verdict_get(verdict, summary) : status;
}

static int whole(void)
{
    ohp_verdict_summary summary;
    ohp_info info = {.size = sizeof info,
                     .content_type = {TEXT("application/ohp+cbor")},
                     .body = {cbor, cbor_len}};
    OK(receive(&info));
    CHECK(received.sip_status == 200 && received.complete && received.cbor.data == cbor && received.echo == 0);
    info.ohp_verb = (ohp_str){TEXT("ACCEPT")};
    OK(receive(&info));
    CHECK(received.echo != 0);
    OK(judge(received.echo, &summary));
    CHECK(summary.outcome == OHP_OUTCOME_REJECT && summary.step == 0 && summary.reason == OHP_REASON_UNKNOWN);
    STATUS(OHP_ERR_RANGE, judge(0x80, &summary));

    info.content_type = (ohp_str){TEXT("application/dtmf-relay")};
    OK(receive(&info));
    CHECK(received.sip_status == 415 && !received.complete && side.why.len > 0 && received.echo == 0);
    return 0;
}

/* In two chunks, the second first; the headers of the first to come still count when the last one comes. */
static int in_chunks(const char *first_tier, int holds)
{
    ohp_verdict_summary summary;
    OK(receive_half(2, ID, first_tier));
    CHECK(received.sip_status == 200 && !received.complete && received.echo == 0 && received.cbor.data == NULL);
    OK(receive_half(1, ID, NULL));
    CHECK(received.sip_status == 200 && received.complete);
    CHECK(received.cbor.data == side.envelope && received.cbor.len == cbor_len &&
          memcmp(side.envelope, cbor, cbor_len) == 0);
    CHECK((received.echo != 0) == (first_tier != NULL));
    OK(judge(received.echo, &summary));
    CHECK(summary.outcome == (holds ? OHP_OUTCOME_ACCEPT : OHP_OUTCOME_REJECT) && summary.step == 0);
    return 0;
}

static int under_another_id(void)
{
    OK(receive_half(1, OTHER_ID, NULL));
    CHECK(received.sip_status == 200 && !received.complete);
    OK(receive_half(2, OTHER_ID, NULL));
    CHECK(received.sip_status == 400 && !received.complete && received.cbor.data == NULL);
    CHECK(IS(side.why, "the chunks named another envelope than they held"));
    return 0;
}

int test_receive(void)
{
    static const struct {
        const char *tier;
        int holds;
    } HEADERS[] = {{NULL, 1}, {"core", 1}, {"signed", 0}};
    for (size_t i = 0; i < sizeof HEADERS / sizeof *HEADERS; i++) {
        CHECK(side_init(&side, RECEIVER_TRUST) == 0);
        cbor_len = core_cbor(cbor, sizeof cbor);
        int failed = in_chunks(HEADERS[i].tier, HEADERS[i].holds) || (i == 0 && (whole() || under_another_id()));
        side_free(&side);
        if (failed)
            return 1;
    }
    return 0;
}
