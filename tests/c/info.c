/* The headers of an INFO are taken apart; a binary body keeps its NULs. */

#include "test.h"

int test_info(void)
{
    static const char HEADERS[] = "INFO sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n"
                                  "i: " CALL_ID "\r\nCSeq: 7 INFO\r\nc: application/ohp+cbor\r\n"
                                  "OHP-Verb: PROPOSE\r\nContent-Length: 4\r\n\r\n";
    static const uint8_t BODY[] = {0, 1, 0, 2, 0xff};
    char buffer[256];
    ohp_text why = {buffer, sizeof buffer, 0};
    ohp_info info = {.size = sizeof info};
    OK(ohp_info_parse(TEXT(HEADERS), BODY, sizeof BODY, &why, &info));
    CHECK(IS(info.call_id, CALL_ID) && IS(info.content_type, "application/ohp+cbor"));
    CHECK(IS(info.ohp_verb, "PROPOSE") && info.ohp_tier.data == NULL && info.ohp_tier.len == 0);
    CHECK(info.has_cseq == 1 && info.cseq == 7 && info.is_ohp == 1);
    CHECK(info.body.data == BODY && info.body.len == 4);
    STATUS(OHP_ERR_MALFORMED, ohp_info_parse(TEXT(HEADERS), BODY, 3, &why, &info));
    CHECK(why.len > 0);
    STATUS(OHP_ERR_MALFORMED, ohp_info_parse(TEXT("no header"), NULL, 0, NULL, &info));

    char message[sizeof HEADERS + 4];
    memcpy(message, HEADERS, sizeof HEADERS - 1);
    memcpy(message + sizeof HEADERS - 1, "\0\1\0\2", 4);
    OK(ohp_info_parse_message((const uint8_t *)message, sizeof HEADERS - 1 + 4, &why, &info));
    CHECK(info.body.len == 4 && memcmp(info.body.data, "\0\1\0\2", 4) == 0);

    OK(ohp_info_parse(TEXT("Content-Type: application/dtmf-relay\r\n"), NULL, 0, &why, &info));
    CHECK(info.is_ohp == 0 && info.has_cseq == 0);
    return 0;
}

