//! Keys: what is read, which may be believed when, and what our own never give away.

use ohp::crypto::ed25519::{BadKey, SigningKey};
use ohp::crypto::hpke::OpeningKey;
use ohp::time::Timestamp;
use ohp::trust::base64url;
use ohp::trust::json::Problem;
use ohp::trust::jwk::{Jwk, JwkSet, KeyRefusal, Material, OwnKey, OwnKeys, Secret, Usage};

/// RFC 8037, appendix A.
const D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// RFC 8037, appendix A.3.
const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

/// RFC 7517, appendix A.1.
const EC_X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const EC_Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";

fn moment(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect(text)
}

fn zeros(len: usize) -> String {
    "A".repeat(base64url::encoded_len(len))
}

/// A set of one Ed25519 signature key `k` with further members.
fn set(members: &str) -> JwkSet {
    let json = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"{X}"{members}}}]}}"#);
    JwkSet::from_json(json.as_bytes()).expect(&json)
}

#[test]
fn keys_of_every_kind_are_read_and_kept() {
    let json = format!(
        r#"{{"publishedAt":"2026-05-01T00:00:00Z","keys":[
            {{"kty":"OKP","crv":"Ed25519","kid":"a","use":"sig","alg":"EdDSA","x":"{X}","validFrom":"2026-05-01T00:00:00Z"}},
            {{"kty":"OKP","crv":"X25519","kid":"b","use":"enc","alg":"HPKE/X25519-SHA256-CHACHA20POLY1305","x":"{X}"}},
            {{"kty":"AKP","alg":"ML-DSA-65","kid":"c","use":"sig","pub":"{}"}},
            {{"kty":"RSA","kid":"d","use":"tls","n":"AQAB","e":"AQAB"}},
            {{"kty":"OKP","crv":"Ed448","kid":"e","use":"sig","x":"AA"}},
            {{"kty":"AKP","alg":"ML-DSA-87","pub":"AA"}},
            {{"kty":"EC","crv":"P-256","kid":"f","x":"{EC_X}","y":"{EC_Y}"}},
            {{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}}]}}"#,
        zeros(1952)
    );
    let set = JwkSet::from_json(json.as_bytes()).expect("a set");
    assert_eq!(set.keys().len(), 8);
    let key = |kid: &str| set.get(kid).expect(kid);
    assert!(
        matches!(&key("a").material, Material::Ed25519(public) if base64url::decode_exact(X) == Some(*public.as_bytes()))
    );
    assert_eq!(key("a").usage, Some(Usage::Signature));
    assert_eq!(key("a").valid_from, Some(moment("2026-05-01T00:00:00Z")));
    assert!(matches!(key("b").material, Material::X25519(_)));
    assert_eq!(key("b").usage, Some(Usage::Encryption));
    assert!(matches!(&key("c").material, Material::MlDsa65(public) if public.to_bytes() == [0; 1952]));
    assert!(matches!(key("d").material, Material::Other));
    assert_eq!(key("d").usage, Some(Usage::Other));
    assert!(matches!(key("e").material, Material::Other));
    assert!(matches!(key("f").material, Material::Es256(_)));
    assert!(set.get("g").is_none());
}

