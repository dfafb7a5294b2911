//! INFO requests as they come over a bad network, from a stranger, or in the middle of something else.

use std::time::Duration;

use ohp::envelope::{Tier, Verb};
use ohp::transport::outgoing;

use crate::common::{self, Random};
use crate::pbx::{Pbx, Plan};
use crate::phone::Phone;
use crate::scene::{CALL, Scene};
use crate::verdicts::{Stage, centre, infos_of};

const AGENT: &str = "127.0.0.1";
const PLAIN: &str = "127.0.0.2";
/// An endpoint with handoffs whose sound is not kept.
const QUIET: &str = "127.0.0.4";

/// Larger bodies would not make many parts of it.
const SMALL_BODY: usize = 300;

/// Longer than an Asterisk that answers takes to do so.
const UNANSWERED: Duration = Duration::from_secs(3);

#[test]
fn parts_in_any_order_and_more_than_once_make_one_proposal() {
    let mut pbx = centre("parts");
    let mut random = Random::new(1);
    for _ in 0..3 {
        let (mut stage, cbor) = Stage::set(&mut pbx, AGENT, &mut Scene::at(Tier::Signed));
        let parts = infos_of(&cbor, SMALL_BODY);
        assert!(parts.len() > 3, "{}", parts.len());
        // What SIP puts into order is CSeq, which rises whatever part it carries.
        let mut order: Vec<_> = (0..parts.len()).collect();
        (1..order.len()).for_each(|at| order.swap(at, random.below(at + 1)));
        for at in order[..order.len() - 1]
            .iter()
            .flat_map(|at| [at, at])
            .chain(order.last())
        {
            let (lines, body) = &parts[*at];
            let answer = stage.phone.request("INFO", lines, body);
            assert_eq!(answer.status(), Some(200), "{answer:?}");
        }
        pbx.outcome("PROPOSED");
        assert_eq!(stage.answer().0, Verb::Accept);
        stage.phone.listen(Duration::from_millis(300));
        assert_eq!((stage.phone.infos(), pbx.outcomes()), (0, 0));
        stage.phone.hang_up();
    }
    pbx.stop();
}

#[test]
fn request_that_is_sent_again_gets_the_same_answer_and_does_nothing_more() {
    let mut pbx = centre("again");
    let (mut stage, cbor) = Stage::set(&mut pbx, AGENT, &mut Scene::at(Tier::Core));
    let parts = infos_of(&cbor, outgoing::Form::default().body_max);
    for (lines, body) in &parts {
        let request = stage.phone.prepare("INFO", lines, body);
        for _ in 0..3 {
            stage.phone.send(&request);
        }
        assert_eq!(stage.phone.answer_to(&request).status(), Some(200));
        // Once more after it has been answered.
        stage.phone.send(&request);
        assert_eq!(stage.phone.answer_to(&request).status(), Some(200));
    }
    pbx.outcome("PROPOSED");
    assert_eq!(stage.answer().0, Verb::Accept);
    stage.phone.listen(Duration::from_millis(300));
    assert_eq!((stage.phone.infos(), pbx.outcomes()), (0, 0));
    stage.phone.hang_up();
    pbx.stop();
}

#[test]
fn answer_is_sent_again_until_it_is_answered() {
    let mut pbx = centre("deaf");
    let (mut stage, cbor) = Stage::set(&mut pbx, AGENT, &mut Scene::at(Tier::Core));
    stage.phone.is_deaf = true;
    stage.propose(&cbor);
    pbx.outcome("PROPOSED");
    while stage.phone.heard < 3 {
        stage.phone.listen(Duration::from_millis(100));
    }
    stage.phone.is_deaf = false;
    assert_eq!(stage.answer().0, Verb::Accept);
    stage.phone.hang_up();
    pbx.stop();
}

/// What a request of ours, and others, are answered on an endpoint that ohp.conf does not name: as if there were no module.
#[test]
fn endpoint_without_configuration_is_as_in_stock_asterisk() {
    let requests = [
        (
            "OHP-Version: 0.1\r\nOHP-Tier: core\r\nOHP-Verb: PROPOSE\r\nContent-Type: application/ohp+cbor\r\n",
            "\u{1}",
        ),
        (
            "Content-Type: application/dtmf-relay\r\n",
            "Signal=5\r\nDuration=160\r\n",
        ),
        ("Content-Type: text/plain\r\n", "hello"),
        ("", ""),
    ];
    let answers = |is_stock: bool, from: &str| {
        let extensions = "[in]\nexten => ohp,1,Answer()\n same => n,Echo()\n";
        let pbx = Pbx::start(
            if is_stock { "stock" } else { "untouched" },
            &Plan {
                ohp: crate::handoff::OHP,
                extensions,
                files: &[("bundle.json", Scene::at(Tier::Core).trust)],
                is_stock,
                ..Plan::default()
            },
        );
        let mut phone = Phone::call(pbx.sip, from, "ohp", CALL);
        let answers = requests.map(|(lines, body)| {
            let request = phone.prepare("INFO", lines, body.as_bytes());
            phone.send(&request);
            // Some are not answered at all.
            let answer = phone.answer_within(&request, UNANSWERED)?;
            let names = answer.head.split("\r\n").filter_map(|line| line.split_once(':'));
            let names: Vec<_> = names.map(|(name, _)| name.to_owned()).collect();
            Some((answer.status(), names))
        });
        phone.hang_up();
        pbx.stop();
        answers
    };
    let stock = answers(true, PLAIN);
    assert_eq!(answers(false, PLAIN), stock);
    assert_ne!(
        answers(false, QUIET),
        stock,
        "the same is answered where there are handoffs"
    );
}

