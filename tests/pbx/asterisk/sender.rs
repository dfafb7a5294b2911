//! An Asterisk that hands over: to our contact centre, which judges what it proposes.

use serde_json::{Value, json};

use crate::handoff::has;
use crate::pbx::{Pbx, Plan};
use crate::peer::{Peer, told};

const AGENT: &str = "
[out]
exten => s,1,OHPPropose()
 same => n,UserEvent(Did,Verb: PROPOSE,Status: ${OHP_STATUS},Error: ${OHP_ERROR})
 same => n(again),OHPWait(30)
 same => n,UserEvent(Outcome,Status: ${OHP_STATUS})
 same => n,GotoIf($[\"${OHP_STATUS}\"=\"TIMEOUT\"]?end)
 same => n,ExecIf($[\"${OHP_STATUS}\"=\"ACCEPTED\"]?OHPAssume())
 same => n,GotoIf($[\"${OHP_STATUS}\"!=\"RETURNED\"]?again)
 same => n(end),Hangup()
";

pub const OHP: &str = "
[desk]
type=profile
bundle=FOLDER/bundle.json
template=FOLDER/template.json
tier=TIER
[agent]
type=endpoint
profile=desk
media_check=yes
";

/// What the application knows of the conversation.
pub fn template(tier: &str) -> Value {
    let mut template = json!({
        "audience": { "vendor": "vendor-b", "purpose": "human-takeover", "minTier": tier },
        "session": { "channel": "voice/sip", "locale": "en-GB" },
        "intent": { "current": { "name": "dispute_charge", "confidence": 0.91 }, "stack": [], "slots": { "topic": "card" } },
        "transcript": { "summary": "Caller disputes a charge." },
        "policy": { "guardrails": ["no-cross-sell"] },
        "control": { "reason": "human-requested" },
    });
    if tier == "signed" {
        template["audience"]["did"] = "did:web:cc.example.com".into();
        template["transcript"]["redaction"] = json!({ "policy": "pii-mask", "version": "1" });
        template["policy"] = json!({
            "retention": { "transcript": "P30D" }, "redaction": { "pii": "mask" }, "guardrails": ["no-cross-sell"],
            "dataResidency": ["GB"],
        });
    }
    template
}

#[test]
fn asterisk_proposes_assumes_and_gets_the_conversation_back() {
    for tier in ["core", "signed"] {
        let (agent, mut centre) = told(tier);
        let mut pbx = Pbx::start(
            &format!("sender-{tier}"),
            &Plan {
                ohp: &OHP.replace("TIER", tier),
                extensions: AGENT,
                files: &[
                    ("bundle.json", agent["bundle"].clone()),
                    ("template.json", template(tier)),
                ],
                ..Plan::default()
            },
        );
        centre["trials"] = json!(false);
        let mut centre = Peer::start(&centre);
        let listening = centre.event("listening");
        let address = listening["sip"].as_str().expect("an address");
        let channel = format!("PJSIP/agent/sip:ohp@{address}");
        let fields = [
            ("Channel", channel.as_str()),
            ("Context", "out"),
            ("Exten", "s"),
            ("Priority", "1"),
        ];
        let response = pbx.ask("Originate", &[&fields[..], &[("Async", "true")]].concat());
        assert_eq!(response.get("Response"), "Success", "{response:?}");
        for status in ["ACCEPTED", "HANDEDOFF", "RETURNED"] {
            pbx.outcome(status);
        }
        let told = centre.end();
        let verified = told
            .iter()
            .find(|event| event["what"] == "verified")
            .expect("a proposal");
        assert!(verified.to_string().contains("accept"), "{verified}");
        assert!(has(&told, "holds"), "{told:#?}");
        pbx.stop();
    }
}
