//! Keys from and to JSON.

use std::borrow::ToOwned as _;
use std::string::String;
use std::vec;

use zeroize::Zeroizing;

use super::{EDDSA, HPKE, Jwk, JwkSet, ML_DSA_65, Material, OwnKey, OwnKeys, Secret, Usage};
use crate::cbor::json;
use crate::crypto::{ed25519, es256, hpke, mldsa65};
use crate::time::{Timestamp, TimestampText};
use crate::trust::json::{Document, Error, Node, Problem};
use crate::trust::reserve::{self, NoMemory};
use crate::trust::{Held, List, Text, base64url};

impl JwkSet {
    /// Reads a JWK Set (RFC 7517, section 5), such as the `ohp-jwks.json` of an issuer.
    ///
    /// # Errors
    /// [`Error`] with the path of the member that is wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        Self::read(Document::parse(json)?.root())
    }

    pub(crate) fn read(node: Node<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            keys: read_keys(node, Jwk::read, |key| key.kid.as_ref())?,
            precomputed: List::default(),
        })
    }
}

impl OwnKeys {
    /// Reads a JWK Set of private keys.
    ///
    /// # Errors
    /// [`Error`] with the path of the member that is wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        Self::read(Document::parse(json)?.root())
    }

    pub(crate) fn read(node: Node<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            keys: read_keys(node, OwnKey::read, |key| key.public.kid.as_ref())?,
        })
    }
}

/// Reads the member `keys` and refuses the second of two keys with one `kid`.
fn read_keys<T>(
    set: Node<'_, '_>,
    read: impl Fn(Node<'_, '_>) -> Result<T, Error>,
    kid: impl Fn(&T) -> Option<&Text>,
) -> Result<List<T>, Error> {
    set.need("keys", |list| {
        let keys = list.items(read)?;
        let Some(twice) = second_of_a_kid(&keys, kid)? else {
            return Ok(keys);
        };
        let mut at = 0..;
        list.items(|key| match at.next() {
            Some(at) if at == twice => key.need("kid", |kid| Err(kid.wrong(Problem::KidTwice))),
            _ => Ok(()),
        })?;
        Ok(keys)
    })
}

/// The first key whose `kid` an earlier one has.
fn second_of_a_kid<T>(keys: &[T], kid: impl Fn(&T) -> Option<&Text>) -> Result<Option<usize>, NoMemory> {
    let mut kids = reserve::room(keys.len())?;
    kids.extend(keys.iter().enumerate().filter_map(|(at, key)| Some((kid(key)?, at))));
    kids.sort_unstable();
    let twice = kids.windows(2).filter_map(|pair| match pair {
        [(left, _), (right, at)] if left == right => Some(*at),
        _ => None,
    });
    Ok(twice.min())
}

