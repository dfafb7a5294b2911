//! One whole INFO on its way to an envelope's bytes, through Rust and through C with a table each: both answer alike, and
//! neither allocates nor writes more than an envelope's length.

#![no_main]

use ohp::envelope::{ENVELOPE_MAX, SHAPE};
use ohp::ffi::*;
use ohp::table::Domain;
use ohp::transport::reassembly::SCRATCH_LEN;
use ohp::transport::{Info, Received, Refusal, SipStatus, receive};
use ohp_fuzz::abi::{Memory, Why, exact, read_bytes, room, sound, text_of};
use ohp_fuzz::party::{CALL_ID, NOW, SMALL, table, table_words};
use ohp_fuzz::{Seeds, sip, sized, target, without_heap};

target!(seeds: write_seeds, |data| {
    let message = exact(data);
    let (mut why, mut info) = (Why::new(80), sized!(ohp_info));
    // SAFETY: the buffers have the lengths that are said.
    let status = sound(unsafe { ohp_info_parse_message(message.as_ptr(), message.len(), why.at(), &raw mut info) });
    let Ok(parsed) = Info::parse_message(&message) else {
        return assert!(status == ohp_status::OHP_ERR_MALFORMED);
    };

    let words = table_words(&SMALL);
    let table = table(&words, &SMALL);
    let call = table.key(Domain::Call, &[CALL_ID.as_bytes()]);
    let (mut scratch, mut out) = (room(SCRATCH_LEN), room(ENVELOPE_MAX));
    let received = without_heap(|| receive(&table, &call, &parsed, NOW, SHAPE, &mut scratch, &mut out));
    let (status, cbor, echo) = match received {
        Ok(Received::Complete(message)) if !message.is_as_named() => (SipStatus::BadRequest, None, 0),
        Ok(Received::Complete(message)) => (SipStatus::Ok, Some(message.cbor), message.echo.to_bits()),
        Ok(_) => (SipStatus::Ok, None, 0),
        Err(refusal) => (refusal.status(), None, 0),
    };
    if let Err(refusal) = received {
        assert!(!matches!(refusal, Refusal::Buffer | Refusal::Lost), "{refusal}");
        assert!(!refusal.to_string().is_empty());
    }

    let config = sized!(ohp_table_config);
    let config = ohp_table_config {
        replays: SMALL.replays,
        hashes: SMALL.hashes,
        kids: SMALL.kids,
        peers: SMALL.peers,
        sets: SMALL.sets,
        slots: SMALL.slots,
        slot_bytes: SMALL.slot_bytes,
        ..config
    };
    let (mut size, mut made) = (0, std::ptr::null_mut());
    let (mut c_scratch, mut c_out, mut result) =
        (Memory::new(ohp_receive_scratch_size()), room(ENVELOPE_MAX), sized!(ohp_received));
    // SAFETY: as above.
    unsafe {
        assert!(ohp_table_size(&raw const config, &raw mut size) == ohp_status::OHP_OK);
        let mut memory = Memory::new(size);
        let salt = [7_u8; 16];
        let inited = ohp_table_init(memory.at(), size, &raw const config, salt.as_ptr(), &raw mut made);
        assert!(inited == ohp_status::OHP_OK);
        let status_of_call = sound(ohp_receive(
            made,
            &raw const info,
            text_of(CALL_ID.as_bytes()),
            NOW.millis() as u64,
            c_scratch.at(),
            c_scratch.len(),
            c_out.as_mut_ptr(),
            c_out.len(),
            why.at(),
            &raw mut result,
        ));
        assert!(status_of_call == ohp_status::OHP_OK);
        assert_eq!(result.sip_status, u32::from(status.code()));
        assert_eq!(result.complete, cbor.is_some());
        assert_eq!(result.echo, echo);
        assert_eq!(read_bytes(result.cbor), cbor.unwrap_or_default());
        assert_eq!(why.said().is_empty(), status == SipStatus::Ok);
    }
});

fn write_seeds(seeds: &mut Seeds) {
    sip::examples().iter().for_each(|message| seeds.add(message));
    for folder in ["vectors/sip-rfc4475", "vectors/sip-sipgo-fuzz-crashers"] {
        seeds.add_shared(folder, &[], 4096, &[]);
    }
}
