//! Whether a leg has to be re-INVITEd before it takes a call over, on descriptions as PBXs, SBCs and browsers send them.

use ohp::media::sdp::{Description, HINTS_LEN, MAX_AUDIO, Negotiated, OfferReason, Renegotiation, SdpHints, SdpOrigin};

use crate::suite::Suite;

/// A description with one audio section, PCMU and PCMA, and further lines.
fn plain(lines: &str) -> String {
    format!("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n{lines}")
}

/// The leg that agreed on an offer and its answer, which this side offered or answered.
fn agreed(offerer: SdpOrigin, offer: &str, answer: &str) -> Negotiated {
    let answerer = match offerer {
        SdpOrigin::Local => SdpOrigin::Remote,
        SdpOrigin::Remote => SdpOrigin::Local,
    };
    let mut leg = Negotiated::NOTHING;
    leg.note(offerer, &Description::parse(offer.as_bytes()).expect("an offer"));
    leg.note(answerer, &Description::parse(answer.as_bytes()).expect("an answer"));
    leg
}

/// The answer to an envelope's hints as one text.
fn ask(leg: &Negotiated, received: &[&str], supported: &[&str]) -> String {
    let supported = (!supported.is_empty()).then(|| SdpHints::from_codecs(supported.iter().copied()));
    match leg.renegotiation(received.iter().copied(), supported.as_ref()) {
        Renegotiation::Unknown => "unknown".into(),
        Renegotiation::NotNeeded { codec } => format!("no {}", codec.as_ref().map_or("-", |codec| codec.as_str())),
        Renegotiation::Offer { reason, codecs } => format!("{reason:?} {}", codecs.as_str()),
        Renegotiation::Held { codec } => format!("held {}", codec.as_ref().map_or("-", |codec| codec.as_str())),
        Renegotiation::NoCommonCodec => "none".into(),
    }
}

use SdpOrigin::{Local, Remote};

/// Row 48.
#[test]
fn row_48_leg_is_reinvited_only_where_that_helps() {
    let leg = agreed(Remote, &plain(""), &plain(""));
    let can = &["OPUS/48000/2", "PCMU/8000", "PCMA/8000"];
    // The caller's leg uses what this one may send as well.
    assert_eq!(ask(&leg, &["OPUS/48000/2", "pcma/8000"], can), "no PCMA/8000");
    // It does not: the envelope's order, and what is in use last.
    assert_eq!(
        ask(&leg, &["opus/48000"], can),
        "Codec OPUS/48000/2 PCMU/8000 PCMA/8000"
    );
    assert_eq!(
        ask(&leg, &["G722/8000", "OPUS/48000/2"], &["opus/48000/2", "g722/16000"]),
        "Codec G722/16000 OPUS/48000/2 PCMU/8000 PCMA/8000"
    );
    // Nothing that this side can do; without its own list, nothing that it named.
    assert_eq!(ask(&leg, &["EVS/16000", "AMR-WB/16000"], can), "none");
    assert_eq!(ask(&leg, &["OPUS/48000/2"], &[]), "none");
    // Hints may be missing, unreadable, or of what is no sound (OHP §9.2).
    for hints in [&[][..], &["", "/8000"], &["telephone-event/8000", "CN/8000"]] {
        assert_eq!(ask(&leg, hints, can), "no -", "{hints:?}");
    }
    assert_eq!(ask(&Negotiated::NOTHING, &["PCMU/8000"], can), "unknown");
}

/// Row 48.
#[test]
fn offer_that_named_more_than_its_answer_agrees_on_the_answer() {
    let offer = "v=0\nm=audio 4000 RTP/AVP 96 9 0 101\na=rtpmap:96 opus/48000/2\na=rtpmap:101 telephone-event/8000\n";
    let answer = "v=0\nm=audio 5000 RTP/AVP 0 9 101\na=rtpmap:9 G722/16000\na=rtpmap:101 telephone-event/8000\n";
    let answered = agreed(Local, offer, answer);
    assert_eq!(answered.codecs().as_str(), "PCMU/8000 G722/16000");
    // This side offered Opus itself, so it can do it.
    assert_eq!(
        ask(&answered, &["OPUS/48000/2"], &[]),
        "Codec OPUS/48000/2 PCMU/8000 G722/16000"
    );
    // Dynamic numbers differ from leg to leg, and between the two directions of one.
    let renumbered = answer.replace("0 9 101", "111 101") + "a=rtpmap:111 opus/48000/2\n";
    assert_eq!(agreed(Local, offer, &renumbered).codecs().as_str(), "OPUS/48000/2");
    let mut half = Negotiated::NOTHING;
    half.note(Remote, &Description::parse(offer.as_bytes()).expect("an offer"));
    assert_eq!(half.codecs().as_str(), "OPUS/48000/2 G722/8000 PCMU/8000");
}