impl Jwk {
    /// Reads one public JWK; a private part, if there is one, is not kept.
    ///
    /// # Errors
    /// [`Error`] with the path of the member that is wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        Self::read(Document::parse(json)?.root())
    }

    fn read(node: Node<'_, '_>) -> Result<Self, Error> {
        Ok(Self {
            kid: node.optional("kid", |kid| kid.owned())?,
            material: Material::read(node)?,
            usage: node.optional("use", |usage| {
                Ok(match usage.text()? {
                    "sig" => Usage::Signature,
                    "enc" => Usage::Encryption,
                    _ => Usage::Other,
                })
            })?,
            alg: node.optional("alg", |alg| alg.owned())?,
            valid_from: node.optional("validFrom", |moment| moment.time())?,
            valid_until: node.optional("validUntil", |moment| moment.time())?,
            revoked: node.optional("revoked", |revoked| revoked.truth())?.unwrap_or(false),
        })
    }

    /// The key as one JSON object on one line: what is published. Empty for [`Material::Other`], of which only the name
    /// has been kept.
    pub fn to_json(&self) -> String {
        let encode = |bytes: &[u8]| {
            let mut text = vec![0; base64url::encoded_len(bytes.len())];
            base64url::encode(bytes, &mut text).unwrap_or_default().to_owned()
        };
        let (kty, crv, x, y) = match &self.material {
            Material::Ed25519(public) => ("OKP", Some("Ed25519"), ("x", encode(public.as_bytes())), None),
            Material::X25519(public) => ("OKP", Some("X25519"), ("x", encode(public)), None),
            Material::MlDsa65(public) => ("AKP", None, ("pub", encode(&public.to_bytes())), None),
            Material::Es256(public) => {
                let (x, y) = public.coordinates();
                ("EC", Some("P-256"), ("x", encode(&x)), Some(encode(&y)))
            }
            Material::Other => return String::new(),
        };
        let usage = self.usage.and_then(|usage| match usage {
            Usage::Signature => Some("sig"),
            Usage::Encryption => Some("enc"),
            Usage::Other => None,
        });
        let [from, until] = [self.valid_from, self.valid_until].map(|at| at.map(Timestamp::to_text));
        let members = [
            ("kty", Some(kty)),
            ("crv", crv),
            ("kid", self.kid.as_deref()),
            ("use", usage),
            ("alg", self.alg.as_deref()),
            ("validFrom", from.as_ref().map(TimestampText::as_str)),
            ("validUntil", until.as_ref().map(TimestampText::as_str)),
            (x.0, Some(&x.1)),
            ("y", y.as_deref()),
        ];
        let mut json = String::from("{");
        for (name, value) in members {
            let Some(value) = value else { continue };
            if json.len() > 1 {
                json.push(',');
            }
            json.extend(["\"", name, "\":"]);
            // INVARIANT: writing to a string does not fail.
            let _ = json::quote(&mut json, value);
        }
        if self.revoked {
            json.push_str(",\"revoked\":true");
        }
        json.push('}');
        json
    }
}

impl Material {
    fn read(node: Node<'_, '_>) -> Result<Self, Error> {
        match node.need("kty", |kty| kty.text())? {
            "OKP" => match node.need("crv", |crv| crv.text())? {
                "Ed25519" => node.need("x", |x| {
                    let public = ed25519::PublicKey::parse(&x.bytes()?);
                    public.map(Self::Ed25519).map_err(|bad| x.wrong(Problem::Key(bad)))
                }),
                "X25519" => Ok(Self::X25519(node.need("x", |x| x.bytes())?)),
                _ => Ok(Self::Other),
            },
            "AKP" => match node.need("alg", |alg| alg.text())? {
                ML_DSA_65 => {
                    let public = node.need("pub", |x| x.bytes())?;
                    Ok(Self::MlDsa65(Held::make(|| mldsa65::PublicKey::parse(&public))?))
                }
                _ => Ok(Self::Other),
            },
            "EC" => match node.need("crv", |crv| crv.text())? {
                "P-256" => {
                    let (x, y) = (node.need("x", |x| x.bytes())?, node.need("y", |y| y.bytes())?);
                    let public = es256::PublicKey::parse(&x, &y);
                    public.map(Self::Es256).map_err(|bad| node.wrong(Problem::Point(bad)))
                }
                _ => Ok(Self::Other),
            },
            _ => Ok(Self::Other),
        }
    }
}

impl OwnKey {
    /// The Ed25519 signing key of `seed`, under `kid` or, without one, under its thumbprint.
    pub fn ed25519(seed: [u8; ed25519::SEED_LEN], kid: Option<&str>) -> Self {
        let secret = ed25519::SigningKey::from_seed(seed);
        let public = Material::Ed25519(secret.public());
        Self::made(public, Secret::Ed25519(secret), Usage::Signature, EDDSA, kid)
    }

    /// The ML-DSA-65 signing key of `seed`, likewise.
    pub fn ml_dsa_65(seed: [u8; mldsa65::SEED_LEN], kid: Option<&str>) -> Self {
        let secret = Held::from(mldsa65::SigningKey::from_seed(seed));
        let public = Material::MlDsa65(Held::from(mldsa65::PublicKey::parse(&secret.public_bytes())));
        Self::made(public, Secret::MlDsa65(secret), Usage::Signature, ML_DSA_65, kid)
    }

