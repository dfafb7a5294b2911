//! Two Asterisks: an agent's, which a caller has reached, and a contact centre's, which it hands the caller over to.

use crate::handoff::OHP;
use crate::pbx::{Pbx, Plan};
use crate::peer::told;
use crate::phone::Phone;
use crate::sender::{self, template};

/// The agent's: whoever calls is put through to the centre, once that has taken the conversation.
const AGENT: &str = "
[in]
exten => desk,1,Answer()
 same => n,Dial(PJSIP/agent/sip:ohp@CENTRE,30,U(to-centre^1))
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS})
 same => n,Hangup()
[to-centre]
exten => s,1,OHPPropose()
 same => n(again),OHPWait(30)
 same => n,UserEvent(Outcome,Status: ${OHP_STATUS})
 same => n,ExecIf($[\"${OHP_STATUS}\"=\"ACCEPTED\"]?OHPAssume())
 same => n,GotoIf($[\"${OHP_STATUS}\"=\"SUCCESS\"]?again)
 same => n,Return()
";

/// The centre's: it takes what is proposed, and plays back what the caller says.
const CENTRE: &str = "
[in]
exten => ohp,1,Answer()
 same => n(again),OHPWait(30)
 same => n,UserEvent(Outcome,Status: ${OHP_STATUS},Tier: ${OHP(tier)},Intent: ${OHP(intent.current.name)},Topic: ${OHP(slots.topic)})
 same => n,ExecIf($[\"${OHP_STATUS}\"=\"PROPOSED\"]?OHPAccept())
 same => n,GotoIf($[\"${OHP_STATUS}\"=\"SUCCESS\"]?again)
 same => n,GotoIf($[\"${OHP_STATUS}\"=\"NEEDS\"]?again)
 same => n,Echo()
";

#[test]
fn agents_asterisk_hands_its_caller_over_to_the_centres() {
    for tier in ["core", "signed"] {
        let (agent, config) = told(tier);
        let mut centre = Pbx::start(
            "chain-centre",
            &Plan {
                ohp: OHP,
                extensions: CENTRE,
                files: &[("bundle.json", config["bundle"].clone())],
                ..Plan::default()
            },
        );
        let mut desk = Pbx::start(
            "chain-agent",
            &Plan {
                ohp: &sender::OHP.replace("TIER", tier),
                extensions: &AGENT.replace("CENTRE", &centre.sip.to_string()),
                files: &[
                    ("bundle.json", agent["bundle"].clone()),
                    ("template.json", template(tier)),
                ],
                ..Plan::default()
            },
        );
        let mut caller = Phone::call(desk.sip, "127.0.0.2", "desk", "caller");
        let proposed = centre.outcome("PROPOSED");
        let topic = (proposed.get("Tier"), proposed.get("Intent"), proposed.get("Topic"));
        assert_eq!(topic, (tier, "dispute_charge", "card"));
        desk.outcome("ACCEPTED");
        desk.outcome("HANDEDOFF");
        centre.outcome("HANDEDOFF");
        // The caller is through: what it says comes back from the centre.
        let heard = (0..50).any(|_| caller.talk_and_hear(10));
        assert!(heard);
        caller.hang_up();
        desk.event("end of the call", |event| {
            event.is_user_event("Dialled") || event.get("Event") == "Hangup"
        });
        for pbx in [&mut desk, &mut centre] {
            pbx.wait_for("ohp show calls", |printed| {
                !printed.iter().any(|line| line.contains("PJSIP/"))
            });
        }
        desk.stop();
        centre.stop();
    }
}
