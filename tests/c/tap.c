/* A tap takes packets and frames, gives a fingerprint, and finds it in another tap. */

#include "test.h"

static ohp_tap *tap_new(void **memory)
{
    size_t size = 0;
    ohp_tap *tap = NULL;
    if (ohp_tap_size(OHP_CODEC_PCMU, 10, &size) != OHP_OK)
        return NULL;
    *memory = malloc(size);
    return ohp_tap_init(*memory, size, OHP_CODEC_PCMU, 10, &tap) == OHP_OK ? tap : NULL;
}

int test_tap(void)
{
    size_t size = 0;
    OK(ohp_tap_size(OHP_CODEC_PCMU, 10, &size));
    CHECK(size <= 96 * 1024);
    STATUS(OHP_ERR_RANGE, ohp_tap_size(OHP_CODEC_PCMU, 0, &size));
    STATUS(OHP_ERR_RANGE, ohp_tap_size(OHP_CODEC_PCMU, 11, &size));
    STATUS(OHP_ERR_RANGE, ohp_tap_size(77, 10, &size));

    void *memory = NULL, *other_memory = NULL;
    ohp_tap *tap = tap_new(&memory), *other = tap_new(&other_memory), *found = NULL;
    CHECK(tap != NULL && other != NULL);
    STATUS(OHP_ERR_SPACE, ohp_tap_attach(memory, 1000, &found));
    OK(ohp_tap_attach(memory, size, &found));
    CHECK(found == tap);

    char buffer[256];
    ohp_text why = {buffer, sizeof buffer, 0};
    ohp_fingerprint mark = {.size = sizeof mark};
    ohp_decision decision = 0;
    STATUS(OHP_NO_MEDIA, ohp_tap_fingerprint(tap, &why, &mark));
    CHECK(IS(why, "no media received yet"));

    const uint8_t silence[12 + 160] = {0x80, 0};
    OK(ohp_tap_write_rtp(tap, silence, sizeof silence));
    STATUS(OHP_NO_USABLE_AUDIO, ohp_tap_fingerprint(tap, &why, &mark));
    STATUS(OHP_ERR_MALFORMED, ohp_tap_write_rtp(tap, silence, 5));
    STATUS(OHP_ERR_MALFORMED, ohp_tap_write_rtp(tap, (const uint8_t *)"\x16\xfe\xfd", 3));
    const uint8_t dtmf[16] = {0x80, 101};
    STATUS(OHP_NONE, ohp_tap_write_rtp(tap, dtmf, sizeof dtmf));
    static const uint8_t long_packet[12 + 1921] = {0x80, 0};
    STATUS(OHP_ERR_TOO_LONG, ohp_tap_write_rtp(tap, long_packet, sizeof long_packet));
    ohp_tap_stats stats = {.size = sizeof stats};
    OK(ohp_tap_get_stats(tap, &stats));
    CHECK(stats.kept == 1 && stats.not_audio == 1 && stats.not_rtp == 2 && stats.too_long == 1);

    CHECK(speak(tap, 7) == 0);
    OK(ohp_tap_fingerprint(tap, &why, &mark));
    CHECK(memcmp(mark.text, "sha256:", 7) == 0);
    STATUS(OHP_ERR_MALFORMED, ohp_tap_search(tap, TEXT("sha256:beef"), NULL, &decision));
    OK(ohp_tap_search(other, mark.text, OHP_FINGERPRINT_LEN, &why, &decision));
    CHECK(decision == OHP_DECISION_NO_MEDIA);
    CHECK(speak(other, 8) == 0);
    OK(ohp_tap_search(other, mark.text, OHP_FINGERPRINT_LEN, &why, &decision));
    CHECK(decision == OHP_DECISION_MISMATCH);
    CHECK(speak(other, 7) == 0);
    OK(ohp_tap_search(other, mark.text, OHP_FINGERPRINT_LEN, &why, &decision));
    CHECK(decision == OHP_DECISION_MATCH && why.len > 0);

    /* Both fingerprints in one question, of five answers. */
    ohp_robust_fingerprint likeness = {.size = sizeof likeness};
    ohp_continuity heard = {.size = sizeof heard};
    const ohp_str exact = {mark.text, OHP_FINGERPRINT_LEN}, robust = {likeness.text, OHP_ROBUST_LEN}, none = {0};
    STATUS(OHP_NO_USABLE_AUDIO, ohp_tap_robust_fingerprint(other, &why, &likeness));
    CHECK(IS(why, "no usable audio: less than 4 s of audio"));
    CHECK(talk(tap, 9, 500, 0) == 0);
    OK(ohp_tap_fingerprint(tap, NULL, &mark));
    OK(ohp_tap_robust_fingerprint(tap, NULL, &likeness));
    CHECK(memcmp(likeness.text, "hk1:", 4) == 0 && likeness.behind_ms < 4000);
    void *third_memory = NULL, *fourth_memory = NULL, *fifth_memory = NULL;
    ohp_tap *similar = tap_new(&third_memory), *silent = tap_new(&fourth_memory), *empty = tap_new(&fifth_memory);
    CHECK(similar != NULL && silent != NULL && empty != NULL && talk(similar, 9, 500, 1) == 0);
    OK(ohp_tap_write_rtp(silent, silence, sizeof silence));
    const struct {
        const ohp_tap *tap;
        ohp_str robust;
        ohp_decision decision;
        const char *word;
    } cases[] = {
        {tap, robust, OHP_DECISION_MATCH, "exact"},
        {similar, robust, OHP_DECISION_ROBUST_MATCH, "robust"},
        {similar, none, OHP_DECISION_MISMATCH, "mismatch"},
        {silent, robust, OHP_DECISION_NO_USABLE_AUDIO, "no-usable-audio"},
        {empty, robust, OHP_DECISION_NO_MEDIA, "no-media"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OK(ohp_tap_continuity(cases[i].tap, exact, cases[i].robust, &why, &heard));
        CHECK(heard.decision == (uint32_t)cases[i].decision && why.len > 0);
        CHECK((heard.bit_errors > 0) == (heard.decision == OHP_DECISION_ROBUST_MATCH));
        CHECK(heard.bit_errors <= OHP_ROBUST_ERRORS_MAX);
        const ohp_str word = ohp_decision_text(heard.decision);
        CHECK(word.len == strlen(cases[i].word) && memcmp(word.data, cases[i].word, word.len) == 0);
    }
    CHECK(ohp_decision_text(OHP_DECISION_NONE).data == NULL && ohp_decision_text(77).data == NULL);
    OK(ohp_tap_continuity(similar, none, robust, NULL, &heard));
    CHECK(heard.decision == OHP_DECISION_ROBUST_MATCH);
    STATUS(OHP_ERR_NULL, ohp_tap_continuity(similar, none, none, NULL, &heard));
    STATUS(OHP_ERR_MALFORMED, ohp_tap_continuity(similar, robust, none, NULL, &heard));
    STATUS(OHP_ERR_MALFORMED, ohp_tap_continuity(similar, none, exact, NULL, &heard));
    free(third_memory);
    free(fourth_memory);
    free(fifth_memory);

    /* Payload types come from the description, or one by one; then frames without RTP headers. */
    static const char SDP[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
                              "m=audio 4000 RTP/AVP 8\r\n";
    OK(ohp_tap_set_sdp(tap, TEXT(SDP)));
    STATUS(OHP_NONE, ohp_tap_write_rtp(tap, silence, sizeof silence));
    STATUS(OHP_ERR_MALFORMED, ohp_tap_set_sdp(tap, TEXT("not a description")));
    STATUS(OHP_NONE, ohp_tap_set_sdp(tap, TEXT("v=0\r\n")));
    uint8_t codecs[OHP_PAYLOAD_TYPES] = {OHP_CODEC_PCMU};
    OK(ohp_tap_set_payload_types(tap, codecs));
    OK(ohp_tap_write_rtp(tap, silence, sizeof silence));
    codecs[100] = 200;
    STATUS(OHP_ERR_RANGE, ohp_tap_set_payload_types(tap, codecs));
    ohp_frame frame = {.size = sizeof frame, .codec = OHP_CODEC_PCMA, .source = 1, .timestamp = 160,
                       .payload = silence, .payload_len = 160};
    OK(ohp_tap_write_frame(tap, &frame));
    frame.payload_len = 0;
    STATUS(OHP_NONE, ohp_tap_write_frame(tap, &frame));
    frame.codec = 200;
    STATUS(OHP_ERR_RANGE, ohp_tap_write_frame(tap, &frame));
    frame.codec = OHP_CODEC_G722;
    frame.payload_len = 160;
    frame.timestamp = 20;
    frame.is_milliseconds = 1;
    OK(ohp_tap_write_frame(tap, &frame));
    frame.is_milliseconds = 2;
    STATUS(OHP_ERR_RANGE, ohp_tap_write_frame(tap, &frame));

    /* Or samples. */
    static const int16_t samples[960] = {1, -1};
    ohp_pcm pcm = {.size = sizeof pcm, .sample_rate = 48000, .source = 7, .continues = 1, .samples = samples, .count = 960};
    OK(ohp_tap_write_pcm(tap, &pcm));
    pcm.count = 0;
    STATUS(OHP_NONE, ohp_tap_write_pcm(tap, &pcm));
    pcm.count = 960;
    pcm.sample_rate = 8000;
    OK(ohp_tap_write_pcm(tap, &pcm));
    pcm.count = 961;
    STATUS(OHP_ERR_TOO_LONG, ohp_tap_write_pcm(tap, &pcm));
    pcm.sample_rate = 11025;
    STATUS(OHP_ERR_RANGE, ohp_tap_write_pcm(tap, &pcm));
    pcm.reserved[0] = 1;
    STATUS(OHP_ERR_SIZE, ohp_tap_write_pcm(tap, &pcm));
    free(memory);
    free(other_memory);
    return 0;
}
