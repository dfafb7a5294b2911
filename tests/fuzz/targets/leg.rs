//! Two legs, what their applications do, and a network in between that loses, doubles, reorders, alters and forges: all
//! through C. Every INFO is answered with a status of the protocol's; nothing allocates; and as long as nothing was
//! altered or forged, no conversation is handed over that was not accepted, and none comes back that was not given back.

#![no_main]

use std::sync::OnceLock;

use ohp::envelope::Envelope;
use ohp::ffi::*;
use ohp::transport::outgoing::Form;
use ohp_fuzz::abi::{Memory, Why, Written, bytes_of, chars, exact, read_bytes, read_text, room, sound};
use ohp_fuzz::party::{self, CALL_ID, NOW, RECEIVER_DID, SENDER_DID};
use ohp_fuzz::tree::{Node, Random};
use ohp_fuzz::{Seeds, Take, mutate, sip, sized, target, without_heap};

const OK: ohp_status = ohp_status::OHP_OK;

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    // SAFETY: the sides own everything that they lend, with the lengths that they say.
    unsafe {
        let how = take.u8();
        let mut pair = Pair {
            sides: [Side::new(0, how), Side::new(1, how)],
            wire: Vec::new(),
            now: NOW.millis() as u64,
            tampered: false,
            accepted: 0,
            given_back: 0,
            count: 0,
        };
        while !take.is_empty() && pair.count < 80 {
            pair.step(&mut take);
        }
        pair.check();
    }
});

struct Loaded(*const ohp_context);
// SAFETY: a context may be used by any thread.
unsafe impl Sync for Loaded {}
// SAFETY: as above.
unsafe impl Send for Loaded {}

fn context(which: usize, enforce: bool) -> *const ohp_context {
    static CONTEXTS: OnceLock<[Loaded; 4]> = OnceLock::new();
    let contexts = CONTEXTS.get_or_init(|| {
        [0, 1, 2, 3].map(|number| {
            let json = match number & 1 {
                0 => party::sender_json(),
                _ => party::receiver_json(),
            };
            let json = json.to_string();
            let mut config = sized!(ohp_context_config);
            config.trust = bytes_of(json.as_bytes());
            config.enforce = u8::from(number & 2 != 0);
            config.text_only = u8::from(number & 2 != 0);
            let mut context = std::ptr::null();
            // SAFETY: the text lives as long as the call.
            let status = unsafe { ohp_context_new(&raw const config, std::ptr::null_mut(), &raw mut context) };
            assert!(status == OK);
            Loaded(context)
        })
    });
    contexts[which + 2 * usize::from(enforce)].0
}

struct Side {
    context: *const ohp_context,
    table: *mut ohp_table,
    tap: *mut ohp_tap,
    leg: *mut ohp_leg,
    memories: [Memory; 3],
    scratch: Memory,
    verdict: Memory,
    envelope: Box<[u8]>,
    last: Vec<u8>,
    why: Box<Why>,
}

impl Side {
    unsafe fn new(which: usize, how: u8) -> Self {
        let mut config = sized!(ohp_table_config);
        (config.replays, config.hashes, config.kids, config.peers) = (16, 8, 8, 8);
        (config.sets, config.slots, config.slot_bytes) = (8, 2 + u32::from(how >> 6), 8192);
        let codec = ohp_codec::OHP_CODEC_PCMU as u32;
        let (mut table_size, mut tap_size) = (0, 0);
        let (mut table, mut tap, mut leg) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the buffers have the lengths that are said.
        unsafe {
            assert!(ohp_table_size(&raw const config, &raw mut table_size) == OK);
            assert!(ohp_tap_size(codec, 1, &raw mut tap_size) == OK);
            let mut memories = [
                Memory::new(table_size),
                Memory::new(tap_size),
                Memory::new(ohp_leg_size()),
            ];
            let [one, two, three] = &mut memories;
            assert!(
                ohp_table_init(
                    one.at(),
                    one.len(),
                    &raw const config,
                    [3_u8; 16].as_ptr(),
                    &raw mut table
                ) == OK
            );
            assert!(ohp_tap_init(two.at(), two.len(), codec, 1, &raw mut tap) == OK);
            let id = exact(CALL_ID.as_bytes());
            assert!(ohp_leg_init(three.at(), three.len(), chars(&id), id.len(), &raw mut leg) == OK);
            Self {
                context: context(which, how & 1 != 0),
                table,
                tap: if how & 2 == 0 { std::ptr::null_mut() } else { tap },
                leg,
                memories,
                scratch: Memory::new(ohp_scratch_size()),
                verdict: Memory::new(ohp_verdict_size()),
                envelope: room(OHP_ENVELOPE_LEN_MAX),
                last: Vec::new(),
                why: Why::new(how.into()),
            }
        }
    }

