//! Objects in memory that others have written over: tables, taps and legs are attached with any words in them, and used.
//! Nothing crashes and nothing runs for ever; what is refused is refused with a status.

#![no_main]

use ohp::ffi::*;
use ohp_fuzz::abi::{Memory, Why, chars, exact, room, sound, text_of};
use ohp_fuzz::party::{CALL_ID, NOW};
use ohp_fuzz::{Seeds, Take, sized, target};

const OK: ohp_status = ohp_status::OHP_OK;

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    // SAFETY: the buffers have the lengths that are said.
    unsafe {
        match take.below(2) {
            0 => table(take),
            _ => tap(take),
        }
    }
});

/// Overwrites words; most of them near the front, where the layout is said.
fn scribble(memory: &mut Memory, take: &mut Take<'_>) {
    let count = memory.words().len();
    for _ in 0..take.below(16) {
        let at = if take.flag() {
            usize::from(take.u8())
        } else {
            take.u32() as usize
        } % count;
        match take.below(3) {
            0 => memory.words()[at] = take.u64(),
            1 => memory.words()[at] ^= 1 << (take.u8() & 63),
            _ => memory.words()[at] = memory.words()[at].wrapping_add_signed(i64::from(take.u8() as i8)),
        }
    }
}

unsafe fn table(mut take: Take<'_>) {
    let mut config = sized!(ohp_table_config);
    (config.replays, config.hashes, config.kids, config.peers) = (8, 8, 8, 8);
    (config.sets, config.slots, config.slot_bytes) = (8, 2, 2048);
    let (mut size, mut table) = (0, std::ptr::null_mut());
    // SAFETY: the buffers have the lengths that are said.
    unsafe {
        assert!(ohp_table_size(&raw const config, &raw mut size) == OK);
        let mut memory = Memory::new(size);
        assert!(
            ohp_table_init(
                memory.at(),
                size,
                &raw const config,
                [1_u8; 16].as_ptr(),
                &raw mut table
            ) == OK
        );
        use_table(table, &mut take);
        scribble(&mut memory, &mut take);
        let said = match take.below(3) {
            0 => usize::from(take.u16()).min(size),
            _ => size,
        };
        if sound(ohp_table_attach(memory.at(), said, &raw mut table)) != OK {
            return;
        }
        use_table(table, &mut take);
        scribble(&mut memory, &mut take);
        use_table(table, &mut take);
    }
}

unsafe fn use_table(table: *const ohp_table, take: &mut Take<'_>) {
    let (mut scratch, mut out) = (Memory::new(ohp_receive_scratch_size()), room(OHP_ENVELOPE_LEN_MAX));
    for _ in 0..take.below(5) {
        let (index, total, fill) = (take.below(4), take.below(4), take.u8());
        let body = format!(
            "--b\r\nContent-Type: application/ohp+cbor\r\nOHP-Chunk: {index}/{total}\r\n\r\n{}\r\n--b--\r\n",
            "x".repeat(usize::from(fill) * 4)
        );
        let mut info = sized!(ohp_info);
        info.content_type = text_of(b"multipart/ohp; boundary=b");
        info.body = ohp_fuzz::abi::bytes_of(body.as_bytes());
        let (mut why, mut received) = (Why::new(50), sized!(ohp_received));
        // SAFETY: the buffers have the lengths that are said.
        unsafe {
            sound(ohp_receive(
                table,
                &raw const info,
                text_of(CALL_ID.as_bytes()),
                NOW.millis() as u64,
                scratch.at(),
                scratch.len(),
                out.as_mut_ptr(),
                out.len(),
                why.at(),
                &raw mut received,
            ));
        }
    }
    let mut stats = sized!(ohp_table_stats);
    // SAFETY: as above.
    sound(unsafe { ohp_table_get_stats(table, &raw mut stats) });
}

unsafe fn tap(mut take: Take<'_>) {
    let (mut size, mut tap) = (0, std::ptr::null_mut());
    let codec = u32::from(1 + take.u8() % 3);
    // SAFETY: the buffers have the lengths that are said.
    unsafe {
        assert!(ohp_tap_size(codec, 1, &raw mut size) == OK);
        let mut memory = Memory::new(size);
        assert!(ohp_tap_init(memory.at(), size, codec, 1, &raw mut tap) == OK);
        use_tap(tap, &mut take);
        scribble(&mut memory, &mut take);
        if sound(ohp_tap_attach(memory.at(), size, &raw mut tap)) != OK {
            return;
        }
        use_tap(tap, &mut take);
        scribble(&mut memory, &mut take);
        use_tap(tap, &mut take);
    }
}

unsafe fn use_tap(tap: *mut ohp_tap, take: &mut Take<'_>) {
    let mut packet = vec![0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    packet.resize(12 + usize::from(take.u16() % 2000), 7);
    for nth in 0..take.below(30) {
        packet[4..8].copy_from_slice(&((nth * 160) as u32).to_be_bytes());
        packet[12..]
            .iter_mut()
            .enumerate()
            .for_each(|(at, byte)| *byte = (at * nth + at / 7) as u8);
        let packet = exact(&packet);
        // SAFETY: the buffer has the length that is said.
        sound(unsafe { ohp_tap_write_rtp(tap, packet.as_ptr(), packet.len()) });
    }
    let (mut why, mut fingerprint) = (Why::new(50), sized!(ohp_fingerprint));
    let text = format!("sha256:{}", "0".repeat(64));
    let mut decision = ohp_decision::OHP_DECISION_MATCH;
    // SAFETY: as above.
    unsafe {
        sound(ohp_tap_fingerprint(tap, why.at(), &raw mut fingerprint));
        sound(ohp_tap_search(
            tap,
            chars(text.as_bytes()),
            text.len(),
            why.at(),
            &raw mut decision,
        ));
    }
}

fn write_seeds(seeds: &mut Seeds) {
    seeds.add([0, 3, 1, 2, 9, 2, 2, 9, 1, 3, 9, 2, 1, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    seeds.add([1, 0, 160, 0, 25, 2, 1, 20, 1, 3, 1, 1, 2, 5, 160, 0, 20]);
}