/// Row 48: who holds is who let less through than the other side did, or said so first.
#[test]
fn own_hold_is_ended_by_a_reinvite_and_the_peers_is_not() {
    const RESUME: &str = "Resume PCMU/8000 PCMA/8000";
    let nowhere = "c=IN IP4 0.0.0.0\r\n";
    for (offerer, offer, answer, expected) in [
        (Local, "", "", "no PCMU/8000"),
        // Held by one side, mirrored by the other (RFC 3264 §8.4).
        (Local, "a=sendonly\r\n", "a=recvonly\r\n", RESUME),
        (Remote, "a=sendonly\r\n", "a=recvonly\r\n", "held PCMU/8000"),
        (Local, "a=inactive\r\n", "a=inactive\r\n", RESUME),
        (Remote, "a=inactive\r\n", "a=inactive\r\n", "held PCMU/8000"),
        (Local, "a=recvonly\r\n", "a=sendonly\r\n", RESUME),
        (Remote, "a=recvonly\r\n", "a=sendonly\r\n", "held PCMU/8000"),
        // The answer holds.
        (Local, "", "a=inactive\r\n", "held PCMU/8000"),
        (Local, "", "a=recvonly\r\n", "held PCMU/8000"),
        (Remote, "", "a=sendonly\r\n", RESUME),
        // Both hold: this side's is what it can end.
        (Remote, "a=sendonly\r\n", "a=inactive\r\n", RESUME),
        (Local, "a=sendonly\r\n", "a=inactive\r\n", RESUME),
        // The old way, with and without a direction, for IP6 too; and what looks like it while ICE is at work.
        (Remote, nowhere, "", "held PCMU/8000"),
        (Local, nowhere, "", RESUME),
        (
            Remote,
            "c=IN IP4 0.0.0.0\r\na=sendonly\r\n",
            "a=recvonly\r\n",
            "held PCMU/8000",
        ),
        (Remote, "c=IN IP6 ::\r\n", "", "held PCMU/8000"),
        (Remote, "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n", "", "no PCMU/8000"),
    ] {
        let (offer, answer) = (plain(offer), plain(answer));
        let leg = agreed(offerer, &offer, &answer);
        assert_eq!(ask(&leg, &["PCMU/8000"], &[]), expected, "{offerer:?} {offer} {answer}");
    }
    // A hold is ended and a codec changed by one re-INVITE; under the peer's hold nothing is.
    let can = &["OPUS/48000/2", "PCMU"];
    let held = |offerer| agreed(offerer, &plain("a=sendonly\r\n"), &plain("a=recvonly\r\n"));
    assert_eq!(
        ask(&held(Local), &["OPUS/48000/2"], can),
        "Resume OPUS/48000/2 PCMU/8000 PCMA/8000"
    );
    assert_eq!(ask(&held(Remote), &["OPUS/48000/2"], can), "held -");
    assert!(held(Remote).is_on_hold() && held(Local).is_on_hold());
    assert!(!agreed(Local, &plain(""), &plain("")).is_on_hold());
}

/// Row 48.
#[test]
fn leg_without_sound_is_reinvited_for_it() {
    let fax = "v=0\nm=image 4000 udptl t38\n";
    let refused = "v=0\nm=audio 0 RTP/AVP 0\n";
    for (offer, answer) in [(fax, fax), (&plain("")[..], refused), ("v=0\n", "v=0\n")] {
        let leg = agreed(Local, offer, answer);
        assert_eq!(
            ask(&leg, &["PCMA/8000"], &["PCMU/8000", "PCMA/8000"]),
            "NoAudio PCMA/8000"
        );
        assert_eq!(
            ask(&leg, &[], &["PCMU/8000", "PCMA/8000"]),
            "NoAudio PCMU/8000 PCMA/8000"
        );
        assert_eq!(ask(&leg, &["OPUS/48000/2"], &["PCMU"]), "none");
        assert_eq!(ask(&leg, &[], &[]), "unknown");
    }
}

