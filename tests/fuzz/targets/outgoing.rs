//! Sending in any form, and receiving what was sent: the same bytes arrive, whatever they were, in bodies no longer than
//! asked for.

#![no_main]

use ohp::envelope::{ENVELOPE_MAX, SHAPE, Tier, Verb};
use ohp::id::EnvelopeId;
use ohp::table::Domain;
use ohp::time::Timestamp;
use ohp::transport::outgoing::{ENCODED_MAX, Form, HEADERS_LEN, SCRATCH_LEN};
use ohp::transport::{BODY_MAX, Info, Outgoing, Received, Refusal, reassembly, receive};
use ohp_fuzz::abi::room;
use ohp_fuzz::party::{CALL_ID, NOW, SMALL, table, table_words};
use ohp_fuzz::{Seeds, Take, seeds, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let form = Form {
        body_max: take.u16().into(),
        text_only: take.flag(),
        package: take.flag(),
    };
    let times = 1 + usize::from(take.u8() % 16);
    let cbor = take.rest().repeat(times);
    let id = EnvelopeId::new(Timestamp::from_millis(0), [3; 10]);
    let (mut scratch, mut out) = (room(SCRATCH_LEN), room(ENCODED_MAX));
    let named = (id, Tier::Signed, Verb::Propose);
    let Ok(plan) = without_heap(|| Outgoing::encode(&cbor, named, form, &mut scratch, &mut out)) else {
        return;
    };
    let words = table_words(&SMALL);
    let table = table(&words, &SMALL);
    let call = table.key(Domain::Call, &[CALL_ID.as_bytes()]);
    let (mut scratch, mut received) = (room(reassembly::SCRATCH_LEN), room(ENVELOPE_MAX));
    for k in 1..=plan.total() {
        let (mut headers, mut body) = (room(HEADERS_LEN), room(BODY_MAX));
        let data = &out[plan.range(k).expect("a chunk of the plan")];
        let info = without_heap(|| plan.render(k, data, &mut headers, &mut body)).expect("room enough");
        assert!(info.body.len() <= form.body_max);
        assert!(!form.text_only || info.body.is_ascii() && !info.body.contains(&0));
        let info = Info::parse(info.headers.as_bytes(), info.body).expect("what we write can be read");
        let result = without_heap(|| receive(&table, &call, &info, NOW, SHAPE, &mut scratch, &mut received));
        match result {
            Ok(Received::Partial { chunk, total }) => assert_eq!((chunk, total), (k, plan.total())),
            Ok(Received::Complete(message)) => {
                assert_eq!(k, plan.total());
                assert_eq!(message.cbor, cbor);
                assert!(message.echo.check(Tier::Signed, Verb::Propose).is_ok());
            }
            // The bytes need not look like CBOR; then nobody takes them for it.
            Err(Refusal::Body(_)) => assert!(k == plan.total()),
            other => panic!("{other:?}"),
        }
    }
    assert!(plan.range(0).is_none() && plan.range(plan.total() + 1).is_none());
});

fn write_seeds(seeds: &mut Seeds) {
    for cbor in seeds::envelopes() {
        for control in [[0x14, 5, 0, 0, 0], [0xbc, 2, 1, 1, 0], [0x40, 1, 0, 0, 3]] {
            seeds.add_with(&control, &cbor);
        }
    }
    seeds.add_with(
        &[0x14, 5, 0, 0, 15],
        [&[0xa1][..], &(0..=255).collect::<Vec<u8>>()].concat(),
    );
}
