//! Building an envelope from any fields. What is written is canonical whatever was set; what is finished can be read.

#![no_main]

use ohp::cbor::{Item, check};
use ohp::envelope::{Draft, Envelope, Field, Tier, Value};
use ohp_fuzz::party::NOW;
use ohp_fuzz::{Seeds, Take, seeds, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let mut arena = vec![0; take.u16().into()];
    let mut out = vec![0; take.u16().into()];
    let mut draft = Draft::new(&mut arena);
    while !take.is_empty() {
        let op = take.u8();
        let path = match take.u8() {
            255 => String::from_utf8_lossy(take.short()).into_owned(),
            number => Field::ALL[usize::from(number) % Field::ALL.len()].path().to_owned(),
        };
        let value = take.clone().short();
        let text = std::str::from_utf8(value).unwrap_or("2026-05-28T13:51:00Z");
        let number = take.clone().u64();
        let texts = [text, "x"];
        without_heap(|| {
            let value = match op % 16 {
                0..=2 => Value::Text(text),
                3 => Value::Time(ohp::time::Timestamp::from_millis(number as i64)),
                4 => Value::Integer(number as i64),
                5 => Value::Number(f64::from_bits(number)),
                6 => Value::Bool(number & 1 == 1),
                7 => Value::Null,
                8 => Value::EmptyMap,
                9 => Value::Texts(&texts),
                10 => match Item::parse(value) {
                    Ok(item) => Value::Item(item),
                    Err(_) => return,
                },
                11 => {
                    draft.remove(&path);
                    return;
                }
                12 => {
                    if let Ok(item) = Item::parse(value) {
                        let _ = draft.merge(item);
                    }
                    return;
                }
                13 => {
                    let tier = [Tier::Core, Tier::Signed][usize::from(op >> 7)];
                    let _ = draft.stamp(tier, NOW, number as i64, &[9; 26]);
                    return;
                }
                14 => {
                    let _ = draft.finish(&mut out);
                    return;
                }
                _ => {
                    if let Ok(written) = draft.write(&mut out) {
                        check(written).expect("a draft is canonical");
                    }
                    return;
                }
            };
            let _ = draft.set(&path, value);
        });
        match op % 16 {
            0..=2 | 9..=10 | 12 => drop(take.short()),
            3..=6 | 13 => drop(take.u64()),
            _ => {}
        }
    }
    let written = without_heap(|| draft.write(&mut out).map(<[u8]>::len));
    if let Ok(len) = written {
        check(&out[..len]).expect("a draft is canonical");
    }
    if let Ok(envelope) = draft.finish(&mut out) {
        Envelope::read(envelope.bytes(), &mut |_| ()).expect("what is finished can be read");
    }
});

fn write_seeds(seeds: &mut Seeds) {
    for cbor in seeds::envelopes() {
        if cbor.len() < 250 {
            seeds.add([&[0, 0xff, 0, 0xff, 12, 0, cbor.len() as u8][..], &cbor].concat());
        }
        // Cut into its members, which are set one by one.
        let mut input = vec![0, 0xff, 0, 0xff, 13, 0, 0, 0, 4, 0, 0, 0, 0, 0];
        let Ok(envelope) = Envelope::read(&cbor, &mut |_| ()) else {
            continue;
        };
        for (number, field) in Field::ALL.iter().enumerate() {
            if let Some(item) = envelope.item(*field).filter(|item| item.bytes().len() < 256) {
                input.extend([10, number as u8, item.bytes().len() as u8]);
                input.extend(item.bytes());
            }
        }
        input.push(14);
        seeds.add(input);
    }
}
