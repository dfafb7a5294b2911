//! What can be wrong, at which step it is refused and with which word: one row for each. Further rows go to the end, because
//! the vectors in `tests/vectors/ohp` are numbered in this order.

use ohp::crypto::ed25519::SigningKey;
use ohp::envelope::Tier;
use ohp::trust::federation::{Draft, issue};
use ohp::trust::jwk::OwnKey;
use serde_json::{Value, json};

use crate::scene::{AGENT, DECLARATION, FEDERATION, LOG, MODEL_POLICY, Scene, now};

pub type Change = fn(&mut Scene);

/// What is wrong, at which tier, and the step and the word that refuse it.
pub type Row = (&'static str, Tier, u8, &'static str, Change);

fn remove(value: &mut Value, pointer: &str) {
    let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
    let parent = value
        .pointer_mut(parent)
        .and_then(Value::as_object_mut)
        .expect("a parent");
    assert!(parent.remove(member).is_some(), "{pointer}");
}

fn date(value: &mut Value, pointer: &str, to: Value) {
    *value.pointer_mut(pointer).expect(pointer) = to;
}

pub const ROWS: &[Row] = &[
    ("audience is another", Tier::Regulated, 0, "unknown", |s| {
        s.envelope["audience"]["did"] = "did:web:else.example".into()
    }),
    ("tier above the receiver's", Tier::Sealed, 0, "tier-insufficient", |s| {
        s.trust["receiver"]["maxTier"] = "signed".into()
    }),
    (
        "more recipients than anyone seals for",
        Tier::Sealed,
        0,
        "unknown",
        |s| {
            s.after_sealing = Some(|e| {
                let recipients = e["sealed"]["recipients"].as_array_mut().expect("a list");
                recipients.resize(17, json!({ "kid": "", "enc": "AA" }));
            });
        },
    ),
    ("issuer not admitted", Tier::Sealed, 1, "unknown", |s| {
        s.trust["issuers"] = json!({})
    }),
    (
        "federation is another than the issuer's",
        Tier::Sealed,
        1,
        "unknown",
        |s| s.envelope["issuer"]["federation"] = "did:web:else.example".into(),
    ),
    (
        "trust chain without a signature",
        Tier::Sealed,
        1,
        "signature-invalid",
        |s| {
            s.trust["issuers"][AGENT]["federation"]["chain"] = json!(["eyJ.eyK"]);
        },
    ),
    (
        "trust chain to an anchor that is not ours",
        Tier::Regulated,
        1,
        "unknown",
        |s| {
            let draft = Draft {
                issuer: AGENT,
                subject: AGENT,
                issued_at: now(),
                expires: now().plus(60_000),
                jwks: r#"{"keys":[]}"#,
                claims: "{}",
            };
            let statement = issue(&SigningKey::from_seed([41; 32]), "leaf", &draft).expect("JSON");
            s.trust["issuers"][AGENT]["federation"]["chain"] = json!([statement]);
        },
    ),
    (
        "post-quantum signature stripped",
        Tier::Regulated,
        2,
        "signature-invalid",
        |s| {
            s.tamper = Some(|e| drop(e["signatures"].as_array_mut().expect("a list").pop()));
        },
    ),
    (
        "classical signature stripped",
        Tier::Regulated,
        2,
        "signature-invalid",
        |s| {
            s.tamper = Some(|e| drop(e["signatures"].as_array_mut().expect("a list").remove(0)));
        },
    ),
    ("one signature twice", Tier::Regulated, 2, "signature-invalid", |s| {
        s.tamper = Some(|e| e["signatures"][1] = e["signatures"][0].clone());
    }),
    ("kids crossed", Tier::Regulated, 2, "signature-invalid", |s| {
        s.tamper = Some(|e| {
            let kid = e["signatures"][0]["kid"].take();
            e["signatures"][0]["kid"] = e["signatures"][1]["kid"].take();
            e["signatures"][1]["kid"] = kid;
        });
    }),
    (
        "slot changed after signing",
        Tier::Sealed,
        2,
        "signature-invalid",
        |s| {
            s.tamper = Some(|e| e["intent"]["slots"]["amount"] = "4250".into());
        },
    ),
    (
        "ciphertext changed after signing",
        Tier::Sealed,
        2,
        "signature-invalid",
        |s| {
            s.tamper = Some(|e| {
                let text = e["sealed"]["ciphertext"].as_str().expect("a text").replace('A', "B");
                e["sealed"]["ciphertext"] = text.into();
            });
        },
    ),
    ("stale", Tier::Sealed, 3, "stale", |s| {
        date(&mut s.envelope, "/issuedAt", "2026-05-28T13:30:00Z".into());
        date(&mut s.envelope, "/notBefore", "2026-05-28T13:30:00Z".into());
        date(&mut s.envelope, "/notAfter", "2026-05-28T13:35:00Z".into());
    }),
    ("another call", Tier::Sealed, 4, "not-bound-to-call", |s| {
        s.envelope["session"]["callId"] = "another@call".into()
    }),
    ("another call's sound", Tier::Sealed, 4, "not-bound-to-call", |s| {
        s.envelope["session"]["media"]["rtpFingerprint"] = format!("sha256:{}", "7a".repeat(32)).into();
    }),
    ("no consent", Tier::Sealed, 5, "consent-out-of-scope", |s| {
        remove(&mut s.envelope, "/caller/consent")
    }),
    ("consent withdrawn", Tier::Sealed, 5, "consent-out-of-scope", |s| {
        s.trust["consentReceipts"]["iso27560:rcpt_1"]["withdrawn"] = true.into();
    }),
    (
        "processing beyond consent",
        Tier::Sealed,
        5,
        "consent-out-of-scope",
        |s| {
            s.trust["receiver"]["processingScope"] = json!(["transcript.summary", "memory.embeddings"]);
        },
    ),
    (
        "data would leave its residency",
        Tier::Sealed,
        5,
        "consent-out-of-scope",
        |s| {
            s.trust["receiver"]["jurisdictions"] = json!(["GB", "US"]);
        },
    ),
    (
        "assurance asserted by the issuer itself",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| {
            s.envelope["caller"]["assurance"]["idp"] = AGENT.into();
        },
    ),
    (
        "levels inflated after the provider signed",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| {
            let mut honest = Scene::at(Tier::Sealed);
            let signed = honest.finish();
            let mut json = String::new();
            ohp::cbor::json::from_cbor(ohp::cbor::Item::parse(&signed).expect("canonical"), &mut json, false)
                .expect("text");
            let honest: Value = serde_json::from_str(&json).expect("JSON");
            s.envelope["caller"]["assurance"] = honest["caller"]["assurance"].clone();
            s.envelope["caller"]["assurance"]["aal"] = "AAL3".into();
        },
    ),
    (
        "above the provider's cap",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| {
            s.envelope["caller"]["assurance"]["ial"] = "IAL3".into();
        },
    ),
    (
        "above the federation's cap",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| {
            s.trust["issuers"][AGENT]["federation"]["maxAal"] = "AAL1".into();
        },
    ),
    (
        "below the receiver's minimum",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| {
            s.trust["receiver"]["minimumAal"] = "AAL3".into();
        },
    ),
    ("step-up too long ago", Tier::Sealed, 6, "assurance-insufficient", |s| {
        s.envelope["caller"]["assurance"]["lastStepUpAt"] = "2026-05-28T12:30:00Z".into();
    }),
    (
        "no step-up where policy limits its age",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| {
            remove(&mut s.envelope, "/caller/assurance/lastStepUpAt");
        },
    ),
    (
        "unknown identity provider",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| s.trust["identityProviders"] = json!({}),
    ),
    (
        "credential of another",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| {
            s.envelope["caller"]["identity"]["sdJwtVc"] = "eyJhbGciOiJub25lIn0.e30.".into();
        },
    ),
    (
        "risk class prohibited",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| {
            s.envelope["aiSystem"]["riskClass"] = "prohibited".into();
        },
    ),
    (
        "risk class not accepted",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| {
            s.trust["receiver"]["acceptedRiskClasses"] = json!(["minimal"]);
        },
    ),
    ("no conformity", Tier::Regulated, 0, "unknown", |s| {
        remove(&mut s.envelope, "/aiSystem/ceConformity")
    }),
    ("conformity over", Tier::Regulated, 7, "risk-class-not-allowed", |s| {
        s.envelope["aiSystem"]["ceConformity"]["validUntil"] = "2026-05-27".into();
    }),
    ("declaration gone", Tier::Regulated, 7, "risk-class-not-allowed", |s| {
        s.trust["resources"][DECLARATION]["status"] = 404.into();
    }),
    (
        "declaration of something else",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| {
            s.trust["resources"][DECLARATION]["sha256"] = format!("sha256:{}", "00".repeat(32)).into();
        },
    ),
    (
        "no impact assessment",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| remove(&mut s.envelope, "/governance/aiia"),
    ),
    (
        "impact assessment of thirteen months ago",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| {
            s.envelope["governance"]["aiia"]["lastReviewedAt"] = "2025-05-27".into();
        },
    ),
    (
        "impact assessment of tomorrow",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| {
            s.envelope["governance"]["aiia"]["lastReviewedAt"] = "2026-05-29".into();
        },
    ),
    (
        "deployer without rights assessment",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| {
            remove(&mut s.envelope, "/governance/fria");
        },
    ),
    (
        "no explanation under Art. 86",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| {
            remove(&mut s.envelope, "/governance/art86Explanation");
        },
    ),
    (
        "no oversight of a high-risk system",
        Tier::Regulated,
        7,
        "oversight-missing",
        |s| remove(&mut s.envelope, "/oversight"),
    ),
    (
        "high-risk system only under command",
        Tier::Regulated,
        7,
        "oversight-missing",
        |s| {
            s.envelope["oversight"]["mode"] = "human-in-command".into();
        },
    ),
    (
        "high-risk system undisclosed",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| {
            s.envelope["governance"]["art50Disclosure"]["disclosed"] = false.into();
        },
    ),
    (
        "disclosure of a high-risk system unproven",
        Tier::Regulated,
        7,
        "risk-class-not-allowed",
        |s| {
            s.envelope["governance"]["art50Disclosure"]["proofJws"] = "eyJhbGciOiJFZERTQSJ9..AAAA".into();
        },
    ),
    ("prohibited practice", Tier::Regulated, 8, "prohibited-practice", |s| {
        s.envelope["governance"]["prohibited"]["socialScoring"] = true.into();
    }),
    ("no attestation", Tier::Regulated, 8, "prohibited-practice", |s| {
        remove(&mut s.envelope, "/governance/prohibited")
    }),
    ("attestation unsigned", Tier::Regulated, 8, "signature-invalid", |s| {
        s.envelope["governance"]["prohibited"]["attestationJws"] = "eyJhbGciOiJub25lIn0..".into();
    }),
    (
        "clause not allowed here",
        Tier::Regulated,
        9,
        "risk-class-not-allowed",
        |s| {
            s.envelope["aiSystem"]["annexIIIClause"] = "1(a)".into();
        },
    ),
    (
        "clause not the issuer's",
        Tier::Regulated,
        9,
        "risk-class-not-allowed",
        |s| {
            s.trust["issuers"][AGENT]["federation"]["annexIII"] = json!(["5(a)"]);
        },
    ),
    (
        "high-risk system without a clause",
        Tier::Regulated,
        0,
        "unknown",
        |s| {
            remove(&mut s.envelope, "/aiSystem/annexIIIClause");
        },
    ),
    (
        "limited risk without disclosure",
        Tier::Regulated,
        10,
        "signature-invalid",
        |s| {
            s.envelope["aiSystem"]["riskClass"] = "limited".into();
            remove(&mut s.envelope, "/governance/art50Disclosure");
        },
    ),
    ("disclosure unproven", Tier::Regulated, 10, "signature-invalid", |s| {
        s.envelope["aiSystem"]["riskClass"] = "limited".into();
        s.envelope["governance"]["art50Disclosure"]["proofJws"] = "eyJhbGciOiJFZERTQSJ9..AAAA".into();
    }),
    (
        "oversight weaker than policy",
        Tier::Regulated,
        11,
        "oversight-missing",
        |s| {
            s.trust["receiver"]["requiredOversight"] = "human-in-the-loop".into();
        },
    ),
    (
        "model of systemic risk without policy",
        Tier::Regulated,
        12,
        "gpai-policy-missing",
        |s| {
            remove(&mut s.envelope, "/aiSystem/gpaiChain/0/policyUrl");
        },
    ),
    ("model's policy gone", Tier::Regulated, 12, "gpai-policy-missing", |s| {
        s.trust["resources"][MODEL_POLICY]["status"] = 500.into();
    }),
    ("sealed fields other than named", Tier::Sealed, 13, "unknown", |s| {
        s.after_sealing = Some(|e| e["sealed"]["fields"] = json!(["payment.disputeDetail"]));
    }),
    ("sealed for another envelope", Tier::Sealed, 13, "unknown", |s| {
        s.after_sealing = Some(|e| e["id"] = "cse_01HZX0R5N9V8W1QYK0XQM3R3KA".into());
    }),
    ("ciphertext missing for a recipient", Tier::Sealed, 13, "unknown", |s| {
        s.after_sealing = Some(|e| {
            let text = e["sealed"]["ciphertext"].as_str().expect("a text").to_owned();
            e["sealed"]["ciphertext"] = text.split('.').next_back().expect("one").into();
        });
    }),
    (
        "another recipient's slot under our kid",
        Tier::Sealed,
        13,
        "unknown",
        |s| {
            s.after_sealing = Some(|e| {
                let kid = e["sealed"]["recipients"][0]["kid"].take();
                e["sealed"]["recipients"][0]["kid"] = e["sealed"]["recipients"][1]["kid"].take();
                e["sealed"]["recipients"][1]["kid"] = kid;
            });
        },
    ),
    ("encapsulated key of low order", Tier::Sealed, 13, "unknown", |s| {
        s.after_sealing = Some(|e| e["sealed"]["recipients"][1]["enc"] = "A".repeat(43).into());
    }),
    ("leaf hash of other content", Tier::Regulated, 14, "unknown", |s| {
        s.tamper = Some(|e| e["transparency"]["leafHash"] = format!("sha256:{}", "12".repeat(32)).into());
    }),
    (
        "log's entry of another tree size",
        Tier::Regulated,
        14,
        "unknown",
        |s| s.entry = Some(|entry| entry["treeSize"] = 4.into()),
    ),
    ("log's entry of another leaf", Tier::Regulated, 14, "unknown", |s| {
        s.entry = Some(|entry| entry["index"] = 1.into())
    }),
    ("checkpoint without signature", Tier::Regulated, 14, "unknown", |s| {
        s.entry = Some(|entry| {
            let note = entry["checkpoint"].as_str().expect("a note").to_owned();
            entry["checkpoint"] = format!("{}\n\n", note.split("\n\n").next().expect("a text")).into();
        });
    }),
    (
        "checkpoint by a key that is not the log's",
        Tier::Regulated,
        14,
        "unknown",
        |s| {
            s.trust["logs"][LOG]["checkpointKeys"] =
                json!(["other.example+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]);
        },
    ),
    ("no decision", Tier::Regulated, 0, "unknown", |s| {
        s.envelope["decisions"] = json!([])
    }),
    ("trust chain with a loop", Tier::Sealed, 1, "unknown", |s| {
        let jwks = |key: OwnKey| format!(r#"{{"keys":[{}]}}"#, key.to_public_json());
        let agents = jwks(OwnKey::ed25519([41; 32], Some("leaf")));
        let federations = jwks(OwnKey::ed25519([42; 32], Some("anchor")));
        let says = |(issuer, seed, kid): (&str, u8, &str), (subject, jwks): (&str, &str)| {
            let draft = Draft {
                issuer,
                subject,
                issued_at: now().plus(-60_000),
                expires: now().plus(60_000),
                jwks,
                claims: "{}",
            };
            issue(&SigningKey::from_seed([seed; 32]), kid, &draft).expect("JSON")
        };
        let (agent, federation) = ((AGENT, 41, "leaf"), (FEDERATION, 42, "anchor"));
        s.trust["issuers"][AGENT]["federation"]["chain"] = json!([
            says(agent, (AGENT, &agents)),
            says(federation, (AGENT, &agents)),
            says(agent, (FEDERATION, &federations)),
            says(federation, (AGENT, &agents)),
        ]);
    }),
    (
        "disclosure given twice",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| {
            s.after_sealing = Some(|e| {
                let disclosures = e["caller"]["identity"]["disclosures"].as_array_mut().expect("a list");
                disclosures.push(disclosures[0].clone());
            });
        },
    ),
    (
        "disclosure that no digest refers to",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| {
            s.after_sealing = Some(|e| {
                let disclosures = e["caller"]["identity"]["disclosures"].as_array_mut().expect("a list");
                // ["AAAAAAAAAAAAAAAAAAAAAA","role","admin"]
                disclosures.push("WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwicm9sZSIsImFkbWluIl0".into());
            });
        },
    ),
    (
        "disclosure of a claim that stands in the open",
        Tier::Sealed,
        6,
        "assurance-insufficient",
        |s| s.open = vec![("given_name", "Eve")],
    ),
];
