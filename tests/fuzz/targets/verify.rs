//! Judging envelopes that were changed member by member and then really signed. Verifying allocates nothing; C gives the
//! same verdict; what our key has signed never fails for its signature, and what another has never passes; an accepted
//! envelope is a duplicate the second time; and a changed byte under a signature is noticed.

#![no_main]

use ohp::envelope::{Envelope, Tier};
use ohp::ffi::*;
use ohp::media::{Codec, Tap, TapConfig, continuity};
use ohp::table::Table;
use ohp::transport::Echo;
use ohp::verify::{Call, Media, Memory, Outcome, Role, Situation, Step, StepResult, VERIFY_SCRATCH, Verdict, verify};
use ohp_fuzz::abi::{self, Why, Written, bytes_of, exact, room, sound, text_of};
use ohp_fuzz::party::{self, NOW, SMALL};
use ohp_fuzz::{Seeds, Take, mutate_envelopes, seeds, sized, target, without_heap};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

const CONTROL: usize = 8;

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let mut control = Take::new(take.bytes(CONTROL));
    let (how, key, minutes, call, echo) = (control.u8(), control.u8(), control.u8(), control.u8(), control.u8());
    let given = exact(take.rest());
    let Ok(envelope) = Envelope::read(&given, &mut |_| ()) else {
        // Bytes that are no envelope have a verdict as well.
        let verdict = judge(&given, &situation(None, NOW, Echo::default(), Call::Unknown));
        return assert!(verdict.envelope.is_none());
    };
    let signed_by = 1 + key % 3;
    let bytes = match how & 3 {
        0 => given.clone(),
        _ => match party::sign(&envelope, key_of(signed_by)) {
            Some(signed) => exact(&signed),
            None => given.clone(),
        },
    };
    let is_signed = how & 3 != 0 && envelope.tier() > Tier::Core;
    let now = NOW.plus(i64::from(minutes as i8) * 20_000);
    let ids = [envelope.call_id(), party::CALL_ID];
    let ids = &ids[usize::from(call & 1)..];
    let call = if call & 2 == 0 { Call::Unknown } else { Call::Ids(ids) };
    let words = party::table_words(&SMALL);
    let table = party::table(&words, &SMALL);
    let tap_words = heard();
    let tap = Tap::attach(tap_words).expect("a tap");
    let search = |wanted: &continuity::Wanted<'_>| continuity::search(&tap, wanted);
    let mut situation = situation(Some(table), now, Echo::from_bits(echo), call);
    if how & 4 != 0 {
        situation.media = Media::Live(&search);
    }
    situation.deadline_passed = how & 8 != 0;
    let verdict = judge(&bytes, &situation);
    if is_signed && let Some((Step::Signatures, failure)) = verdict.failure() {
        assert!(signed_by != 1 || !format!("{:?}", failure.why).contains("BadSignature"), "{failure:?}");
    }
    if verdict.steps[usize::from(Step::Signatures.number())] == Some(StepResult::Pass) {
        assert!(how & 3 == 0 || signed_by == 1, "signed by a key that nobody trusts");
        flip(&bytes, &situation, control.u16());
    }
    if verdict.outcome == Outcome::Accept {
        let again = judge(&bytes, &situation).outcome;
        assert!(matches!(again, Outcome::Duplicate), "{again:?}");
    }
    through_c(&bytes, now.millis() as u64, echo, how);
});

mutate_envelopes!(behind: CONTROL);

/// Wherever a byte changes in what was signed, it does not pass again.
fn flip(bytes: &[u8], situation: &Situation<'_>, at: u16) {
    let mut other = exact(bytes);
    let at = usize::from(at) % bytes.len();
    other[at] ^= 1;
    let situation = Situation {
        memory: None,
        ..*situation
    };
    let verdict = judge(&other, &situation);
    let passed = verdict.steps[usize::from(Step::Signatures.number())] == Some(StepResult::Pass);
    // What is outside of the surface, or an unknown member of a signature's entry, may change.
    if passed {
        let one = Envelope::read(bytes, &mut |_| ()).expect("it was read").surface_hash();
        let other = verdict.envelope.expect("it passed").surface_hash();
        assert_eq!(one, other, "a change under the signature went unnoticed");
    }
}

fn situation<'s>(table: Option<Table<'s>>, now: ohp::time::Timestamp, echo: Echo, call: Call<'s>) -> Situation<'s> {
    Situation {
        bundle: party::receiver(),
        now,
        role: Role::Unknown,
        call,
        media: Media::NotHere,
        echo,
        memory: table.map(|table| Memory {
            table,
            peer: b"192.0.2.1",
            peer_rate: 200,
        }),
        again: false,
        audio_may_follow: false,
        deadline_passed: false,
    }
}

fn judge<'a>(bytes: &'a [u8], situation: &Situation<'_>) -> Verdict<'a> {
    let mut scratch = room(VERIFY_SCRATCH);
    let mut last = None;
    let verdict = without_heap(|| {
        verify(bytes, situation, &mut scratch, &mut |step, result| {
            assert!(last.is_none_or(|(before, result)| before < step.number() && result != StepResult::Fail));
            last = Some((step.number(), result));
        })
    });
    if let Some((step, failure)) = verdict.failure() {
        assert_eq!(last, Some((step.number(), StepResult::Fail)));
        assert!(!failure.why.to_string().is_empty());
    }
    for need in verdict.needs.as_slice() {
        assert!(!need.kind.as_str().is_empty());
    }
    verdict.warnings.iter().for_each(|warning| drop(warning.to_string()));
    verdict
}

