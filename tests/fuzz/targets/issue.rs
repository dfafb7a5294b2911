//! Issuing without a leg, through C, from any template, and splitting what was issued or any other bytes. What is issued
//! can be read and is signed where its tier wants that; its parts can be received; and nothing allocates.

#![no_main]

use std::sync::OnceLock;

use ohp::envelope::{Envelope, Tier};
use ohp::ffi::*;
use ohp::transport::Info;
use ohp_fuzz::abi::{Memory, Why, Written, bytes_of, chars, exact, read_bytes, read_text, room, sound};
use ohp_fuzz::party::{self, NOW};
use ohp_fuzz::{Seeds, Take, seeds, sized, target, without_heap};

const OK: ohp_status = ohp_status::OHP_OK;

struct Loaded(*const ohp_context);
// SAFETY: a context may be used by any thread.
unsafe impl Sync for Loaded {}
// SAFETY: as above.
unsafe impl Send for Loaded {}

fn context(text_only: bool) -> *const ohp_context {
    static CONTEXTS: OnceLock<[Loaded; 2]> = OnceLock::new();
    let contexts = CONTEXTS.get_or_init(|| {
        [0, 1].map(|text_only| {
            let json = party::sender_json().to_string();
            let mut config = sized!(ohp_context_config);
            config.trust = bytes_of(json.as_bytes());
            config.text_only = text_only;
            let mut context = std::ptr::null();
            // SAFETY: the text lives as long as the call.
            assert!(unsafe { ohp_context_new(&raw const config, std::ptr::null_mut(), &raw mut context) } == OK);
            Loaded(context)
        })
    });
    contexts[usize::from(text_only)].0
}

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let (how, tier, why_len) = (take.u8(), u32::from(take.u8() % 6), take.u8());
    let given = exact(take.rest());
    let context = context(how & 1 != 0);
    let (mut why, mut scratch, mut out) = (Why::new(why_len.into()), Memory::new(ohp_scratch_size()), room(OHP_ENVELOPE_LEN_MAX));
    // SAFETY: the buffers have the lengths that are said.
    unsafe {
        if how & 2 != 0 {
            return split(context, &given, how);
        }
        let config = sized!(ohp_table_config);
        let config = ohp_table_config {
            replays: 8,
            hashes: 8,
            kids: 8,
            peers: 8,
            sets: 8,
            slots: 2,
            slot_bytes: 1024,
            ..config
        };
        let (mut size, mut table) = (0, std::ptr::null_mut());
        assert!(ohp_table_size(&raw const config, &raw mut size) == OK);
        let mut memory = Memory::new(size);
        assert!(ohp_table_init(memory.at(), size, &raw const config, [1_u8; 16].as_ptr(), &raw mut table) == OK);
        let mut host = sized!(ohp_host);
        host.context = context;
        host.table = table;
        host.now_ms = NOW.millis() as u64;
        host.random = [how; OHP_RANDOM_LEN];
        host.scratch = scratch.at();
        host.scratch_size = scratch.len();
        let mut cbor = bytes_of(&[]);
        let (at, len) = (out.as_mut_ptr(), out.len());
        let status = sound(without_heap(|| {
            ohp_issue(&raw const host, tier, chars(&given), given.len(), at, len, why.at(), &raw mut cbor)
        }));
        if status == OK {
            let bytes = read_bytes(cbor);
            let envelope = Envelope::read(bytes, &mut |violation| assert!(violation.is_warning(), "{violation}"));
            let envelope = envelope.expect("what is issued can be read");
            assert_eq!(Some(&envelope.tier()), Tier::ALL.get(tier as usize - 1), "another tier than asked for");
            assert!(envelope.tier() == Tier::Core || envelope.signatures().count() == 1);
            split(context, &exact(bytes), how);
        }
    }
});

unsafe fn split(context: *const ohp_context, cbor: &[u8], how: u8) {
    let (mut why, mut scratch, mut buffer) = (Why::new(50), room(ohp_scratch_size()), room(OHP_TRANSMIT_LEN));
    let (mut part, mut parts) = (u32::from(how >> 2) % 3, 1);
    while part <= parts + 1 {
        let mut sent = Written::<ohp_transmit>::default();
        let (at, len) = (scratch.as_mut_ptr(), scratch.len());
        let (to, room) = (buffer.as_mut_ptr(), buffer.len());
        // SAFETY: the buffers have the lengths that are said.
        unsafe {
            let status = sound(without_heap(|| {
                ohp_split(
                    context,
                    cbor.as_ptr(),
                    cbor.len(),
                    part,
                    at,
                    len,
                    to,
                    room,
                    why.at(),
                    sent.at(),
                )
            }));
            if status == OK {
                let sent = sent.get();
                assert_eq!(sent.part, part);
                parts = sent.parts;
                Info::parse(read_text(sent.headers).as_bytes(), read_bytes(sent.body))
                    .expect("what we write can be read");
            }
        }
        part += 1;
    }
}

fn write_seeds(seeds: &mut Seeds) {
    let mut template = party::template();
    template["session"]["callId"] = party::CALL_ID.into();
    let template = template.to_string();
    for how in [0, 1, 4] {
        for tier in [1, 2, 3] {
            seeds.add_with(&[how, tier, 80], &template);
        }
    }
    for cbor in seeds::envelopes() {
        seeds.add_with(&[0, 2, 80], &cbor);
        seeds.add_with(&[2, 0, 80], &cbor);
        seeds.add_with(&[7, 0, 80], &cbor);
    }
    seeds.add_with(&[0, 1, 80], "{\"transcript\":{\"summary\":\"4111 1111 1111 1111\"}}");
}