#[test]
fn what_is_wrong_with_a_key_is_said_with_its_path() {
    let identity = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let cases = [
        (
            r#"{"kty":"OKP","crv":"Ed25519"}"#.to_owned(),
            "keys[1].x",
            Problem::Missing,
        ),
        (r#"{"crv":"Ed25519"}"#.to_owned(), "keys[1].kty", Problem::Missing),
        (r#"{"kty":"OKP"}"#.to_owned(), "keys[1].crv", Problem::Missing),
        (r#"{"kty":"AKP"}"#.to_owned(), "keys[1].alg", Problem::Missing),
        (
            r#"{"kty":"AKP","alg":"ML-DSA-65","pub":"AA"}"#.to_owned(),
            "keys[1].pub",
            Problem::Length(1952),
        ),
        (
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}="}}"#),
            "keys[1].x",
            Problem::NotBase64Url,
        ),
        (
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}A"}}"#),
            "keys[1].x",
            Problem::Length(32),
        ),
        // The last character has two bits over; they are not zero.
        (
            format!(r#"{{"kty":"OKP","crv":"X25519","x":"{}p"}}"#, &X[..42]),
            "keys[1].x",
            Problem::NotBase64Url,
        ),
        (
            format!(r#"{{"kty":"OKP","crv":"X25519","x":"{}+"}}"#, &X[..42]),
            "keys[1].x",
            Problem::NotBase64Url,
        ),
        (
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{identity}"}}"#),
            "keys[1].x",
            Problem::Key(BadKey::SmallOrder),
        ),
        (
            r#"{"kty":"RSA","kid":"k"}"#.to_owned(),
            "keys[1].kid",
            Problem::KidTwice,
        ),
        (
            r#"{"kty":"RSA","kid":7}"#.to_owned(),
            "keys[1].kid",
            Problem::Expected("a text"),
        ),
        (
            r#"{"kty":"RSA","revoked":"no"}"#.to_owned(),
            "keys[1].revoked",
            Problem::Expected("true or false"),
        ),
        (
            r#"{"kty":"RSA","validUntil":"tomorrow"}"#.to_owned(),
            "keys[1].validUntil",
            Problem::Expected("an RFC 3339 date-time such as 2026-05-28T13:42:11Z"),
        ),
        ("7".to_owned(), "keys[1]", Problem::Expected("an object")),
    ];
    for (key, path, problem) in cases {
        let json = format!(r#"{{"keys":[{{"kty":"RSA","kid":"k"}},{key}]}}"#);
        let error = JwkSet::from_json(json.as_bytes()).expect_err(&json);
        assert_eq!((error.path(), error.problem()), (path, &problem), "{json}");
        assert!(error.to_string().starts_with(path), "{error}");
    }
    assert_eq!(
        JwkSet::from_json(b"{}").expect_err("no keys").to_string(),
        "keys: missing"
    );
}

#[test]
fn a_key_is_believed_for_signatures_within_its_time_only() {
    let at = moment("2026-05-28T13:42:11Z");
    let sig = r#","use":"sig""#;
    for (members, verdict) in [
        (String::new(), Err(KeyRefusal::NotForSignatures)),
        (r#","use":"enc""#.to_owned(), Err(KeyRefusal::NotForSignatures)),
        (sig.to_owned(), Ok(())),
        (format!(r#"{sig},"alg":"EdDSA""#), Ok(())),
        (format!(r#"{sig},"alg":"ML-DSA-65""#), Err(KeyRefusal::OtherAlgorithm)),
        (format!(r#"{sig},"validFrom":"2026-05-28T13:42:11Z""#), Ok(())),
        (
            format!(r#"{sig},"validFrom":"2026-05-28T13:42:11.001Z""#),
            Err(KeyRefusal::NotYetValid),
        ),
        (format!(r#"{sig},"validUntil":"2026-05-28T13:42:11Z""#), Ok(())),
        (
            format!(r#"{sig},"validUntil":"2026-05-28T13:42:10.999Z""#),
            Err(KeyRefusal::Expired),
        ),
        (format!(r#"{sig},"revoked":false"#), Ok(())),
        (format!(r#"{sig},"revoked":true"#), Err(KeyRefusal::Revoked)),
        (
            format!(r#"{sig},"revoked":true,"validUntil":"2026-05-28T13:42:10.999Z""#),
            Err(KeyRefusal::Revoked),
        ),
        (
            format!(r#"{sig},"revoked":true,"validUntil":"2026-05-28T13:42:11Z""#),
            Ok(()),
        ),
    ] {
        assert_eq!(
            set(&members).signer("EdDSA", Some("k"), at).map(drop),
            verdict,
            "{members}"
        );
    }
}

#[test]
fn an_absent_kid_is_unknown_and_a_header_without_one_means_the_only_key() {
    let at = moment("2026-05-28T13:42:11Z");
    let one = set(r#","use":"sig""#);
    assert_eq!(
        one.signer("EdDSA", Some("other"), at).map(drop),
        Err(KeyRefusal::Unknown)
    );
    assert!(one.signer("EdDSA", None, at).is_ok());
    assert_eq!(set("").signer("EdDSA", None, at).map(drop), Err(KeyRefusal::NotTheOnly));

    let key = |kid: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"sig","x":"{X}"{kid}}}"#);
    let both = format!(r#"{{"keys":[{},{}]}}"#, key(""), key(""));
    let both = JwkSet::from_json(both.as_bytes()).expect("two keys without a kid are not two of one kid");
    assert_eq!(both.signer("EdDSA", None, at).map(drop), Err(KeyRefusal::NotTheOnly));

    let json = format!(
        r#"{{"keys":[{},{{"kty":"AKP","alg":"ML-DSA-65","kid":"pq","use":"sig","pub":"{}"}}]}}"#,
        key(r#","kid":"ed""#),
        zeros(1952)
    );
    let hybrid = JwkSet::from_json(json.as_bytes()).expect("a set");
    assert!(hybrid.signer("EdDSA", None, at).is_ok());
    assert_eq!(
        hybrid.signer("EdDSA", Some("pq"), at).map(drop),
        Err(KeyRefusal::WrongKind)
    );
}

#[test]
fn thumbprints_are_those_of_rfc_7638_and_rfc_8037() {
    let key = Jwk::from_json(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"}}"#).as_bytes()).expect("a key");
    assert_eq!(key.thumbprint().expect("a kind we know").as_str(), THUMBPRINT);
    let own = OwnKey::ed25519(base64url::decode_exact(D).expect("base64url"), None);
    assert_eq!(own.kid(), THUMBPRINT);
    let other = Jwk::from_json(br#"{"kty":"RSA"}"#).expect("a key");
    assert!(other.thumbprint().is_none());
}

#[test]
fn our_own_keys_survive_being_written_and_only_the_private_text_has_the_secret() {
    let seed = base64url::decode_exact(D).expect("base64url");
    let public = format!(r#""kty":"OKP","crv":"Ed25519","kid":"{{KID}}","use":"sig","alg":"EdDSA","x":"{X}""#);
    for (kid, written) in [("vendor-a", "vendor-a"), ("a\"\n", "a\\\"\\n")] {
        let key = OwnKey::ed25519(seed, Some(kid));
        let members = public.replace("{KID}", written);
        assert_eq!(key.to_public_json(), format!("{{{members}}}"));
        let private = key.to_private_json();
        assert_eq!(*private, format!("{{{members},\"d\":\"{D}\"}}"));
        assert_eq!(private.capacity(), private.len());
        let again = OwnKey::from_json(private.as_bytes()).expect("a key");
        assert_eq!(again.to_private_json(), private);
        assert_eq!(again.kid(), kid);
    }
    // What a private key's public half is, the published vectors say (tests/crypto).
    let x25519 = base64url_of(OwnKey::x25519(seed, None).to_public_json(), "x");
    let ml_dsa = base64url_of(OwnKey::ml_dsa_65(seed, None).to_public_json(), "pub");
    let other_kinds = [
        format!(
            r#"{{"kty":"OKP","crv":"X25519","kid":"b","use":"enc","validUntil":"2026-05-28T13:42:11.000Z","x":"{x25519}","d":"{D}"}}"#
        ),
        format!(
            r#"{{"kty":"AKP","kid":"c","use":"sig","alg":"ML-DSA-65","pub":"{ml_dsa}","revoked":true,"priv":"{D}"}}"#
        ),
    ];
    for json in other_kinds {
        let key = OwnKey::from_json(json.as_bytes()).expect(&json);
        assert_eq!(*key.to_private_json(), json);
        assert!(!key.to_public_json().contains(D));
        assert!(Jwk::from_json(key.to_public_json().as_bytes()).is_ok());
    }
}

fn base64url_of(json: String, member: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    json[member].as_str().expect(member).to_owned()
}

#[test]
fn private_half_of_another_key_is_refused_for_every_kind() {
    for (make, name) in [
        (OwnKey::ed25519 as fn([u8; 32], Option<&str>) -> OwnKey, "d"),
        (OwnKey::x25519, "d"),
        (OwnKey::ml_dsa_65, "priv"),
    ] {
        let public = make([1; 32], Some("k")).to_public_json();
        let mut crossed: serde_json::Value =
            serde_json::from_str(&make([2; 32], Some("k")).to_private_json()).expect("JSON");
        let public: serde_json::Value = serde_json::from_str(&public).expect("JSON");
        for (member, value) in public.as_object().expect("an object") {
            crossed[member] = value.clone();
        }
        let error = OwnKey::from_json(crossed.to_string().as_bytes()).expect_err("crossed halves");
        assert_eq!((error.path(), error.problem()), (name, &Problem::HalvesDiffer));
    }
}

#[test]
fn point_that_is_not_on_the_curve_is_no_key() {
    let json = format!(r#"{{"kty":"EC","crv":"P-256","x":"{EC_X}","y":"{EC_X}"}}"#);
    let error = Jwk::from_json(json.as_bytes()).expect_err("not on the curve");
    assert_eq!(error.to_string(), "the coordinates are no point of the curve P-256");
}

#[test]
fn signer_is_found_by_algorithm_and_a_key_signs_with_its_own_only() {
    let mut keys: Vec<_> = [
        OwnKey::ed25519([1; 32], Some("ed")),
        OwnKey::ml_dsa_65([1; 32], Some("pq")),
    ]
    .map(|key| key.to_public_json())
    .into();
    keys.push(format!(
        r#"{{"kty":"EC","crv":"P-256","kid":"es","use":"sig","x":"{EC_X}","y":"{EC_Y}"}}"#
    ));
    keys.push(OwnKey::x25519([1; 32], Some("hpke")).to_public_json());
    let set = JwkSet::from_json(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).expect("a set");
    let at = moment("2026-05-28T13:42:11Z");
    for (alg, own) in [("EdDSA", "ed"), ("ML-DSA-65", "pq"), ("ES256", "es")] {
        assert_eq!(set.signer(alg, None, at).expect("the only one").alg(), alg);
        for kid in ["ed", "pq", "es", "hpke"] {
            let found = set.signer(alg, Some(kid), at).map(|key| key.alg());
            assert_eq!(
                found,
                if kid == own {
                    Ok(alg)
                } else {
                    Err(KeyRefusal::WrongKind)
                },
                "{alg} {kid}"
            );
        }
    }
    assert_eq!(set.signer("none", Some("ed"), at).map(drop), Err(KeyRefusal::WrongKind));
}

#[test]
fn a_private_key_that_is_incomplete_or_another_keys_is_refused() {
    let other = zeros(32);
    for (members, path, problem) in [
        (
            format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}""#),
            "keys[0].d",
            Problem::Missing,
        ),
        (
            format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}","d":"{other}""#),
            "keys[0].d",
            Problem::HalvesDiffer,
        ),
        (
            format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}","d":"{D}A""#),
            "keys[0].d",
            Problem::Length(32),
        ),
        (
            format!(r#""kty":"OKP","crv":"X25519","x":"{X}""#),
            "keys[0].d",
            Problem::Missing,
        ),
        (
            format!(r#""kty":"AKP","alg":"ML-DSA-65","pub":"{}""#, zeros(1952)),
            "keys[0].priv",
            Problem::Missing,
        ),
        (
            r#""kty":"RSA""#.to_owned(),
            "keys[0]",
            Problem::Expected("a key that OHP uses: OKP Ed25519, OKP X25519 or AKP ML-DSA-65"),
        ),
    ] {
        let json = format!(r#"{{"keys":[{{{members}}}]}}"#);
        let error = OwnKeys::from_json(json.as_bytes()).expect_err(&json);
        assert_eq!((error.path(), error.problem()), (path, &problem), "{json}");
    }
}

#[test]
fn keys_put_together_by_hand_obey_the_same_rules() {
    let secret = |seed: u8| Secret::Ed25519(SigningKey::from_seed([seed; 32]));
    let public = |kid: Option<&str>| Jwk {
        kid: kid.map(Into::into),
        material: Material::Ed25519(SigningKey::from_seed([1; 32]).public()),
        usage: Some(Usage::Signature),
        alg: None,
        valid_from: None,
        valid_until: None,
        revoked: false,
    };
    assert!(OwnKey::new(public(None), secret(1)).is_none());
    assert!(OwnKey::new(public(Some("a")), secret(2)).is_none());
    assert!(OwnKey::new(public(Some("a")), Secret::X25519(OpeningKey::from_bytes([1; 32]))).is_none());
    let key = |kid| OwnKey::new(public(Some(kid)), secret(1)).expect("a key");
    assert!(OwnKeys::new([key("a"), key("a")].into()).is_none());
    assert!(JwkSet::new([public(Some("a")), public(Some("a"))].into()).is_none());
    assert!(JwkSet::new([public(None), public(None)].into()).is_some());
    let keys = OwnKeys::new([key("a"), key("b")].into()).expect("two keys");
    assert_eq!(keys.get("b").map(OwnKey::kid), Some("b"));
}

#[test]
fn we_sign_with_our_first_key_that_is_valid_now() {
    let key = |kid: &str, seed: u8, more: &str| {
        let json = OwnKey::ed25519([seed; 32], Some(kid)).to_private_json();
        json.replace("\"kid\"", &format!("{more}\"kid\""))
    };
    let json = format!(
        r#"{{"keys":[{},{},{},{}]}}"#,
        key("old", 1, r#""validUntil":"2026-05-01T00:00:00Z","#),
        key("revoked", 2, r#""revoked":true,"validUntil":"2027-05-01T00:00:00Z","#),
        key("current", 3, ""),
        key("next", 4, "")
    );
    let keys = OwnKeys::from_json(json.as_bytes()).expect("keys");
    let (kid, secret) = keys.ed25519(moment("2026-05-28T13:42:11Z")).expect("a key");
    assert_eq!(kid, "current");
    assert!(matches!(keys.get(kid).expect(kid).secret(), Secret::Ed25519(same) if same.public() == secret.public()));
    assert_eq!(
        keys.ed25519(moment("2026-04-28T13:42:11Z")).map(|(kid, _)| kid),
        Some("old")
    );
}

#[test]
fn debug_shows_no_secret_of_any_kind() {
    let seed = base64url::decode_exact(D).expect("base64url");
    let keys = [OwnKey::ed25519, OwnKey::x25519, OwnKey::ml_dsa_65].map(|make| make(seed, None).to_private_json());
    let json = format!(r#"{{"keys":[{},{},{}]}}"#, *keys[0], *keys[1], *keys[2]);
    let shown = format!("{:?}", OwnKeys::from_json(json.as_bytes()).expect("keys"));
    let secret: [u8; 32] = base64url::decode_exact(D).expect("base64url");
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{secret:?}");
    for secret in [D, &hex[..8], &list[1..20]] {
        assert!(!shown.to_lowercase().contains(&secret.to_lowercase()), "{shown}");
    }
    assert!(shown.contains("X25519(…)") && shown.contains("MlDsa65(…)"), "{shown}");
}
