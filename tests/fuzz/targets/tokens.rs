//! JWTs, SD-JWTs with and without a holder's proof, and DPoP proofs. What our key has signed over whatever claims is judged
//! without a panic; what our own makers make holds, and in no byte may it be changed; other bytes never hold.

#![no_main]

use ohp::cbor::{Item, json};
use ohp::crypto::ed25519::SigningKey;
use ohp::time::Timestamp;
use ohp::trust::jwk::JwkSet;
use ohp::trust::{base64url, dpop, jwt, sd_jwt};
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::{Seeds, Take, party, target, without_heap};

const PROVIDER: &str = "did:web:login.example.org";
const TYPES: [&str; 2] = ["JWT", "dc+sd-jwt"];

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let (how, at, flip) = (take.u8(), take.u16(), 1 << (take.u8() & 7));
    let header = exact(take.long());
    let claims = exact(take.rest());
    // Whatever header and claims, under a signature that holds: what comes behind it is reached.
    let forged = token_of(&header, &claims);
    for text in [&*forged, std::str::from_utf8(&claims).unwrap_or_default()] {
        judge(text, true);
    }
    if let Some(changed) = change(&forged, at, flip) {
        judge(&changed, false);
    }
    match how % 2 {
        0 => credential(&claims, how, at, flip),
        _ => proof(&claims, how, at, flip),
    }
});

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

fn holder() -> SigningKey {
    SigningKey::from_seed([8; 32])
}

fn keys() -> JwkSet {
    let x = base64(key().public().as_bytes());
    let json = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"{x}"}}]}}"#);
    JwkSet::from_json(json.as_bytes()).expect("a set")
}

fn base64(bytes: &[u8]) -> String {
    let mut text = room(base64url::encoded_len(bytes.len()));
    base64url::encode(bytes, &mut text).expect("room enough").to_owned()
}

fn token_of(header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", base64(header), base64(payload));
    let signature = key().sign(input.as_bytes());
    format!("{input}.{}", base64(&signature))
}

/// The text with one bit of one byte changed, where it stays a text.
fn change(text: &str, at: u16, flip: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let at = usize::from(at) % bytes.len().max(1);
    *bytes.get_mut(at)? ^= flip;
    String::from_utf8(bytes).ok()
}

fn request() -> dpop::Request<'static> {
    dpop::Request {
        method: "POST",
        uri: "https://pbx.example.org/handoffs?x=1",
        access_token: None,
        bound_to: None,
        nonce: None,
        now: party::NOW,
        window: dpop::DEFAULT_WINDOW_MS,
    }
}

