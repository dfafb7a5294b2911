//! HPKE: agreement with RFC 9180's vectors in their accumulated form, and what does not open.

use hpke::aead::{AeadCtxR, AeadCtxS, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use ohp::crypto::hpke::{NotOpened, NotSealed, OpeningKey, TAG_LEN, open, seal};
use shake::{ExtendableOutput, Shake128, Update, XofReader};

use super::bytes;
use super::suite::{Suite, from_hex, same, to_hex};

type Sender = AeadCtxS<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>;
type Receiver = AeadCtxR<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>;

/// Gives the vector's key material to the crate, as our own `seal` does.
struct Given([u8; 32]);

impl rand_core::TryRng for Given {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!("HPKE asks for whole keys")
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("HPKE asks for whole keys")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Given {}

/// A length of one byte and as many bytes.
fn drawn(source: &mut impl XofReader) -> Vec<u8> {
    let mut len = [0];
    source.read(&mut len);
    let mut bytes = vec![0; usize::from(len[0])];
    source.read(&mut bytes);
    bytes
}

fn result_of(sink: Shake128) -> String {
    let mut result = [0; 16];
    sink.finalize_xof().read(&mut result);
    to_hex(&result)
}

#[test]
fn accumulated_vectors_of_our_suite_come_out() {
    let Some(mut known) = Suite::open("hpke-accumulated", &[]) else {
        return;
    };
    let file = known.json("rfc9180.json");
    let suites = file.as_array().expect("suites");
    let ids = |suite: &serde_json::Value| ["kem_id", "kdf_id", "aead_id"].map(|id| suite[id].as_u64());
    let ours = |suite: &&serde_json::Value| ids(suite) == [Some(32), Some(1), Some(3)];
    let suite = suites.iter().find(ours).expect("our suite");
    known.left_out(
        suites.len() - 1,
        "OHP seals with one suite of HPKE and refuses every other by name",
    );
    let text = |member: &str| suite[member].as_str().expect(member);
    let (info, random) = (from_hex(text("info")), bytes::<32>(text("ikmE")));

    // Our own functions: the key, the encapsulated key, and the first message of the context.
    let key = OpeningKey::from_bytes(bytes(text("skRm")));
    assert_eq!(key.public(), bytes(text("pkRm")));
    let mut source = Shake128::default().finalize_xof();
    let (aad, plain) = (drawn(&mut source), drawn(&mut source));
    let mut sealed = plain.clone();
    let (enc, tag) = seal(&key.public(), &info, &aad, &random, &mut sealed).expect("sealed");
    sealed.extend_from_slice(&tag);
    assert_eq!(enc, bytes(text("enc")));

    // The crate that they use: a thousand messages, and a thousand exports.
    let (secret, public) = X25519HkdfSha256::derive_keypair(&from_hex(text("ikmR")));
    // The crate keeps a private key clamped (RFC 7748, section 5) and the vector does not; both give one public key.
    assert_eq!(public.to_bytes().as_slice(), from_hex(text("pkRm")));
    let (enc, mut sender): (_, Sender) =
        hpke::setup_sender_with_rng(&OpModeS::Base, &public, &info, &mut Given(random)).expect("a sender");
    assert_eq!(enc.to_bytes().as_slice(), from_hex(text("enc")));
    let mut receiver: Receiver = hpke::setup_receiver(&OpModeR::Base, &secret, &enc, &info).expect("a receiver");
    let (mut source, mut sink) = (Shake128::default().finalize_xof(), Shake128::default());
    for round in 0..1000 {
        let (aad, plain) = (drawn(&mut source), drawn(&mut source));
        let mut message = plain.clone();
        let tag = sender
            .seal_inout_detached(InOutBuf::from(&mut message[..]), &aad)
            .expect("sealed");
        if round == 0 {
            assert_eq!(sealed, [&message[..], tag.to_bytes().as_slice()].concat());
            assert_eq!(
                open(&key, enc.to_bytes().as_ref(), &info, &aad, &mut sealed).expect("opened"),
                plain
            );
        }
        sink.update(&message);
        sink.update(tag.to_bytes().as_slice());
        let tag = hpke::aead::AeadTag::from_bytes(tag.to_bytes().as_slice()).expect("a tag");
        receiver
            .open_inout_detached(InOutBuf::from(&mut message[..]), &aad, &tag)
            .expect("opened");
        assert_eq!(message, plain);
    }
    let encryptions = result_of(sink);
    let (mut source, mut sink) = (Shake128::default().finalize_xof(), Shake128::default());
    for len in 0..1000 {
        let context = drawn(&mut source);
        let mut value = vec![0; len];
        sender.export(&context, &mut value).expect("exported");
        sink.update(&value);
    }
    let theirs = [text("encryptions_accumulated"), text("exports_accumulated")].map(str::to_owned);
    known.case("32/1/3", same(&[encryptions, result_of(sink)], &theirs));
    known.end();
}

fn sealed(aad: &[u8]) -> (OpeningKey, [u8; 32], Vec<u8>) {
    let key = OpeningKey::from_bytes([7; 32]);
    let mut message = b"a secret".to_vec();
    let (enc, tag) = seal(&key.public(), b"", aad, &[3; 32], &mut message).expect("sealed");
    message.extend_from_slice(&tag);
    (key, enc, message)
}

#[test]
fn what_was_altered_or_meant_for_another_does_not_open() {
    let (key, enc, message) = sealed(b"aad");
    assert_eq!(
        open(&key, &enc, b"", b"aad", &mut message.clone()).expect("opened"),
        b"a secret"
    );
    let refused = |key: &OpeningKey, enc: &[u8; 32], info: &[u8], aad: &[u8], message: &[u8]| {
        let mut buffer = message.to_vec();
        assert_eq!(open(key, enc, info, aad, &mut buffer), Err(NotOpened));
        assert!(!buffer.windows(8).any(|part| part == b"a secret"));
    };
    refused(&OpeningKey::from_bytes([8; 32]), &enc, b"", b"aad", &message);
    refused(&key, &enc, b"", b"axd", &message);
    refused(&key, &enc, b"i", b"aad", &message);
    for len in 0..message.len() {
        refused(&key, &enc, b"", b"aad", &message[..len]);
    }
    for bit in 0..message.len() * 8 {
        let mut bad = message.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        refused(&key, &enc, b"", b"aad", &bad);
    }
    for bit in 0..256 {
        let mut bad = enc;
        bad[bit / 8] ^= 1 << (bit % 8);
        refused(&key, &bad, b"", b"aad", &message);
    }
}

/// Points whose shared secret is zero whatever the private key: anybody could have sealed with them.
#[test]
fn low_order_points_neither_seal_nor_open() {
    let (key, _, message) = sealed(b"");
    let one = {
        let mut one = [0; 32];
        one[0] = 1;
        one
    };
    for point in [
        [0; 32],
        one,
        bytes("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        bytes("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ] {
        assert_eq!(seal(&point, b"", b"", &[3; 32], &mut [0; 8]), Err(NotSealed));
        assert_eq!(open(&key, &point, b"", b"", &mut message.clone()), Err(NotOpened));
    }
    assert_eq!(open(&key, &[9; 32], b"", b"", &mut [0; TAG_LEN - 1]), Err(NotOpened));
}

#[test]
fn an_opening_key_shows_nothing_of_itself() {
    assert_eq!(format!("{:?}", OpeningKey::from_bytes([0xab; 32])), "OpeningKey { .. }");
}
