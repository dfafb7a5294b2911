/* Trust bundles and an envelope. The keys are public: never use them for anything else. */

#include "test.h"

const char SENDER_TRUST[] =
    "{\"ohpTrust\":1,\"receiver\":{\"vendor\":\"voice-agent\",\"did\":\"did:web:voice-age"
    "nt.example\",\"agentId\":\"agent-1\",\"region\":\"eu-west-1\",\"maxTier\":\"signed\""
    ",\"keys\":{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"voice-agent-exam"
    "ple\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"x\":\"uR5xfX54UD27kPe1ptYC7rlfY0Q_MIT9pVOC"
    "q1f5-0U\",\"d\":\"gIwGOH7fLRF05r3HeEcC40V-ZFvef6Yabfg0lYgL9cE\"}]}},\"issuers\":{\"d"
    "id:web:contact-centre.example\":{\"jwks\":{\"keys\":[{\"alg\":\"EdDSA\",\"crv\":\"Ed"
    "25519\",\"kid\":\"contact-centre-example\",\"kty\":\"OKP\",\"use\":\"sig\",\"x\":\"v"
    "RSLXOPPfLiCvAvRiwn6J38iVTDfb626cL5lM1nFtws\"}]}}}}";

const char RECEIVER_TRUST[] =
    "{\"ohpTrust\":1,\"receiver\":{\"vendor\":\"contact-centre\",\"did\":\"did:web:contac"
    "t-centre.example\",\"agentId\":\"queue-7\",\"region\":\"eu-west-1\",\"maxTier\":\"si"
    "gned\",\"keys\":{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"contact-ce"
    "ntre-example\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"x\":\"vRSLXOPPfLiCvAvRiwn6J38iVTD"
    "fb626cL5lM1nFtws\",\"d\":\"gyFFxJ8GsAhwIrY5XzV5NLuz8rgSj2dx72-maVOnJi0\"}]}},\"issue"
    "rs\":{\"did:web:voice-agent.example\":{\"jwks\":{\"keys\":[{\"alg\":\"EdDSA\",\"crv"
    "\":\"Ed25519\",\"kid\":\"voice-agent-example\",\"kty\":\"OKP\",\"use\":\"sig\",\"x\""
    ":\"uR5xfX54UD27kPe1ptYC7rlfY0Q_MIT9pVOCq1f5-0U\"}]}}}}";

const char CORE_JSON[] =
    "{\"ohp\":\"0.1\",\"conformance\":\"core\",\"id\":\"cse_01HZX0R5N9V8W1QYK0XQM3R3K9\","
    "\"issuedAt\":\"2026-05-28T13:42:11Z\",\"notAfter\":\"2026-05-28T13:47:11Z\",\"issuer"
    "\":{\"vendor\":\"voice-agent\",\"agentId\":\"agent-1\",\"region\":\"eu-west-1\"},\"a"
    "udience\":{\"vendor\":\"contact-centre\",\"purpose\":\"human-takeover\",\"minTier\":"
    "\"core\"},\"session\":{\"callId\":\"a84b4c76e66710@pc33.atlanta.example.com\",\"chan"
    "nel\":\"voice/sip\",\"locale\":\"en-GB\"},\"intent\":{\"current\":{\"name\":\"billin"
    "g_dispute\",\"confidence\":0.94},\"stack\":[],\"slots\":{\"accountRef\":\"acct_77\","
    "\"attempts\":3,\"amount\":42.5,\"urgent\":true,\"a.b\":\"dotted\"}},\"transcript\":{"
    "\"turns\":[{\"role\":\"caller\",\"text\":\"I would like a human.\",\"t\":\"PT12S\"},"
    "{\"role\":\"agent\",\"text\":\"Of course.\",\"t\":\"PT15S\"}],\"summary\":\"Disputes"
    " a charge.\"},\"control\":{\"verb\":\"PROPOSE\",\"reason\":\"human-requested\",\"non"
    "ce\":\"9f2c1b7a55d04e21\"}}";
