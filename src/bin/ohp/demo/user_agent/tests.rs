//! Two user agents in one thread: calls over good and bad weather.

use std::time::Duration;

use super::*;

fn agents(weather: Weather) -> (UserAgent, UserAgent) {
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let other = Weather {
        seed: weather.seed + 1,
        ..weather
    };
    (
        UserAgent::bind("caller", anywhere, Spoken::Pcmu, weather).unwrap(),
        UserAgent::bind("callee", anywhere, Spoken::Pcmu, other).unwrap(),
    )
}

/// A call of the kind that the demonstration makes: INFO bodies one way and back, RTP all the while, BYE. Gives
/// the bodies that came back, and whether both sides saw the end.
fn call(weather: Weather, bodies: &[Vec<u8>]) -> (Vec<Vec<u8>>, bool, usize) {
    let (mut caller, mut callee) = agents(weather);
    let begin = Instant::now();
    let call = caller.invite(begin, callee.address(), None).unwrap();
    let (mut echoed, mut ended, mut packets) = (Vec::new(), [false; 2], 0);
    while begin.elapsed() < Duration::from_secs(60) && !(ended[0] && ended[1]) {
        let now = Instant::now();
        caller.step(now);
        callee.step(now);
        while let Some(event) = caller.poll_event() {
            match event {
                Event::Confirmed { dialog, .. } => {
                    for body in bodies {
                        caller.send_info(now, dialog, "Content-Type: application/ohp+cbor\r\n", body);
                    }
                }
                Event::Info { dialog, request } => {
                    caller.respond(now, dialog, &request, 200);
                    echoed.push(request.body);
                }
                Event::InfoDone { status, .. } => assert_eq!(status, 200),
                Event::Ended { .. } => ended[0] = true,
                Event::Failed { status, .. } => panic!("the call failed: {status}"),
                Event::Invited { .. } | Event::Rtp { .. } => {}
            }
        }
        while let Some(event) = callee.poll_event() {
            match event {
                Event::Invited { dialog, .. } => {
                    callee.accept(now, dialog).unwrap();
                }
                Event::Info { dialog, request } => {
                    callee.respond(now, dialog, &request, 200);
                    let lines = format!("Content-Type: {}\r\n", request.header("Content-Type", "c").unwrap());
                    callee.send_info(now, dialog, &lines, &request.body);
                }
                Event::Ended { by_peer, .. } => ended[1] = by_peer,
                Event::Rtp { .. } => packets += 1,
                _ => {}
            }
        }
        caller.send_rtp(now, call, &[0x80; 172]);
        if echoed.len() == bodies.len() && !caller.is_busy() && !callee.is_busy() {
            caller.bye(now, call);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    (echoed, ended[0] && ended[1], packets)
}

fn bodies() -> Vec<Vec<u8>> {
    (0..8u8)
        .map(|number| (0..=255).map(|byte: u8| byte ^ number).collect())
        .collect()
}

#[test]
fn call_with_info_both_ways_ends_on_both_sides() {
    let (echoed, ended, packets) = call(Weather::default(), &bodies());
    assert_eq!(echoed, bodies());
    assert!(ended);
    assert!(packets > 0);
}

#[test]
fn each_info_arrives_once_and_in_order_over_loss_and_reordering() {
    let runs: Vec<_> = (0..6)
        .map(|seed| {
            std::thread::spawn(move || {
                call(
                    Weather {
                        loss: 0.1,
                        reorder: 0.1,
                        seed: seed * 100,
                    },
                    &bodies(),
                )
            })
        })
        .collect();
    for run in runs {
        let (echoed, ended, _) = run.join().unwrap();
        assert_eq!(echoed, bodies());
        assert!(ended);
    }
}

#[test]
fn new_call_names_the_call_that_it_replaces() {
    let (mut caller, mut callee) = agents(Weather::default());
    let begin = Instant::now();
    let first = caller.invite(begin, callee.address(), None).unwrap();
    let (mut replaced, mut first_ended, mut second) = (None, false, None);
    while begin.elapsed() < Duration::from_secs(10) && !first_ended {
        let now = Instant::now();
        caller.step(now);
        callee.step(now);
        while let Some(event) = caller.poll_event() {
            match event {
                Event::Confirmed { dialog, .. } if dialog == first => {
                    second = Some(caller.invite(now, callee.address(), Some(first)).unwrap());
                }
                Event::Ended { dialog, by_peer } => first_ended = dialog == first && by_peer,
                _ => {}
            }
        }
        while let Some(event) = callee.poll_event() {
            if let Event::Invited { dialog, replaces, .. } = event {
                callee.accept(now, dialog).unwrap();
                replaced = replaces;
                if let Some(old) = replaces {
                    callee.bye(now, old);
                }
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(first_ended);
    assert_eq!(callee.call_id(replaced.unwrap()), caller.call_id(first));
    assert_ne!(caller.call_id(second.unwrap()), caller.call_id(first));
}

#[test]
fn call_to_nobody_fails_and_info_outside_a_dialog_is_refused() {
    let (mut caller, mut callee) = agents(Weather::default());
    let begin = Instant::now();
    let nobody = caller.invite(begin, "127.0.0.1:9".parse().unwrap(), None).unwrap();
    caller.step(begin + LIFETIME);
    let failed = caller.poll_event();
    assert!(
        matches!(failed, Some(Event::Failed { dialog, status: 408 }) if dialog == nobody),
        "{failed:?}"
    );

    caller.dialogs[nobody.0].peer = callee.address();
    caller.dialogs[nobody.0].remote_tag = Some("unknown".into());
    caller.send_info(begin, nobody, "", b"body");
    while begin.elapsed() < Duration::from_secs(5) {
        callee.step(Instant::now());
        caller.step(begin);
        if let Some(Event::InfoDone { status, .. }) = caller.poll_event() {
            assert_eq!(status, 481);
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the INFO was never answered");
}

#[test]
fn info_outstanding_when_the_call_ends_is_answered_for() {
    let (mut caller, mut callee) = agents(Weather::default());
    let begin = Instant::now();
    caller.invite(begin, callee.address(), None).unwrap();
    let mut seen = Vec::new();
    while begin.elapsed() < Duration::from_secs(10) && seen.len() < 2 {
        let now = Instant::now();
        caller.step(now);
        callee.step(now);
        while let Some(event) = caller.poll_event() {
            match event {
                Event::Confirmed { dialog, .. } => caller.send_info(now, dialog, "", b"body"),
                Event::InfoDone { status, .. } => seen.push(status.to_string()),
                Event::Ended { .. } => seen.push("ended".to_owned()),
                _ => {}
            }
        }
        while let Some(event) = callee.poll_event() {
            match event {
                Event::Invited { dialog, .. } => {
                    callee.accept(now, dialog).unwrap();
                }
                // It hangs up instead of answering.
                Event::Info { dialog, .. } => callee.bye(now, dialog),
                _ => {}
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(seen, ["481", "ended"]);
}