    fn host(&mut self, now_ms: u64, count: u32) -> ohp_host {
        let mut host = sized!(ohp_host);
        host.context = self.context;
        host.table = self.table;
        host.tap = self.tap;
        host.peer = bytes_of(b"192.0.2.1");
        host.now_ms = now_ms;
        let mut random = Random(count.into());
        host.random.iter_mut().for_each(|byte| *byte = random.next() as u8);
        host.scratch = self.scratch.at();
        host.scratch_size = self.scratch.len();
        host
    }
}

struct Info {
    to: usize,
    headers: Box<[u8]>,
    body: Box<[u8]>,
}

struct Pair {
    sides: [Side; 2],
    wire: Vec<Info>,
    now: u64,
    tampered: bool,
    accepted: u32,
    given_back: u32,
    count: u32,
}

impl Pair {
    unsafe fn step(&mut self, take: &mut Take<'_>) {
        self.count += 1;
        let op = take.u8();
        let which = usize::from(op >> 7);
        let now = self.now;
        let side = &mut self.sides[which];
        let host = side.host(now, self.count * 2 + which as u32);
        let host = &raw const host;
        let why = side.why.at();
        // SAFETY: everything has the length that is said.
        unsafe {
            match op & 31 {
                0 | 1 => self.propose(which, u32::from(op & 1) + 1, take),
                2 | 3 => {
                    self.accepted += 1;
                    let leg = side.leg;
                    sound(without_heap(|| ohp_leg_accept(leg, host, why)));
                }
                4 => {
                    let reason = u32::from(take.u8() % 16);
                    sound(ohp_leg_reject(side.leg, host, reason, why));
                }
                5 => {
                    sound(ohp_leg_assume(side.leg, host, why));
                }
                6 => {
                    self.given_back += 1;
                    let (reason, given) = (exact(take.short()), exact(take.short()));
                    let given = if given.is_empty() {
                        exact(b"{\"transcript\":{\"summary\":\"Done.\"}}")
                    } else {
                        given
                    };
                    let (text, len) = (chars(&reason), reason.len());
                    sound(ohp_leg_give_back(
                        side.leg,
                        host,
                        text,
                        len,
                        chars(&given),
                        given.len(),
                        why,
                    ));
                }
                7..=9 => {
                    self.transmit(which);
                }
                10..=13 if !self.wire.is_empty() => {
                    let at = take.below(self.wire.len().min(256));
                    let info = if op & 1 == 0 {
                        self.wire.remove(at)
                    } else {
                        self.wire[at].copy()
                    };
                    self.deliver(&info);
                }
                14 if !self.wire.is_empty() => {
                    self.tampered = true;
                    let at = take.below(self.wire.len().min(256));
                    let place = usize::from(take.u16());
                    let info = &mut self.wire[at];
                    let part = if take.flag() { &mut info.headers } else { &mut info.body };
                    if !part.is_empty() {
                        let place = place % part.len();
                        part[place] = take.u8();
                    }
                }
                15..=18 => self.forge(which, take),
                19 => {
                    let status = [200, 200, 202, 408, 481, 488, 491, 500, 503, 99, 0, 70_000][take.below(12)];
                    sound(ohp_leg_handle_response(side.leg, side.table, status));
                }
                20 => self.now += u64::from(take.u16()) * 10,
                21 | 22 => {
                    let leg = side.leg;
                    sound(without_heap(|| ohp_leg_handle_timeout(leg, host)));
                }
                23 => {
                    let (leg, mut event) = (side.leg, Written::<ohp_event>::default());
                    if sound(without_heap(|| ohp_leg_poll_event(leg, why, event.at()))) == OK {
                        let handed_off = event.get().kind == ohp_event_kind::OHP_EVENT_HANDED_OFF;
                        let returned = event.get().kind == ohp_event_kind::OHP_EVENT_RETURNED;
                        if !self.tampered {
                            assert!(!handed_off || self.accepted > 0, "handed over, and never accepted");
                            assert!(!returned || self.given_back > 0, "returned, and never given back");
                        }
                    }
                }
                24 => {
                    let sdp = exact(b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 9 RTP/AVP 0 8\r\na=sendonly\r\n");
                    let len = if take.flag() { sdp.len() } else { sdp.len() - 14 };
                    let handle = if take.flag() {
                        ohp_leg_handle_local_sdp
                    } else {
                        ohp_leg_handle_remote_sdp
                    };
                    sound(handle(side.leg, chars(&sdp), len, why));
                }
                25 => {
                    let id = exact(take.short());
                    sound(ohp_leg_bind_id(side.leg, chars(&id), id.len()));
                }
                26 if !side.tap.is_null() => {
                    let words = take.u8();
                    let mut random = Random(words.into());
                    for nth in 0..20_u32 {
                        let mut packet = room(172);
                        packet[0] = 0x80;
                        packet[4..8].copy_from_slice(&(nth * 160).to_be_bytes());
                        packet[12..].iter_mut().for_each(|byte| *byte = random.next() as u8);
                        sound(ohp_tap_write_rtp(side.tap, packet.as_ptr(), packet.len()));
                    }
                }
                27 | 28 => {
                    let (bytes, mut handled) = (exact(&side.last), sized!(ohp_handled));
                    let (leg, at, len) = (side.leg, side.verdict.at(), side.verdict.len());
                    sound(without_heap(|| {
                        ohp_leg_verify_again(leg, host, bytes.as_ptr(), bytes.len(), at, len, why, &raw mut handled)
                    }));
                }
                29 => {
                    // The same leg, found by another process.
                    let memory = &mut side.memories[2];
                    let (at, len) = (memory.at(), memory.len());
                    assert!(ohp_leg_attach(at, len, &raw mut side.leg) == OK);
                }
                30 => {
                    let mut deadline = 0;
                    if sound(ohp_leg_poll_timeout(side.leg, &raw mut deadline)) == OK && deadline > self.now {
                        self.now = deadline.min(self.now + 400_000);
                    }
                }
                _ => self.settle(),
            }
        }
    }

    unsafe fn propose(&mut self, which: usize, tier: u32, take: &mut Take<'_>) {
        let mut template = party::template();
        if which == 1 {
            template["audience"] =
                serde_json::json!({ "vendor": "vendor-a", "did": SENDER_DID, "purpose": "human-takeover" });
        }
        match take.u8() {
            len @ 1..=60 => {
                template["transcript"]["summary"] = (0..u32::from(len) * 100)
                    .map(|n| char::from(b'!' + (n * n % 89) as u8))
                    .collect::<String>()
                    .into()
            }
            61 => template = serde_json::json!({}),
            62 => template["control"]["fallback"] = serde_json::json!({ "onRejectStale": "reissue" }),
            _ => {}
        }
        let template = exact(template.to_string().as_bytes());
        let (now, count) = (self.now, self.count);
        let side = &mut self.sides[which];
        let host = side.host(now, count * 2 + which as u32);
        let (mut cbor, why, leg) = (bytes_of(&[]), side.why.at(), side.leg);
        let (at, len) = (side.envelope.as_mut_ptr(), side.envelope.len());
        // SAFETY: everything has the length that is said.
        unsafe {
            let text = chars(&template);
            let status = sound(without_heap(|| {
                ohp_leg_propose(
                    leg,
                    &raw const host,
                    tier,
                    text,
                    template.len(),
                    at,
                    len,
                    why,
                    &raw mut cbor,
                )
            }));
            if status == OK {
                let bytes = read_bytes(cbor);
                Envelope::read(bytes, &mut |violation| assert!(violation.is_warning(), "{violation}")).expect("ours");
                self.sides[1 - which].last = bytes.to_vec();
            }
        }
    }

    unsafe fn transmit(&mut self, which: usize) -> bool {
        let side = &mut self.sides[which];
        let (mut buffer, mut sent, leg, table) = (
            room(OHP_TRANSMIT_LEN),
            Written::<ohp_transmit>::default(),
            side.leg,
            side.table,
        );
        // SAFETY: everything has the length that is said.
        unsafe {
            let (at, len) = (buffer.as_mut_ptr(), buffer.len());
            if sound(without_heap(|| ohp_leg_poll_transmit(leg, table, at, len, sent.at()))) != OK {
                return false;
            }
            assert!(sent.get().part >= 1 && sent.get().part <= sent.get().parts);
            let sent = sent.get();
            let info = Info {
                to: 1 - which,
                headers: exact(read_text(sent.headers).as_bytes()),
                body: exact(read_bytes(sent.body)),
            };
            if self.wire.len() < 256 {
                self.wire.push(info);
            }
        }
        true
    }

    unsafe fn deliver(&mut self, sent: &Info) -> u32 {
        let (now, count) = (self.now, self.count);
        let side = &mut self.sides[sent.to];
        let host = side.host(now, count * 2 + 1000);
        let (mut info, mut handled) = (sized!(ohp_info), sized!(ohp_handled));
        let (why, leg) = (side.why.at(), side.leg);
        let (envelope, verdict) = (
            (side.envelope.as_mut_ptr(), side.envelope.len()),
            (side.verdict.at(), side.verdict.len()),
        );
        // SAFETY: everything has the length that is said.
        unsafe {
            let (body, len) = (sent.body.as_ptr(), sent.body.len());
            let text = chars(&sent.headers);
            if sound(ohp_info_parse(text, sent.headers.len(), body, len, why, &raw mut info)) != OK {
                return 400;
            }
            let status = sound(without_heap(|| {
                ohp_leg_handle_info(
                    leg,
                    &raw const host,
                    &raw const info,
                    envelope.0,
                    envelope.1,
                    verdict.0,
                    verdict.1,
                    why,
                    &raw mut handled,
                )
            }));
            assert!(status == OK, "an INFO has an answer");
            assert!([200, 400, 413, 415, 469, 488, 491, 503].contains(&handled.sip_status));
            if handled.cbor.len > 0 {
                side.last = read_bytes(handled.cbor).to_vec();
            }
            if !handled.verdict.is_null() {
                let mut summary = Written::<ohp_verdict_summary>::default();
                assert!(ohp_verdict_get(handled.verdict, summary.at()) == OK);
                sound(ohp_verdict_detail(handled.verdict, why));
            }
            handled.sip_status
        }
    }

    /// An envelope that the other party might have sent, its keys included, changed here and there.
    unsafe fn forge(&mut self, to: usize, take: &mut Take<'_>) {
        self.tampered = true;
        let from = 1 - to;
        // Made of what the leg has last seen or sent.
        let base = &self.sides[from].last;
        let base = if base.is_empty() { &self.sides[to].last } else { base };
        let (verb, how, seed) = (take.below(8), take.u8(), take.u16());
        let Some(mut tree) = Node::parse(base) else { return };
        let said = Envelope::read(base, &mut |_| ()).map(|envelope| envelope.id().to_string());
        let verbs = ["PROPOSE", "ACCEPT", "REJECT", "ASSUME", "RETURN", "INCIDENT"];
        if let (Some(verb), Ok(id)) = (verbs.get(verb), said) {
            *tree.at("control.verb") = Node::Text((*verb).to_owned());
            if *verb != "PROPOSE" {
                *tree.at("control.refs.proposedId") = Node::Text(id);
                *tree.at("id") = Node::Text(format!("cse_01HZX0R5N9V8W1QY{:010}", u32::from(seed)));
            }
        }
        let (did, other) = if from == 0 {
            (SENDER_DID, RECEIVER_DID)
        } else {
            (RECEIVER_DID, SENDER_DID)
        };
        if how & 1 == 0 {
            *tree.at("issuer.did") = Node::Text(did.to_owned());
            *tree.at("audience.did") = Node::Text(other.to_owned());
            *tree.at("issuer.vendor") = Node::Text(["vendor-a", "vendor-b"][from].to_owned());
            *tree.at("audience.vendor") = Node::Text(["vendor-b", "vendor-a"][from].to_owned());
        }
        let moment = |ms: u64| Node::Time(ohp::time::Timestamp::from_millis(ms as i64).to_string());
        if how & 2 == 0 {
            *tree.at("issuedAt") = moment(self.now);
            *tree.at("notAfter") = moment(self.now + 60_000);
            *tree.at("nonce") = Node::Text(format!("{seed:032x}"));
        }
        let mut random = Random(seed.into());
        for _ in 0..(how >> 2) % 4 {
            mutate::change(&mut tree, &mut random);
        }
        let cbor = tree.to_cbor();
        let Ok(envelope) = Envelope::read(&cbor, &mut |_| ()) else {
            return;
        };
        let key = if how & 64 == 0 { from as u8 + 1 } else { 3 };
        let cbor = match how & 128 {
            0 => party::sign(&envelope, keys(key)).unwrap_or(cbor),
            _ => cbor,
        };
        let Some(named) = sip::named(&cbor) else { return };
        for (headers, body) in sip::infos(&cbor, named, Form::default()) {
            let info = Info {
                to,
                headers: exact(headers.as_bytes()),
                body: exact(&body),
            };
            // SAFETY: everything has the length that is said.
            unsafe { self.deliver(&info) };
        }
    }

    /// What a network that loses nothing does.
    unsafe fn settle(&mut self) {
        for _ in 0..40 {
            let mut moved = false;
            for which in [0, 1] {
                // SAFETY: everything has the length that is said.
                unsafe {
                    if self.transmit(which)
                        && let Some(info) = self.wire.pop()
                    {
                        let status = self.deliver(&info);
                        let side = &self.sides[which];
                        sound(ohp_leg_handle_response(side.leg, side.table, status));
                        moved = true;
                    }
                }
            }
            if !moved {
                break;
            }
        }
    }

    unsafe fn check(&mut self) {
        for side in &mut self.sides {
            let mut state = Written::<ohp_leg_state>::default();
            // SAFETY: everything has the length that is said.
            unsafe {
                assert!(ohp_leg_get_state(side.leg, state.at()) == OK);
                if state.get().phase == ohp_phase::OHP_PHASE_HANDED_OFF && !self.tampered {
                    assert!(self.accepted > 0);
                }
            }
        }
    }
}

impl Info {
    fn copy(&self) -> Self {
        Self {
            to: self.to,
            headers: self.headers.clone(),
            body: self.body.clone(),
        }
    }
}

fn keys(seed: u8) -> &'static ohp::trust::jwk::OwnKeys {
    static KEYS: OnceLock<[ohp::trust::jwk::OwnKeys; 3]> = OnceLock::new();
    &KEYS.get_or_init(|| [1, 2, 3].map(party::keys))[usize::from(seed - 1)]
}

fn write_seeds(seeds: &mut Seeds) {
    for how in [0xc1, 0xc3, 0x00, 0x42] {
        // Propose, carry, accept, carry, assume, carry, read events, give back, carry.
        seeds.add([how, 1, 0, 31, 0x97, 0x82, 31, 23, 5, 31, 23, 0x97, 0x86, 0, 0, 31, 23]);
        seeds.add([how, 0, 40, 7, 8, 9, 10, 0, 11, 1, 12, 0, 21, 0x84, 3, 31, 23]);
        seeds.add([
            how, 1, 0, 31, 15, 1, 0, 7, 0, 16, 2, 4, 8, 0, 0x8f, 0, 0, 1, 0, 23, 0x97,
        ]);
        seeds.add([
            how, 26, 5, 0x9a, 6, 1, 0, 31, 30, 0x95, 20, 0xff, 0xff, 21, 0x95, 23, 0x97, 0x9b, 31,
        ]);
    }
}
