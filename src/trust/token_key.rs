//! Public keys that stand inside tokens: the holder's in a credential (`cnf.jwk`), and the prover's in a proof of
//! possession. There it is by design, because what is proven is the possession; nowhere else is a key taken from what it
//! signs.

use core::fmt;

use super::base64url;
use super::jwk::{Jwk, Material, Thumbprint};
use super::jwt::Key;
use crate::cbor::{Item, Map};
use crate::crypto::{ed25519, es256};

/// Members of private and of symmetric keys (RFC 7518, section 6; RFC 8037; AKP).
const SECRET_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Why a key inside of a token is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTokenKey {
    /// It brings its secret half along, which so is none any more.
    Secret,
    /// A kind that is not taken here: neither Ed25519 nor P-256.
    Kind,
    /// A coordinate is missing, not canonical base64url, or of another length.
    Coordinate,
    /// The coordinates are no public key that can be trusted to identify anyone.
    Untrusted,
}

impl fmt::Display for BadTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "the token's jwk holds a private key; give it up and send the public half only",
            Self::Kind => "the token's jwk is neither an Ed25519 nor a P-256 key",
            Self::Coordinate => "the token's jwk has no usable coordinates",
            Self::Untrusted => "the token's jwk is no point of its curve, or one of small order",
        })
    }
}

impl core::error::Error for BadTokenKey {}

/// A key that a token brought along.
#[derive(Debug)]
pub struct TokenKey {
    public: Public,
    thumbprint: Thumbprint,
}

#[derive(Debug)]
enum Public {
    Ed25519(ed25519::PublicKey),
    Es256(es256::PublicKey),
}

impl TokenKey {
    /// Reads a JWK.
    pub(super) fn read(jwk: Map<'_>) -> Result<Self, BadTokenKey> {
        if SECRET_MEMBERS.iter().any(|name| jwk.get(name).is_some()) {
            return Err(BadTokenKey::Secret);
        }
        let text = |name| jwk.get(name).and_then(Item::as_text);
        let coordinate = |name| {
            text(name)
                .and_then(base64url::decode_exact)
                .ok_or(BadTokenKey::Coordinate)
        };
        let public = match (text("kty"), text("crv")) {
            (Some("OKP"), Some("Ed25519")) => {
                let key = ed25519::PublicKey::parse(&coordinate("x")?).map_err(|_| BadTokenKey::Untrusted)?;
                Public::Ed25519(key)
            }
            (Some("EC"), Some("P-256")) => {
                let key = es256::PublicKey::parse(&coordinate("x")?, &coordinate("y")?);
                Public::Es256(key.map_err(|_| BadTokenKey::Untrusted)?)
            }
            _ => return Err(BadTokenKey::Kind),
        };
        // INVARIANT: keys of these kinds have thumbprints.
        let thumbprint = public.thumbprint().ok_or(BadTokenKey::Kind)?;
        Ok(Self { public, thumbprint })
    }

    /// The key, to verify with.
    pub fn key(&self) -> Key<'_> {
        match &self.public {
            Public::Ed25519(key) => Key::Ed25519(key),
            Public::Es256(key) => Key::Es256(key),
        }
    }

    /// The RFC 7638 thumbprint (SHA-256).
    pub fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }
}

impl Public {
    fn thumbprint(&self) -> Option<Thumbprint> {
        let material = match self {
            Self::Ed25519(key) => Material::Ed25519(*key),
            Self::Es256(key) => Material::Es256(*key),
        };
        let jwk = Jwk {
            kid: None,
            material,
            usage: None,
            alg: None,
            valid_from: None,
            valid_until: None,
            revoked: false,
        };
        jwk.thumbprint()
    }
}