fn key_of(seed: u8) -> &'static ohp::trust::jwk::OwnKeys {
    static KEYS: OnceLock<[ohp::trust::jwk::OwnKeys; 3]> = OnceLock::new();
    &KEYS.get_or_init(|| [1, 2, 3].map(party::keys))[usize::from(seed - 1)]
}

fn heard() -> &'static [AtomicU64] {
    static WORDS: OnceLock<Vec<AtomicU64>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let config = TapConfig {
            codec: Codec::Pcmu,
            seconds: 2,
        };
        let words = party::tap_words(&config);
        party::speak(&Tap::init(&words, &config).expect("a tap"), 4);
        words
    })
}

struct Loaded(*const ohp_context);
// SAFETY: a context may be used by any thread.
unsafe impl Sync for Loaded {}
unsafe impl Send for Loaded {}

fn through_c(bytes: &[u8], now_ms: u64, echo: u8, how: u8) {
    static CONTEXT: OnceLock<Loaded> = OnceLock::new();
    // SAFETY: the buffers have the lengths that are said.
    unsafe {
        let context = CONTEXT.get_or_init(|| {
            let json = party::receiver_json().to_string();
            let mut config = sized!(ohp_context_config);
            config.trust = bytes_of(json.as_bytes());
            let mut context = std::ptr::null();
            assert!(ohp_context_new(&raw const config, std::ptr::null_mut(), &raw mut context) == ohp_status::OHP_OK);
            Loaded(context)
        });
        let mut scratch = abi::Memory::new(ohp_verify_scratch_size());
        let mut situation = sized!(ohp_situation);
        situation.context = context.0;
        situation.now_ms = now_ms;
        situation.scratch = scratch.at();
        situation.scratch_size = scratch.len();
        situation.echo = echo & 0x7f;
        situation.deadline_passed = u8::from(how & 8 != 0);
        let ids = [text_of(party::CALL_ID.as_bytes())];
        if how & 16 != 0 {
            situation.call_ids = ids.as_ptr();
            situation.call_ids_len = ids.len();
        }
        let mut memory = abi::Memory::new(ohp_verdict_size());
        let mut verdict = std::ptr::null_mut();
        let status = sound(without_heap(|| {
            ohp_verify(
                &raw const situation,
                bytes.as_ptr(),
                bytes.len(),
                memory.at(),
                memory.len(),
                &raw mut verdict,
            )
        }));
        if status != ohp_status::OHP_OK {
            return;
        }
        let (mut summary, mut why) = (Written::<ohp_verdict_summary>::default(), Why::new(usize::from(how)));
        assert!(sound(ohp_verdict_get(verdict, summary.at())) == ohp_status::OHP_OK);
        let summary = summary.get();
        sound(ohp_verdict_detail(verdict, why.at()));
        for index in 0..=summary.needs as usize {
            let mut need = Written::<ohp_need>::default();
            let there = sound(ohp_verdict_need(verdict, index, need.at())) == ohp_status::OHP_OK;
            assert_eq!(there, index < summary.needs as usize);
            if there {
                abi::read_text(need.get().reference);
            }
        }
        for index in 0..=summary.warnings as usize {
            sound(ohp_verdict_warning(verdict, index, why.at()));
        }
        let (mut memory, mut envelope) = (abi::Memory::new(ohp_envelope_size()), std::ptr::null_mut());
        let status = sound(ohp_verdict_envelope(
            verdict,
            memory.at(),
            memory.len(),
            &raw mut envelope,
        ));
        assert_eq!(status == ohp_status::OHP_OK, summary.has_envelope);
        let call = Call::Ids(&[party::CALL_ID]);
        let call = if how & 16 == 0 { Call::Unknown } else { call };
        let mut same = self::situation(
            None,
            ohp::time::Timestamp::from_millis(now_ms as i64),
            Echo::from_bits(echo & 0x7f),
            call,
        );
        same.deadline_passed = how & 8 != 0;
        let rust = judge(bytes, &same);
        assert_eq!(
            summary.outcome as u32,
            match rust.outcome {
                Outcome::Accept => 1,
                Outcome::Reject(..) => 2,
                Outcome::Need => 3,
                Outcome::Duplicate => 4,
                Outcome::Overloaded => 5,
            }
        );
        assert_eq!(summary.step, rust.failure().map_or(0, |(step, _)| step.number().into()));
    }
}

fn write_seeds(seeds: &mut Seeds) {
    for cbor in seeds::envelopes() {
        seeds.add_with(&[1, 0, 0, 0, 0, 9, 0, 0], &cbor);
        seeds.add_with(&[0, 0, 0, 2, 0, 0, 0, 0], &cbor);
        seeds.add_with(&[0x1d, 1, 3, 3, 0x0a, 50, 0, 0], &cbor);
    }
}