#[test]
fn hanging_up_in_the_middle_leaves_nothing_behind() {
    let mut pbx = centre("hangup");
    for keep in [1, 2] {
        let (mut stage, cbor) = Stage::set(&mut pbx, AGENT, &mut Scene::at(Tier::Signed));
        let parts = infos_of(&cbor, SMALL_BODY);
        for (lines, body) in &parts[..keep] {
            stage.phone.request("INFO", lines, body);
        }
        stage.phone.hang_up();
    }
    // While the verdict is being made, and while the answer is on its way.
    for deaf in [false, true] {
        let (mut stage, cbor) = Stage::set(&mut pbx, AGENT, &mut Scene::at(Tier::Core));
        stage.phone.is_deaf = true;
        let parts = infos_of(&cbor, outgoing::Form::default().body_max);
        for (lines, body) in &parts {
            let request = stage.phone.prepare("INFO", lines, body);
            stage.phone.send(&request);
        }
        if deaf {
            pbx.outcome("PROPOSED");
        }
        stage.phone.hang_up();
    }
    pbx.wait_for("ohp show calls", |printed| {
        !printed.iter().any(|line| line.contains("PJSIP/"))
    });
    let (mut stage, cbor) = Stage::set(&mut pbx, AGENT, &mut Scene::at(Tier::Core));
    stage.propose(&cbor);
    assert_eq!(stage.answer().0, Verb::Accept);
    stage.phone.hang_up();
    pbx.stop();
}

#[test]
fn call_that_was_on_hold_hands_over_when_it_is_back() {
    let mut pbx = centre("hold");
    let mut scene = Scene::at(Tier::Signed);
    let (mut stage, _) = Stage::set(&mut pbx, AGENT, &mut scene);
    for direction in ["sendonly", "sendrecv"] {
        let answer = stage.phone.invite(direction);
        assert_eq!(answer.status(), Some(200), "{answer:?}");
    }
    stage.phone.talk(25);
    scene.envelope["session"]["media"] = serde_json::json!({ "rtpFingerprint": stage.phone.fingerprint() });
    let cbor = scene.finish();
    stage.propose(&cbor);
    pbx.outcome("PROPOSED");
    assert_eq!(stage.answer().0, Verb::Accept);
    stage.phone.hang_up();
    pbx.stop();
}

/// What was said before is compared, not what somebody claims to have heard.
#[test]
fn proposal_on_the_sound_of_another_call_is_refused() {
    let mut pbx = centre("sound");
    let mut other = Phone::call(pbx.sip, PLAIN, "ohp", "another-call");
    other.talk(15);
    let mut scene = Scene::at(Tier::Signed);
    scene.envelope["session"]["media"] = serde_json::json!({ "rtpFingerprint": other.fingerprint() });
    // It might yet come, so the answer waits for the end of the proposal's life.
    scene.envelope["notAfter"] = "2026-05-28T13:42:15Z".into();
    let (mut stage, cbor) = Stage::set(&mut pbx, AGENT, &mut scene);
    stage.propose(&cbor);
    stage.phone.talk(100);
    assert_eq!(stage.answer(), (Verb::Reject, "not-bound-to-call".to_owned()));
    stage.phone.hang_up();
    other.hang_up();
    pbx.stop();
}

/// Bodies out of the SIP suites, which are anything but messages of ours, beside a call that hands over meanwhile.
#[test]
fn flood_of_malformed_requests_disturbs_nobody() {
    if !common::shared_is_here() {
        return;
    }
    let mut bodies = Vec::new();
    for suite in [
        "sip-rfc4475",
        "sip-kamailio-misc",
        "sip-sipgo-fuzz-crashers",
        "sdp-sofia",
    ] {
        let mut folders = vec![common::shared().join("vectors").join(suite)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    bodies.push(std::fs::read(&path).expect("readable"));
                }
            }
        }
    }
    bodies.retain(|body| body.len() < 4_000);
    bodies.sort();
    assert!(bodies.len() > 50, "{}", bodies.len());
    let mut pbx = centre("flood");
    let mut stranger = Phone::call(pbx.sip, QUIET, "ohp", "stranger");
    let (mut stage, cbor) = Stage::set(&mut pbx, AGENT, &mut Scene::at(Tier::Signed));
    let types = [
        "Content-Type: application/ohp+cbor\r\n",
        "Content-Type: application/ohp+json\r\n",
        "Content-Type: multipart/ohp; boundary=\"x\"\r\n",
        "Content-Type: application/ohp+cbor\r\nOHP-Chunk: 1/2; id=cse_01HZX0R5N9V8W1QYK0XQM3R3K9\r\n",
    ];
    let rounds = if std::env::var_os("OHP_ASTERISK_LONG").is_some() {
        20
    } else {
        1
    };
    let mut parts = infos_of(&cbor, SMALL_BODY).into_iter();
    for (nth, body) in bodies.iter().cycle().take(bodies.len() * rounds).enumerate() {
        let lines = format!(
            "OHP-Version: 0.1\r\nOHP-Tier: core\r\nOHP-Verb: PROPOSE\r\n{}",
            types[nth % types.len()]
        );
        let answer = stranger.request("INFO", &lines, body);
        let status = answer.status().expect("a response");
        assert!(
            (400..500).contains(&status) || status == 200 && nth % types.len() == 3,
            "{answer:?}"
        );
        if nth % 10 == 0
            && let Some((lines, body)) = parts.next()
        {
            assert_eq!(stage.phone.request("INFO", &lines, &body).status(), Some(200));
        }
    }
    for (lines, body) in parts {
        assert_eq!(stage.phone.request("INFO", &lines, &body).status(), Some(200));
    }
    assert_eq!(stage.answer().0, Verb::Accept);
    stage.phone.hang_up();
    stranger.hang_up();
    pbx.stop();
}