/// Every way in which a token may come in; `may_hold` unless it is signed by nobody.
fn judge(text: &str, may_hold: bool) {
    let expect = jwt::Expect {
        types: &TYPES,
        now: party::NOW,
        max_len: jwt::MAX_TOKEN_LEN,
    };
    let (keys, mut scratch) = (keys(), room(jwt::scratch_len(text.len())));
    match without_heap(|| jwt::verify(text, &expect, &keys, &mut scratch).map(|claims| claims.len())) {
        Ok(_) => assert!(may_hold, "{text}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let expect = sd_jwt::Expect {
        types: &sd_jwt::TYPES,
        issuer: PROVIDER,
        now: party::NOW,
        key_binding: None,
    };
    let (mut scratch, mut out) = (room(sd_jwt::SCRATCH_LEN), room(sd_jwt::CLAIMS_MAX));
    let read = without_heap(|| sd_jwt::verify(text, [].into_iter(), &expect, &keys, &mut scratch, &mut out));
    match read {
        Ok(claims) => {
            assert!(may_hold, "{text}");
            assert_eq!(ohp::cbor::check(claims.item().bytes()), Ok(()));
            assert_eq!(claims.text("iss"), Some(PROVIDER));
            assert!(
                claims
                    .iter()
                    .all(|(name, _)| !["_sd", "_sd_alg", "..."].contains(&name))
            );
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let mut scratch = room(dpop::SCRATCH_LEN);
    let checked =
        without_heap(|| dpop::check(text, &request(), &mut |_| false, &mut scratch).map(|proof| proof.id.len()));
    match checked {
        Ok(len) => assert!(may_hold && len <= dpop::MAX_ID_LEN, "{text}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A credential of whatever claims: issued, shown in part, bound, and changed.
fn credential(claims: &[u8], how: u8, at: u16, flip: u8) {
    let mut scratch = room(json::scratch_len(claims.len()));
    let mut out = room(json::max_cbor_len(claims.len()));
    let Some(given) = json::to_cbor(claims, json::Plain, &mut scratch, &mut out)
        .ok()
        .and_then(|bytes| Item::parse(bytes).ok()?.map())
    else {
        return;
    };
    let reserved = [
        "_sd", "_sd_alg", "...", "iss", "vct", "iat", "nbf", "exp", "cnf", "status", "sub", "aud",
    ];
    let selective: Vec<_> = given.iter().filter(|(name, _)| !reserved.contains(name)).collect();
    let credential = sd_jwt::Credential {
        issuer: PROVIDER,
        kind: "https://login.example.org/customer",
        issued_at: party::NOW,
        expires: Some(party::NOW.plus(60_000)),
        open: &[],
        selective: &selective,
        holder: Some(&holder().public()),
    };
    let mut salts = 0_u16;
    let compact = sd_jwt::issue(&credential, &key(), "k", &mut || {
        salts += 1;
        let mut salt = [how; sd_jwt::SALT_LEN];
        salt[..2].copy_from_slice(&salts.to_le_bytes());
        salt
    });
    let mut nth = 0;
    let shown = sd_jwt::present(&compact, &mut |_| {
        nth += 1;
        how >> (nth % 7 + 1) & 1 == 1
    });
    let Ok(shown) = shown else { return };
    let bound = sd_jwt::bind(&shown, &holder(), "did:web:cc.example.com", "nonce", party::NOW);
    let expect = sd_jwt::Expect {
        types: &sd_jwt::TYPES,
        issuer: PROVIDER,
        now: party::NOW,
        key_binding: Some(sd_jwt::KeyBinding {
            audience: "did:web:cc.example.com",
            nonce: "nonce",
            max_age: 1000,
        }),
    };
    let keys = keys();
    let (mut scratch, mut out) = (room(sd_jwt::SCRATCH_LEN), room(sd_jwt::CLAIMS_MAX));
    let mut verify = |text: &str| {
        let claims = without_heap(|| sd_jwt::verify(text, [].into_iter(), &expect, &keys, &mut scratch, &mut out))?;
        Ok::<_, sd_jwt::SdJwtError>(claims.item().bytes().to_vec())
    };
    let Ok(read) = verify(&bound) else { return };
    let claims = Item::parse(&read).expect("canonical").map().expect("a map");
    for (name, value) in &selective {
        assert!(claims.get(name).is_none_or(|read| read == *value), "{name}");
    }
    if let Some(changed) = change(&bound, at, flip) {
        assert!(verify(&changed).is_err(), "{changed}");
    }
    assert!(verify(&shown).is_err(), "without the holder's proof");
}

/// A proof for whatever request: made, checked, replayed, changed.
fn proof(uri: &[u8], how: u8, at: u16, flip: u8) {
    let uri = format!(
        "https://pbx.example.org/{}",
        String::from_utf8_lossy(uri).replace(char::is_whitespace, "")
    );
    let claim = dpop::Claim {
        method: "POST",
        uri: &uri,
        access_token: (how & 2 == 2).then_some("token"),
        nonce: (how & 4 == 4).then_some("nonce"),
        now: party::NOW,
        random: [how; 16],
    };
    let made = dpop::prove(&key(), &claim);
    let request = dpop::Request {
        uri: &uri,
        access_token: claim.access_token,
        nonce: claim.nonce,
        ..request()
    };
    let mut scratch = room(dpop::SCRATCH_LEN);
    let mut check = |text: &str, now: Timestamp, seen: bool| {
        let request = dpop::Request { now, ..request };
        without_heap(|| dpop::check(text, &request, &mut |_| seen, &mut scratch).map(|_| ()))
    };
    if check(&made, party::NOW, false).is_err() {
        return;
    }
    assert_eq!(check(&made, party::NOW, true), Err(dpop::DpopError::Replayed));
    assert!(check(&made, party::NOW.plus(600_000), false).is_err(), "it is too old");
    if let Some(changed) = change(&made, at, flip) {
        assert!(check(&changed, party::NOW, false).is_err(), "{changed}");
    }
}

fn write_seeds(seeds: &mut Seeds) {
    let seconds = party::NOW.millis() / 1000;
    let x = base64(key().public().as_bytes());
    let mut add = |how: u8, header: &str, claims: &str| {
        let len = (header.len() as u16).to_le_bytes();
        seeds.add([&[how, 9, 0, 1, len[0], len[1]], header.as_bytes(), claims.as_bytes()].concat());
    };
    let claims = format!(
        r#"{{"iss":"{PROVIDER}","vct":"a","iat":{seconds},"exp":{},"given_name":"Ada"}}"#,
        seconds + 60
    );
    add(0xfe, r#"{"alg":"EdDSA","typ":"dc+sd-jwt","kid":"k"}"#, &claims);
    add(0, r#"{"alg":"EdDSA","typ":"JWT","kid":"k"}"#, &claims);
    add(
        0x0e,
        r#"{"alg":"none","typ":"JWT"}"#,
        r#"{"a":{"b":[1,2,{"c":null}]},"d":1.5,"e":"x"}"#,
    );
    let disclosed = format!(
        r#"{{"iss":"{PROVIDER}","vct":"a","_sd":["{}"],"_sd_alg":"sha-256","l":[{{"...":"{}"}}]}}"#,
        "A".repeat(43),
        "B".repeat(43)
    );
    add(0, r#"{"alg":"EdDSA","typ":"dc+sd-jwt","kid":"k"}"#, &disclosed);
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}}}"#);
    let claims = format!(r#"{{"jti":"1","htm":"POST","htu":"https://pbx.example.org/handoffs","iat":{seconds}}}"#);
    add(1, &header, &claims);
    add(7, &header, "calls/7?x=%41#f");
    // What sd-jwt-python issues and what it is issued from, under a signature that holds.
    let header = br#"{"alg":"EdDSA","typ":"dc+sd-jwt","kid":"k"}"#;
    let control = [&[0xfe, 9, 0, 1, header.len() as u8, 0], &header[..]].concat();
    let ends = ["sd_jwt_payload.json", "user_claims.json"];
    seeds.add_shared("vectors/sdjwt-python-testcases", &control, 8192, &ends);
}
