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