#[test]
fn sections_of_offer_and_answer_are_paired_by_their_place() {
    // The same sound as secure and as plain RTP, and a picture; the answer takes the second.
    let offer = "v=0\nm=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:aaaa\n\
        m=audio 4002 RTP/AVP 8\na=sendonly\nm=video 4004 RTP/AVP 31\n";
    let answer = "v=0\nm=audio 0 RTP/SAVP 0\nm=audio 5002 RTP/AVP 8\na=recvonly\nm=video 0 RTP/AVP 31\n";
    let leg = agreed(Remote, offer, answer);
    assert_eq!(leg.codecs().as_str(), "PCMA/8000");
    assert_eq!(ask(&leg, &["PCMA/8000"], &[]), "held PCMA/8000");
    let crossed = "v=0\nm=audio 5000 RTP/SAVP 0\nm=audio 0 RTP/AVP 8\nm=video 0 RTP/AVP 31\n";
    assert_eq!(agreed(Remote, offer, crossed).codecs().as_str(), "PCMU/8000");
    // A bundle's second section has no port of its own in the offer (RFC 8843 §6), and is not refused.
    let bundle = "v=0\nm=video 9 UDP/TLS/RTP/SAVPF 120\nm=audio 0 UDP/TLS/RTP/SAVPF 0\na=bundle-only\n";
    let taken = "v=0\nm=video 9 UDP/TLS/RTP/SAVPF 120\nm=audio 9 UDP/TLS/RTP/SAVPF 0\n";
    assert_eq!(agreed(Remote, bundle, taken).codecs().as_str(), "PCMU/8000");
    // Beyond the bound sections are not looked at.
    let many = format!("v=0\n{}", "m=audio 4000 RTP/AVP 0\n".repeat(MAX_AUDIO + 1));
    let last = format!(
        "v=0\n{}m=audio 5000 RTP/AVP 0\n",
        "m=audio 0 RTP/AVP 0\n".repeat(MAX_AUDIO)
    );
    assert_eq!(agreed(Local, &many, &last).codecs(), SdpHints::NONE);
    let last_but_one = last.replacen(" 0 RTP", " 5000 RTP", MAX_AUDIO);
    assert_eq!(agreed(Local, &many, &last_but_one).codecs().as_str(), "PCMU/8000");
}

#[test]
fn transport_lines_change_no_answer() {
    let secured = plain(
        "a=ice-ufrag:abcd\r\na=ice-pwd:1234567890123456789012\r\na=ice-options:trickle\r\n\
         a=candidate:1 1 UDP 1 0.0.0.0 9 typ host\r\na=end-of-candidates\r\na=setup:actpass\r\n\
         a=fingerprint:sha-256 00:11\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:sendonly\r\na=rtcp-mux\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
         a=mid:inactive\r\na=msid:sendonly inactive\r\na=ssrc:1 cname:inactive\r\na=extmap:1/sendonly urn:x\r\n\
         a=rtcp-fb:0 nack\r\na=label:recvonly\r\na=inactive-not\r\na=sendonly:x\r\na=group:BUNDLE inactive\r\n",
    );
    for (lines, secured) in [
        ("", secured.clone()),
        ("a=inactive\r\n", secured.clone() + "a=inactive\r\n"),
    ] {
        let (one, other) = (
            agreed(Remote, &plain(lines), &plain("")),
            agreed(Remote, &secured, &plain("")),
        );
        for hints in [&["PCMU/8000"][..], &["OPUS/48000/2"], &[]] {
            let can = &["OPUS/48000/2"];
            assert_eq!(ask(&one, hints, can), ask(&other, hints, can));
        }
    }
}

#[test]
fn hints_beyond_their_text_are_left_out() {
    let long = "X".repeat(25);
    let names: Vec<_> = (10..20).map(|at| format!("{long}{at}/8000")).collect();
    let hints = SdpHints::from_codecs(names.iter().map(String::as_str).chain(["PCMU"]));
    let fit = HINTS_LEN / (names[0].len() + 1);
    assert_eq!(hints.len(), fit + 1, "and a shorter one after them");
    assert!(hints.as_str().ends_with(" PCMU") && hints.as_str().len() <= HINTS_LEN);
    let odd = [
        "",
        " ",
        "/8000",
        "PCMU/x",
        "two words/8000",
        "CN/8000",
        "caf\u{e9}/8000",
        &"Y".repeat(41),
    ];
    assert!(SdpHints::from_codecs(odd).is_empty());
}

