//! Handoffs that go as they should, from our voice agent to an Asterisk that plays the contact centre.

use serde_json::{Value, json};

use crate::pbx::{Pbx, Plan};
use crate::peer::{Peer, told};

/// The contact centre: it says what happens, accepts what is proposed, and gives back what it was handed, if it is to.
pub const CENTRE: &str = "
[in]
exten => ohp,1,Answer()
 same => n(again),OHPWait(60)
 same => n,GotoIf($[\"${OHP_STATUS}\"=\"UNAVAILABLE\"]?plain)
 same => n,UserEvent(Outcome,Status: ${OHP_STATUS},Tier: ${OHP(tier)},Intent: ${OHP(intent.current.name)},Topic: ${OHP(intent.slots.topic)})
 same => n,ExecIf($[\"${OHP_STATUS}\"=\"PROPOSED\"]?OHPAccept())
 same => n,ExecIf($[\"${OHP_STATUS}\"=\"HANDEDOFF\"]?OHPReturn(resolved))
 same => n,GotoIf($[\"${OHP_STATUS}\"!=\"TIMEOUT\"]?again)
 same => n,Hangup()
 same => n(plain),Echo()
exten => echo,1,Answer()
 same => n,Echo()
";

/// All endpoints of calls with handoffs, and profiles for them. Nothing is said of the endpoint `plain`.
pub const OHP: &str = "
[centre]
type=profile
bundle=FOLDER/bundle.json
enforce=yes
[centre-lenient]
type=profile
bundle=FOLDER/bundle.json
[agent]
type=endpoint
profile=centre
media_check=yes
[lenient]
type=endpoint
profile=centre-lenient
media_check=yes
[quiet]
type=endpoint
profile=centre
";

fn centre(name: &str, config: &Value) -> Pbx {
    Pbx::start(
        name,
        &Plan {
            ohp: OHP,
            extensions: CENTRE,
            files: &[("bundle.json", config["bundle"].clone())],
            ..Plan::default()
        },
    )
}

pub fn has(told: &[Value], what: &str) -> bool {
    told.iter().any(|event| event["what"] == what)
}

/// Runs the agent against `pbx`, once more with everything that must be refused if there are `trials`; what it told.
fn run_agent(mut config: Value, pbx: &Pbx, give_back: bool, trials: bool) -> Vec<Value> {
    config["peer"] = pbx.sip.to_string().into();
    config["giveBack"] = json!(give_back);
    config["trials"] = json!(trials);
    let told = Peer::start(&config).end();
    assert!(has(&told, "done"), "{told:#?}");
    told
}

#[test]
fn core_handoff_is_accepted_and_assumed() {
    let (agent, config) = told("core");
    let mut pbx = centre("core", &config);
    run_agent(agent, &pbx, false, false);
    let proposed = pbx.outcome("PROPOSED");
    assert_eq!(
        (proposed.get("Tier"), proposed.get("Intent")),
        ("core", "dispute_charge")
    );
    pbx.outcome("HANDEDOFF");
    pbx.stop();
}

/// The sound is compared: what the agent says of it is right, and a proposal without any is not tried.
#[test]
fn signed_handoff_in_several_requests_is_accepted_on_the_calls_own_sound() {
    let (agent, config) = told("signed");
    let mut pbx = centre("signed", &config);
    let told = run_agent(agent, &pbx, false, false);
    let proposes = told
        .iter()
        .find(|event| event["what"] == "proposes")
        .expect("a proposal");
    assert!(proposes["infos"].as_u64() > Some(1), "{proposes}");
    let proposed = pbx.outcome("PROPOSED");
    assert_eq!((proposed.get("Tier"), proposed.get("Topic")), ("signed", "card-charge"));
    pbx.outcome("HANDEDOFF");
    pbx.stop();
}

/// After a handoff that went well, a second call: its proposal is sent again, one is changed on its way, and one is too old.
#[test]
fn what_is_replayed_changed_or_stale_is_refused_in_a_second_call() {
    let (agent, config) = told("signed");
    let mut pbx = centre("trials", &config);
    let told = run_agent(agent, &pbx, false, true);
    let refused = told.iter().filter(|event| event["what"] == "refused");
    let refused: Vec<_> = refused
        .map(|event| {
            (
                event["trial"].as_str().expect("a name"),
                event["reason"].as_str().expect("a reason"),
            )
        })
        .collect();
    let expected = [
        ("replayed", "not-bound-to-call"),
        ("tampered", "signature-invalid"),
        ("stale", "stale"),
    ];
    assert_eq!(refused, expected, "{told:#?}");
    for status in ["PROPOSED", "HANDEDOFF", "RETURNED", "REFUSED", "REFUSED", "REFUSED"] {
        pbx.outcome(status);
    }
    pbx.stop();
}

/// The caller's own leg takes the agent's place (INVITE with Replaces), and the conversation comes back on it.
#[test]
fn handoff_goes_on_with_the_leg_that_takes_the_calls_place() {
    let (agent, config) = told("signed");
    let mut pbx = Pbx::start(
        "joins",
        &Plan {
            ohp: OHP,
            extensions: &CENTRE.replace("?OHPReturn(resolved)", "?Gosub(hold,1)").replace(
                "exten => echo",
                "exten => hold,1,Wait(4)\n same => n,OHPReturn(resolved)\n same => n,Return()\nexten => echo",
            ),
            files: &[("bundle.json", config["bundle"].clone())],
            ..Plan::default()
        },
    );
    let told = run_agent(agent, &pbx, true, false);
    let whats: Vec<_> = told
        .iter()
        .map(|event| event["what"].as_str().unwrap_or_default())
        .collect();
    for what in ["dropped", "resumes"] {
        assert!(whats.contains(&what), "{told:#?}");
    }
    for status in ["PROPOSED", "HANDEDOFF", "RETURNED"] {
        pbx.outcome(status);
    }
    pbx.stop();
}
