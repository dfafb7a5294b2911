//! What each primitive uses of a PBX thread's stack. A call into the library may use 96 KiB.

use ohp::crypto::{ed25519, hpke, mldsa65};

use super::painted::stack_of;

const KIB: usize = 1024;

#[test]
fn no_primitive_on_the_verify_path_uses_more_stack_than_a_call_may() {
    let key = Box::new(mldsa65::SigningKey::from_seed([7; 32]));
    let public = Box::new(mldsa65::PublicKey::parse(&key.public_bytes()));
    let signature = key.sign(b"handoff", &[0; 32]).expect("a signature");
    let classical = ed25519::SigningKey::from_seed([7; 32]);
    let own = hpke::OpeningKey::from_bytes([7; 32]);
    let mut message = [1; 116];
    let mut enc = [0; 32];
    let used = [
        (
            "ML-DSA-65 verify",
            80,
            stack_of(|| public.verify(b"handoff", &signature).expect("valid")),
        ),
        (
            "Ed25519 sign",
            16,
            stack_of(|| assert_ne!(classical.sign(b"handoff"), [0; 64])),
        ),
        (
            "Ed25519 verify",
            24,
            stack_of(|| {
                let signature = classical.sign(b"handoff");
                classical.public().verify(b"handoff", &signature).expect("valid");
            }),
        ),
        (
            "HPKE seal",
            16,
            stack_of(|| {
                let (key, tag) = hpke::seal(&own.public(), b"", b"", &[1; 32], &mut message[..100]).expect("sealed");
                message[100..].copy_from_slice(&tag);
                enc = key;
            }),
        ),
        (
            "HPKE open",
            16,
            stack_of(|| {
                assert_eq!(
                    hpke::open(&own, &enc, b"", b"", &mut message).expect("opened"),
                    [1; 100]
                )
            }),
        ),
    ];
    for (name, most, used) in used {
        println!("{name}: {used} bytes of stack");
        assert!(used <= most * KIB, "{name}: {used} bytes of stack");
    }
}

/// Signing at Regulated and the expansion of keys, while a context is loaded, need more; docs/integrator.md says so.
#[test]
fn what_needs_more_stack_than_a_call_may_is_known() {
    let mut seed = [7; 32];
    let mut key = None;
    let expand = stack_of(|| key = Some(Box::new(mldsa65::SigningKey::from_seed(std::mem::take(&mut seed)))));
    let key = key.expect("a key");
    let public = key.public_bytes();
    let used = [
        ("ML-DSA-65 expand a signing key", 448, expand),
        (
            "ML-DSA-65 public half",
            192,
            stack_of(|| assert_eq!(key.public_bytes(), public)),
        ),
        (
            "ML-DSA-65 expand a public key",
            192,
            stack_of(|| drop(Box::new(mldsa65::PublicKey::parse(&public)))),
        ),
        (
            "ML-DSA-65 sign",
            144,
            stack_of(|| assert!(key.sign(b"handoff", &[0; 32]).is_ok())),
        ),
    ];
    for (name, most, used) in used {
        println!("{name}: {used} bytes of stack");
        assert!(used <= most * KIB, "{name}: {used} bytes of stack");
    }
}