int test_sdp(void)
{
    static const char SDP[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
                              "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    char buffer[256], hint[OHP_SDP_HINT_MAX];
    ohp_text why = {buffer, sizeof buffer, 0};
    size_t len = 0;
    OK(ohp_sdp_hint(TEXT(SDP), 0, &why, hint, sizeof hint, &len));
    CHECK(len == 9 && memcmp(hint, "PCMA/8000", 9) == 0);
    OK(ohp_sdp_hint(TEXT(SDP), 1, &why, hint, sizeof hint, &len));
    STATUS(OHP_ERR_SPACE, ohp_sdp_hint(TEXT(SDP), 1, &why, hint, 8, &len));
    STATUS(OHP_NONE, ohp_sdp_hint(TEXT(SDP), 2, &why, hint, sizeof hint, &len));
    STATUS(OHP_ERR_MALFORMED, ohp_sdp_hint(TEXT("m=audio"), 0, &why, hint, sizeof hint, &len));

    uint8_t cbor[4096], memory[OHP_ENVELOPE_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
    ohp_envelope *envelope = NULL;
    ohp_agreement agreement = OHP_AGREEMENT_COMMON;
    len = core_cbor(cbor, sizeof cbor);
    OK(ohp_envelope_read(memory, sizeof memory, cbor, len, NULL, NULL, NULL, &envelope));
    OK(ohp_sdp_compare(envelope, TEXT(SDP), &why, &agreement));
    CHECK(agreement == OHP_AGREEMENT_UNKNOWN);
    return 0;
}

/* Asks a leg that has agreed on `sdp` on both sides whether it has to be re-INVITEd for an envelope. */
static int asked(ohp_leg *leg, const char *sdp, const char *supported, const char *hints, ohp_renegotiation expected,
                 const char *expected_codecs)
{
    static const char FORM[] = "{\"ohp\":\"0.1\",\"conformance\":\"core\",\"id\":\"cse_01HZX0R5N9V8W1QYK0XQM3R3M9\","
                               "\"control\":{\"verb\":\"PROPOSE\",\"nonce\":\"9f2c1b7a55d04e21\"},\"session\":{\"callId\":\"" CALL_ID "\",\"media\":{\"sdpHints\":{\"codecs\":[%s]}}}}";
    char json[1024], codecs[OHP_SDP_HINTS_LEN_MAX], error[256];
    ohp_text why = {error, sizeof error, 0};
    uint8_t cbor[4096], scratch[65536], memory[OHP_ENVELOPE_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
    snprintf(json, sizeof json, FORM, hints);
    size_t len = 0, codecs_len = 0;
    OK(ohp_cbor_from_json(json, strlen(json), scratch, sizeof scratch, &why, cbor, sizeof cbor, &len));
    ohp_envelope *envelope = NULL;
    OK(ohp_envelope_read(memory, sizeof memory, cbor, len, NULL, NULL, &why, &envelope));
    OK(ohp_leg_handle_local_sdp(leg, sdp, strlen(sdp), &why));
    OK(ohp_leg_handle_remote_sdp(leg, sdp, strlen(sdp), &why));
    ohp_renegotiation answer = OHP_RENEGOTIATION_UNKNOWN;
    OK(ohp_leg_renegotiation(leg, envelope, supported, strlen(supported), codecs, sizeof codecs, &codecs_len, &answer));
    CHECK(answer == expected && codecs_len == strlen(expected_codecs));
    CHECK(memcmp(codecs, expected_codecs, codecs_len) == 0);
    if (codecs_len > 0)
        STATUS(OHP_ERR_SPACE, ohp_leg_renegotiation(leg, envelope, supported, strlen(supported), codecs, codecs_len - 1,
                                                    &codecs_len, &answer));
    STATUS(OHP_ERR_NULL, ohp_leg_renegotiation(leg, NULL, NULL, 0, codecs, sizeof codecs, &codecs_len, &answer));
    STATUS(OHP_ERR_UTF8, ohp_leg_renegotiation(leg, envelope, "\xff", 1, codecs, sizeof codecs, &codecs_len, &answer));
    return 0;
}

int test_renegotiation(void)
{
#define AUDIO(lines) "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n" lines
    static uint8_t memory[OHP_LEG_SIZE_MAX] __attribute__((aligned(OHP_ALIGN)));
    ohp_leg *leg = NULL;
    OK(ohp_leg_init(memory, sizeof memory, TEXT(CALL_ID), &leg));
    CHECK(asked(leg, AUDIO(""), "", "\"OPUS/48000/2\",\"pcma/8000\"", OHP_RENEGOTIATION_NOT_NEEDED, "PCMA/8000") == 0);
    CHECK(asked(leg, AUDIO(""), "", "", OHP_RENEGOTIATION_NOT_NEEDED, "") == 0);
    CHECK(asked(leg, AUDIO(""), "", "\"OPUS/48000/2\"", OHP_RENEGOTIATION_NO_COMMON_CODEC, "") == 0);
    CHECK(asked(leg, AUDIO(""), "opus/48000/2, PCMU", "\"OPUS/48000\"", OHP_RENEGOTIATION_OFFER_CODECS,
                "OPUS/48000/2 PCMA/8000") == 0);
    /* The local one was the offer, so this side holds. */
    CHECK(asked(leg, AUDIO("a=inactive\r\n"), "", "\"PCMA\"", OHP_RENEGOTIATION_OFFER_RESUME, "PCMA/8000") == 0);
    CHECK(asked(leg, "v=0\r\nm=image 4000 udptl t38\r\n", "PCMU", "\"PCMU\"", OHP_RENEGOTIATION_OFFER_AUDIO, "PCMU") == 0);
    return 0;
}