    /// The X25519 key of the private bytes `secret`, for which fields are sealed, likewise.
    pub fn x25519(secret: [u8; hpke::KEY_LEN], kid: Option<&str>) -> Self {
        let secret = hpke::OpeningKey::from_bytes(secret);
        let public = Material::X25519(secret.public());
        Self::made(public, Secret::X25519(secret), Usage::Encryption, HPKE, kid)
    }

    fn made(material: Material, secret: Secret, usage: Usage, alg: &str, kid: Option<&str>) -> Self {
        let mut public = Jwk {
            kid: kid.map(Into::into),
            material,
            usage: Some(usage),
            alg: Some(alg.into()),
            valid_from: None,
            valid_until: None,
            revoked: false,
        };
        if public.kid.is_none() {
            public.kid = public.thumbprint().map(|kid| kid.as_str().into());
        }
        Self { public, secret }
    }

    /// Reads one private JWK: `d` for `OKP`, the 32-byte seed in `priv` for `AKP`. Without `kid` it gets its
    /// thumbprint's.
    ///
    /// # Errors
    /// [`Error`] with the path of the member that is wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        Self::read(Document::parse(json)?.root())
    }

    fn read(node: Node<'_, '_>) -> Result<Self, Error> {
        let mut public = Jwk::read(node)?;
        let (name, secret) = match &public.material {
            Material::Ed25519(_) => {
                let seed = node.need("d", seed)?;
                ("d", Secret::Ed25519(ed25519::SigningKey::from_seed(*seed)))
            }
            Material::X25519(_) => {
                let secret = node.need("d", seed)?;
                ("d", Secret::X25519(hpke::OpeningKey::from_bytes(*secret)))
            }
            Material::MlDsa65(_) => {
                let seed = node.need("priv", seed)?;
                (
                    "priv",
                    Secret::MlDsa65(Held::make(|| mldsa65::SigningKey::from_seed(*seed))?),
                )
            }
            Material::Es256(_) | Material::Other => {
                let what = "a key that OHP uses: OKP Ed25519, OKP X25519 or AKP ML-DSA-65";
                return Err(node.wrong(Problem::Expected(what)));
            }
        };
        if !secret.belongs_to(&public.material) {
            return node.need(name, |secret| Err(secret.wrong(Problem::HalvesDiffer)));
        }
        if public.kid.is_none() {
            let thumbprint = public.thumbprint();
            public.kid = thumbprint.map(|kid| reserve::text(kid.as_str())).transpose()?;
        }
        Ok(Self { public, secret })
    }

    /// The public key as one JSON object on one line: what is published.
    pub fn to_public_json(&self) -> String {
        self.public.to_json()
    }

    /// The private key as one JSON object on one line: what is kept, in a file of mode 0600. The text wipes itself.
    pub fn to_private_json(&self) -> Zeroizing<String> {
        let (name, secret): (_, &[u8]) = match &self.secret {
            Secret::Ed25519(secret) => ("d", secret.seed()),
            Secret::X25519(secret) => ("d", secret.secret()),
            Secret::MlDsa65(secret) => ("priv", secret.seed()),
        };
        let mut d = Zeroizing::new([0; base64url::encoded_len(ed25519::SEED_LEN)]);
        let d = base64url::encode(secret, d.as_mut_slice()).unwrap_or_default();
        let public = self.to_public_json();
        let open = public.strip_suffix('}').unwrap_or_default();
        let parts = [open, ",\"", name, "\":\"", d, "\"}"];
        // Reserved in whole, so that growing leaves no copy behind.
        let mut json = Zeroizing::new(String::with_capacity(parts.map(str::len).iter().sum()));
        parts.iter().for_each(|part| json.push_str(part));
        json
    }
}

/// A private half of `N` bytes.
fn seed<const N: usize>(node: Node<'_, '_>) -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    node.bytes_into(bytes.as_mut_slice())?;
    Ok(bytes)
}
