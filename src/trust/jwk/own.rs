//! Our own keys: a secret half with its public face.

use core::fmt;

use super::{EDDSA, Jwk, ML_DSA_65, Material, Usage};
use crate::crypto::{ed25519, hpke, mldsa65};
use crate::time::Timestamp;
use crate::trust::{Held, List};

/// The secret half of a key of our own. Wiped when dropped.
pub enum Secret {
    /// Signs with Ed25519.
    Ed25519(ed25519::SigningKey),
    /// Opens what is sealed for us.
    X25519(hpke::OpeningKey),
    /// Signs with ML-DSA-65. Expanded once, while it is read.
    MlDsa65(Held<mldsa65::SigningKey>),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519(_) => "Ed25519(…)",
            Self::X25519(_) => "X25519(…)",
            Self::MlDsa65(_) => "MlDsa65(…)",
        })
    }
}

impl Secret {
    /// Whether it is the secret half of `public`.
    pub(super) fn belongs_to(&self, public: &Material) -> bool {
        match (self, public) {
            (Self::Ed25519(secret), Material::Ed25519(public)) => secret.public() == *public,
            (Self::X25519(secret), Material::X25519(public)) => secret.public() == *public,
            (Self::MlDsa65(secret), Material::MlDsa65(public)) => secret.public_bytes() == public.to_bytes(),
            _ => false,
        }
    }
}

/// A key of our own, with its public face.
#[derive(Debug)]
pub struct OwnKey {
    pub(super) public: Jwk,
    pub(super) secret: Secret,
}

impl OwnKey {
    /// A key of these halves; `None` if the public one has no `kid` or the secret one is another key's.
    pub fn new(public: Jwk, secret: Secret) -> Option<Self> {
        (secret.belongs_to(&public.material) && public.kid.is_some()).then_some(Self { public, secret })
    }

    /// The public face: what is published, without the secret. It always has a `kid`.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// The secret half.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether it may sign something issued at `now`. One that has been revoked signs nothing new, whenever that was.
    fn signs(&self, alg: &str, now: Timestamp) -> bool {
        !self.public.revoked && self.public.may_sign(alg, now).is_ok()
    }

    /// `kid`.
    pub fn kid(&self) -> &str {
        self.public.kid.as_deref().unwrap_or_default()
    }
}

/// Our own keys. No `kid` stands among them twice.
#[derive(Debug, Default)]
pub struct OwnKeys {
    pub(super) keys: List<OwnKey>,
}

impl OwnKeys {
    /// A set of `keys`; `None` if two of them share a `kid`.
    pub fn new(keys: List<OwnKey>) -> Option<Self> {
        let twice = |(at, key): (usize, &OwnKey)| keys.iter().take(at).any(|other| other.kid() == key.kid());
        if keys.iter().enumerate().any(twice) {
            return None;
        }
        Some(Self { keys })
    }

    /// All keys, in the order given.
    pub fn keys(&self) -> &[OwnKey] {
        &self.keys
    }

    /// All keys, to be put into another set.
    pub fn into_keys(self) -> List<OwnKey> {
        self.keys
    }

    /// The key of that `kid`.
    pub fn get(&self, kid: &str) -> Option<&OwnKey> {
        self.keys.iter().find(|key| key.kid() == kid)
    }

    /// The first Ed25519 key that may sign something issued at `now`, with its `kid`.
    pub fn ed25519(&self, now: Timestamp) -> Option<(&str, &ed25519::SigningKey)> {
        self.keys.iter().find_map(|key| match &key.secret {
            Secret::Ed25519(secret) if key.signs(EDDSA, now) => Some((key.kid(), secret)),
            _ => None,
        })
    }

    /// The first ML-DSA-65 key that may sign something issued at `now`, with its `kid`.
    pub fn ml_dsa_65(&self, now: Timestamp) -> Option<(&str, &mldsa65::SigningKey)> {
        self.keys.iter().find_map(|key| match &key.secret {
            Secret::MlDsa65(secret) if key.signs(ML_DSA_65, now) => Some((key.kid(), &**secret)),
            _ => None,
        })
    }

    /// The key of that `kid` that opens what is sealed for us. A key past its time still opens: whoever sealed for it has
    /// made that choice, and rotation would otherwise lose what is on its way.
    pub fn opener(&self, kid: &str) -> Option<&hpke::OpeningKey> {
        let key = self.get(kid)?;
        match &key.secret {
            Secret::X25519(secret) if key.public.usage != Some(Usage::Signature) => Some(secret),
            _ => None,
        }
    }
}