/// Every two of the real descriptions as the two sides of a leg, in both roles, and every one's codecs as hints.
#[test]
fn real_descriptions_give_answers_that_hold() {
    let suites = ["sdp-clux", "sdp-sofia", "sdp-webrtc-sdp"];
    let files: Vec<_> = suites
        .iter()
        .flat_map(|suite| Suite::inputs(suite, &[".sdp"]))
        .collect();
    let described: Vec<_> = files
        .iter()
        .filter_map(|(_, text)| Description::parse(text).ok())
        .collect();
    let mut counted = [0_usize; 5];
    for local in &described {
        for remote in &described {
            for (first, last) in [((Local, local), (Remote, remote)), ((Remote, remote), (Local, local))] {
                let mut leg = Negotiated::NOTHING;
                [first, last]
                    .iter()
                    .for_each(|(origin, description)| leg.note(*origin, description));
                let in_use = leg.codecs();
                for other in &described {
                    let hints = SdpHints::from_answer(other);
                    let answer = leg.renegotiation(hints.iter().collect::<Vec<_>>(), None);
                    counted[match &answer {
                        Renegotiation::Unknown => 0,
                        Renegotiation::NotNeeded { codec } => {
                            let used = codec.is_some_and(|codec| in_use.iter().any(|used| used == codec.as_str()));
                            assert!(used || hints.is_empty(), "{answer:?} {in_use:?}");
                            1
                        }
                        Renegotiation::Offer { reason, codecs } => {
                            assert!(!codecs.is_empty(), "{answer:?}");
                            assert!(
                                in_use.iter().all(|used| codecs.iter().any(|codec| codec == used)),
                                "{answer:?}"
                            );
                            let common = in_use.iter().any(|used| hints.iter().any(|hint| hint == used));
                            assert!(
                                *reason != OfferReason::Codec || !common,
                                "{answer:?} {in_use:?} {hints:?}"
                            );
                            2
                        }
                        Renegotiation::Held { .. } => 3,
                        Renegotiation::NoCommonCodec => {
                            assert!(
                                !in_use.iter().any(|used| hints.iter().any(|hint| hint == used)),
                                "{in_use:?} {hints:?}"
                            );
                            4
                        }
                    }] += 1;
                }
            }
        }
    }
    println!("unknown, not needed, offer, held, no common codec: {counted:?}");
    assert!(
        described.is_empty() || counted.iter().all(|count| *count > 0),
        "{counted:?}"
    );
}

/// Row 48, on descriptions whose meaning is known.
#[test]
fn known_descriptions_give_known_answers() {
    let read = |folder: &str, name: &str| {
        let path = crate::files(folder, &[name]).into_iter().next()?;
        Some(String::from_utf8_lossy(&std::fs::read(path).expect("the vector can be read")).into_owned())
    };
    let (Some(browser), Some(gateway)) = (read("sdp-clux", "jsep.sdp"), read("sdp-clux", "normal.sdp")) else {
        return;
    };
    let answer = plain("");
    let leg = agreed(Remote, &browser, &answer);
    assert_eq!(leg.codecs().as_str(), "PCMU/8000 PCMA/8000");
    assert_eq!(ask(&leg, &["PCMU/8000"], &[]), "no PCMU/8000");
    let can = &["OPUS/48000/2", "PCMU/8000"];
    assert_eq!(
        ask(&leg, &["OPUS/48000/2"], can),
        "Codec OPUS/48000/2 PCMU/8000 PCMA/8000"
    );
    let leg = agreed(Remote, &gateway, &answer);
    assert_eq!(ask(&leg, &["OPUS/48000/2", "PCMU/8000"], can), "no PCMU/8000");
    // The whole session receives only, and says so before its sections.
    let listener = read("sdp-sofia", "message-2.sdp").expect("the suites come together");
    let leg = agreed(Remote, &listener, &plain("a=sendonly\r\n"));
    assert_eq!(ask(&leg, &["PCMU/8000"], &[]), "held PCMU/8000");
}
