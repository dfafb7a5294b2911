"""Another implementation of what OHP 0.1 signs, seals and anchors, on other people's libraries.

It is written from the protocol's text (spec sections 5 and 6) and the decisions in docs/implementer.md, never from the Rust
code, so that a mistake there does not agree with itself here.

    peer.py make DIR     writes envelopes, true and spoilt, the bundle to judge them by, and plain ones for us to issue
    peer.py check DIR    verifies, opens and finds anchored what we have issued from the plain ones
"""

import hashlib
import json
import os
import pathlib
import sys
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta, timezone

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey, OpenError

AGENT = "did:web:agents.example.com:desk-1"
CENTRE = "did:web:centre.example.net"
PROVIDER = "did:web:login.example.org"
FEDERATION = "did:web:federation.example.org"
LOG = "log.example.org/handoffs"
CALL = "a84b4c76e66710@pc33.atlanta.example.com"
FINGERPRINT = "sha256:" + "f1" * 32
DECLARATION = "https://docs.example.com/declaration.pdf"
HPKE_ALG = "HPKE/X25519-SHA256-CHACHA20POLY1305"
SECRETS = {"payment.disputeDetail": "card ending 4242, 42.50 GBP", "caller.vulnerable": True, "case.history": [1, {"née": None}]}
SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)


# The canonical form (spec 5.2; rows 1 to 4)

# Members that the CDDL types rfc3339, which carry tag 0.
TIMES = {
    ("issuedAt",), ("notBefore",), ("notAfter",), ("session", "startedAt"), ("caller", "assurance", "lastStepUpAt"),
    ("governance", "art50Disclosure", "at"), ("oversight", "lastReviewAt"), ("decisions", "at"),
}


def typed(value, path=()):
    """JSON with the types that CBOR tells apart and JSON does not."""
    if isinstance(value, dict):
        return {key: typed(inner, path + (key,)) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner, path) for inner in value]
    if path in TIMES:
        return cbor2.CBORTag(0, value)
    if path == ("intent", "current", "confidence"):
        return float(value)
    return value


def clone(value):
    """A copy to change; tags are never changed."""
    if isinstance(value, dict):
        return {key: clone(inner) for key, inner in value.items()}
    return [clone(inner) for inner in value] if isinstance(value, list) else value


def canonical(value):
    return cbor2.dumps(value, canonical=True)


def decode(data):
    """A reader of our own for the few kinds that an envelope has: cbor2 turns tag 0 into a moment and loses its text."""
    value, rest = decode_item(data)
    assert rest == b"", "bytes behind the envelope"
    return value


def decode_item(data):
    major, low = data[0] >> 5, data[0] & 31
    if major == 7:
        plain = {20: False, 21: True, 22: None}
        if low in plain:
            return plain[low], data[1:]
        length = {25: 3, 26: 5, 27: 9}[low]
        return cbor2.loads(data[:length]), data[length:]
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
    number = int.from_bytes(data[1:1 + size], "big") if size else low
    data = data[1 + size:]
    if major == 0:
        return number, data
    if major == 1:
        return -1 - number, data
    if major == 2:
        return data[:number], data[number:]
    if major == 3:
        return data[:number].decode("utf-8"), data[number:]
    if major == 4:
        items = []
        for _ in range(number):
            item, data = decode_item(data)
            items.append(item)
        return items, data
    if major == 5:
        members = {}
        for _ in range(number):
            key, data = decode_item(data)
            members[key], data = decode_item(data)
        return members, data
    assert (major, number) == (6, 0), "no tag but 0"
    item, data = decode_item(data)
    return cbor2.CBORTag(0, item), data


# Signatures (spec 5.1, 5.2; rows 6, 8, 12, 13, 16)


def b64(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert b64(data) == text, "not canonical base64url"
    return data


def surface(envelope):
    """The map with no signatures and 32 zero bytes for the leaf hash."""
    copied = clone(envelope)
    copied["signatures"] = []
    if "leafHash" in copied.get("transparency", {}):
        copied["transparency"]["leafHash"] = bytes(32)
    return canonical(copied)


def leaf_hash(envelope):
    return "sha256:" + hashlib.sha256(surface(envelope)).hexdigest()


def detached(key, alg, kid, payload):
    header = b64(json.dumps({"alg": alg, "kid": kid}, separators=(",", ":")).encode())
    return f"{header}..{b64(key.sign(f'{header}.{b64(payload)}'.encode()))}"


def verify_detached(key, alg, kid, payload, jws):
    header, middle, signature = jws.split(".")
    assert middle == ""
    said = json.loads(unb64(header))
    assert (said["alg"], said["kid"]) == (alg, kid), said
    key.verify(unb64(signature), f"{header}.{b64(payload)}".encode())


def without(block, member):
    return canonical({key: value for key, value in block.items() if key != member})


# Sealing (spec 5.3; rows 17, 18)


def binding(envelope):
    return canonical({
        "id": envelope["id"], "issuedAt": envelope["issuedAt"], "audience.did": envelope["audience"]["did"],
        "session.callId": envelope["session"]["callId"],
    })


def seal(envelope, recipients, fields=None, info=b"", bind=binding):
    plain = canonical(SECRETS if fields is None else fields)
    slots, ciphertexts = [], []
    for kid, public in recipients:
        enc, sender = SUITE.create_sender_context(KEMKey.from_pyca_cryptography_key(public), info=info)
        ciphertexts.append(b64(sender.seal(plain, aad=bind(envelope))))
        slots.append({"kid": kid, "enc": b64(enc)})
    envelope["sealed"] = {
        "alg": HPKE_ALG, "recipients": slots, "ciphertext": ".".join(ciphertexts), "fields": sorted(SECRETS),
    }


def unseal(envelope, kid, key):
    sealed = envelope["sealed"]
    assert sealed["alg"] == HPKE_ALG
    parts = sealed["ciphertext"].split(".")
    assert len(parts) == len(sealed["recipients"])
    [(slot, part)] = [pair for pair in zip(sealed["recipients"], parts) if pair[0]["kid"] == kid]
    recipient = SUITE.create_recipient_context(unb64(slot["enc"]), KEMKey.from_pyca_cryptography_key(key), info=b"")
    plain = recipient.open(unb64(part), aad=binding(envelope))
    fields = decode(plain)
    assert canonical(fields) == plain, "the plaintext is not canonical"
    assert set(fields) == set(sealed["fields"])
    return fields


# Logs (spec 5.7; row 46; RFC 9162, C2SP signed-note and tlog-checkpoint)


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def merkle_leaf(envelope):
    return hashlib.sha256(b"\x00" + surface(envelope)).digest()


def note_key_id(name, public):
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def verifier_key(name, public):
    return f"{name}+{note_key_id(name, public).hex()}+{b64encode(bytes([1]) + public).decode()}"


def checkpoint(name, key, size, root):
    text = f"{name}\n{size}\n{b64encode(root).decode()}\n"
    public = raw(key.public_key())
    signature = b64encode(note_key_id(name, public) + key.sign(text.encode())).decode()
    return f"{text}\n\u2014 {name} {signature}\n"


def anchored(envelope, key, stated=None):
    """The envelope as the third leaf of a log."""
    left = node(hashlib.sha256(b"\x00one").digest(), hashlib.sha256(b"\x00two").digest())
    root = node(left, merkle_leaf(envelope))
    return {stated or envelope["transparency"]["leafHash"]: {
        "index": 2, "treeSize": 3, "proof": [b64encode(left).decode()], "checkpoint": checkpoint(LOG, key, 3, root),
    }}


def verify_inclusion(leaf, index, size, proof, root):
    """RFC 9162, section 2.1.3.2."""
    fn, sn, hashed = index, size - 1, leaf
    for step in proof:
        assert sn != 0
        if fn & 1 or fn == sn:
            hashed = node(step, hashed)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            hashed = node(hashed, step)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0 and hashed == root


def raw(public):
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def from_base64(text):
    return b64decode(text, validate=True)


# A credential and what its provider says of the caller (spec 5.4; rows 16, 19)


def credential(key, claims, expires):
    disclosures = [b64(json.dumps([b64(os.urandom(16)), name, value]).encode()) for name, value in claims.items()]
    digests = sorted(b64(hashlib.sha256(text.encode()).digest()) for text in disclosures)
    said = {
        "iss": PROVIDER, "vct": "https://login.example.org/customer", "exp": expires, "_sd_alg": "sha-256", "_sd": digests,
    }
    parts = [{"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": "provider-1"}, said]
    signed = ".".join(b64(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{b64(key.sign(signed.encode()))}", disclosures


class Parties:
    def __init__(self):
        self.agent, self.agent_pq = Ed25519PrivateKey.generate(), MLDSA65PrivateKey.generate()
        self.provider, self.log = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.centre, self.other = X25519PrivateKey.generate(), X25519PrivateKey.generate()

    def recipients(self):
        return [("other-x25519", self.other.public_key()), ("centre-x25519", self.centre.public_key())]

    def envelope(self, tier, now):
        """What the agent says, with what the identity provider has signed of it, before the agent seals and signs."""
        at = lambda seconds: (now + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        day = lambda days: (now + timedelta(days=days)).date().isoformat()
        envelope = {
            "ohp": "0.1", "conformance": tier, "id": "cse_" + ulid(now), "issuedAt": at(0), "notBefore": at(0),
            "notAfter": at(300),
            "issuer": {"vendor": "voice-desk", "agentId": "desk-1", "region": "eu-west", "did": AGENT},
            "audience": {"vendor": "contact-centre", "did": CENTRE, "purpose": "human-takeover", "minTier": tier},
            "session": {"callId": CALL, "channel": "voice/sip", "locale": "en-GB", "media": {"rtpFingerprint": FINGERPRINT}},
            "intent": {"current": {"name": "dispute_charge", "confidence": 1}, "stack": [],
                       "slots": {"amount": 42.5, "count": 3, "tiny": 1e-7, "owed": -17, "née": "äöü \U0001f600"}},
            "transcript": {"redaction": {"policy": "pii-mask", "version": "1"}, "summary": "Disputes a charge."},
            "policy": {"retention": {"transcript": "P30D"}, "redaction": {"pii": "mask"}, "guardrails": ["no-cross-sell"],
                       "dataResidency": ["GB"]},
            "control": {"verb": "PROPOSE", "reason": "human-requested", "nonce": os.urandom(16).hex()},
            "signatures": [],
        }
        if tier == "signed":
            return typed(envelope)
        envelope["issuer"]["federation"] = FEDERATION
        envelope["audience"]["recipientKeys"] = [{"kid": kid, "alg": HPKE_ALG} for kid, _ in self.recipients()]
        token, disclosures = credential(
            self.provider, {"given_name": "Ada", "account_ref": "acct_7781"}, int(now.timestamp()) + 3600)
        envelope["caller"] = {
            "assurance": {"method": "otp+pin", "ial": "IAL2", "aal": "AAL2", "fal": "FAL2", "lastStepUpAt": at(-120),
                          "idp": PROVIDER},
            "identity": {"sdJwtVc": token, "disclosures": disclosures, "claimsRevealed": ["given_name", "account_ref"]},
            "consent": [{"receiptId": "iso27560:rcpt_1", "purpose": "human-takeover", "scope": ["transcript.summary"],
                         "lawfulBasis": "gdpr.art6.1.b", "jurisdiction": "GB", "transferMechanism": "none"}],
        }
        if tier == "regulated":
            envelope["issuer"]["aiRole"] = "deployer"
            envelope["aiSystem"] = {
                "id": "urn:voice-desk:desk:1", "version": "1", "riskClass": "high", "annexIIIClause": "5(b)",
                "modelCardSha256": "sha256:" + "c5" * 32,
                "ceConformity": {"assessmentRoute": "self", "notifiedBodyId": None, "declarationUrl": DECLARATION,
                                 "validUntil": day(100)},
            }
            envelope["governance"] = {
                "aiia": {"id": "aiia:1", "lastReviewedAt": day(-10), "residualRisk": "low", "uri": "ohp://aiia/1"},
                "fria": {"id": "fria:1", "completedAt": day(-9), "uri": "ohp://fria/1"},
                "prohibited": {flag: False for flag in (
                    "subliminalManipulation", "socialScoring", "rtBiometricIdPublic", "emotionRecognitionWorkplace",
                    "sensitiveBiometricCategorisation")},
                "art50Disclosure": {"disclosed": True, "at": at(-240), "modality": "voice-prompt", "language": "en-GB",
                                    "transcript": "You are speaking with an assistant.", "ack": "implicit-continuation"},
                "art86Explanation": {"available": True, "endpoint": "https://api.example.com/explain"},
            }
            envelope["oversight"] = {"mode": "human-on-the-loop", "supervisor": {"presence": "live"}}
            envelope["decisions"] = [{
                "id": "dec_" + ulid(now), "at": at(-29), "type": "intent.classification", "input": {"turns": 2},
                "output": {"intent": "dispute_charge", "score": 0.1}, "humanReviewed": False}]
            envelope["transparency"] = {"logId": LOG}
        envelope = typed(envelope)
        assurance = envelope["caller"]["assurance"]
        assurance["proofJws"] = detached(self.provider, "EdDSA", "provider-1", canonical(assurance))
        return envelope

    def prove(self, envelope):
        for block, member in (("prohibited", "attestationJws"), ("art50Disclosure", "proofJws")):
            block = envelope["governance"][block]
            block[member] = detached(self.agent, "EdDSA", "agent-1", canonical(block))

    def sign(self, envelope, over=surface):
        tier = envelope["conformance"]
        if tier == "regulated":
            envelope["transparency"]["leafHash"] = "sha256:" + "0" * 64
            envelope["transparency"]["leafHash"] = leaf_hash(envelope)
        payload = over(envelope)
        signatures = [("EdDSA", "agent-1", self.agent)]
        if tier == "regulated":
            signatures.append(("ML-DSA-65", "agent-pq", self.agent_pq))
        envelope["signatures"] = [
            {"alg": alg, "kid": kid, "jws": detached(key, alg, kid, payload)} for alg, kid, key in signatures]

    def issue(self, tier, now, sealing=seal, signing=None):
        envelope = self.envelope(tier, now)
        if tier != "signed":
            sealing(envelope, self.recipients())
        if tier == "regulated":
            self.prove(envelope)
        (signing or self.sign)(envelope)
        return envelope

    def trust(self, entries):
        okp = lambda crv, key, kid, use: {"kty": "OKP", "crv": crv, "kid": kid, "use": use, "x": b64(raw(key.public_key()))}
        agent_pq = {"kty": "AKP", "alg": "ML-DSA-65", "kid": "agent-pq", "use": "sig", "pub": b64(raw(self.agent_pq.public_key()))}
        opening = okp("X25519", self.centre, "centre-x25519", "enc") | {"d": b64(self.centre.private_bytes_raw())}
        return {
            "ohpTrust": 1,
            "receiver": {
                "vendor": "contact-centre", "did": CENTRE, "maxTier": "regulated", "purposes": ["human-takeover"],
                "jurisdictions": ["GB"], "processingScope": ["transcript.summary"], "minimumAal": "AAL2",
                "requiredOversight": "human-on-the-loop", "annexIIIAllowed": ["5(b)"], "maxStepUpAge": 3600,
                "keys": {"keys": [opening]}},
            "issuers": {AGENT: {
                "jwks": {"keys": [okp("Ed25519", self.agent, "agent-1", "sig"), agent_pq]},
                "federation": {"entity": FEDERATION, "annexIII": ["5(b)"], "jurisdictions": ["GB"]}}},
            "identityProviders": {PROVIDER: {"jwks": {"keys": [okp("Ed25519", self.provider, "provider-1", "sig")]}}},
            "consentReceipts": {"iso27560:rcpt_1": {
                "purpose": "human-takeover", "scope": ["transcript.summary"], "jurisdiction": "GB",
                "lawfulBasis": "gdpr.art6.1.b", "withdrawn": False}},
            "resources": {DECLARATION: {"status": 200, "sha256": "sha256:" + "c5" * 32}},
            "logs": {LOG: {"checkpointKeys": [verifier_key(LOG, raw(self.log.public_key()))], "entries": entries}},
        }


def ulid(now):
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[number >> shift & 31] for shift in range(125, -1, -5))


def plain_json(value):
    """The JSON form, which has no tags."""
    if isinstance(value, cbor2.CBORTag):
        return value.value
    if isinstance(value, dict):
        return {key: plain_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain_json(inner) for inner in value]
    return value


# Rules that another implementer might have read into the text. Each must be told apart from the one that holds.


def unsigned_kept_out(envelope):
    return canonical({key: value for key, value in envelope.items() if key != "signatures"})


def leaf_hash_kept_out(envelope):
    copied = clone(envelope)
    copied["signatures"] = []
    copied["transparency"].pop("leafHash")
    return canonical(copied)


def leaf_hash_of_zeros_as_text(envelope):
    copied = clone(envelope)
    copied["signatures"] = []
    copied["transparency"]["leafHash"] = "\0" * 32
    return canonical(copied)


def leaf_hash_kept(envelope):
    return canonical(envelope | {"signatures": []})


def times_without_tags(envelope):
    return canonical(plain_json(envelope) | {"signatures": []})


def untagged_binding(envelope):
    return canonical(decode(binding(envelope)) | {"issuedAt": envelope["issuedAt"].value})


def nested_binding(envelope):
    return canonical({
        "id": envelope["id"], "issuedAt": envelope["issuedAt"], "audience": {"did": envelope["audience"]["did"]},
        "session": {"callId": envelope["session"]["callId"]}})


def sealed_with(**other):
    return lambda envelope, recipients: seal(envelope, recipients, **other)


def make(folder):
    parties, now = Parties(), datetime.now(timezone.utc)
    folder.mkdir(parents=True, exist_ok=True)
    cases, entries = [], {}

    def case(name, envelope, outcome="accept", step=None, opened=False, form="cbor"):
        data = canonical(envelope) if form == "cbor" else json.dumps(plain_json(envelope)).encode()
        (folder / f"{name}.{form}").write_bytes(data)
        if "transparency" in envelope:
            entries.update(anchored(envelope, parties.log))
        cases.append({"file": f"{name}.{form}", "outcome": outcome, "step": step, "opened": SECRETS if opened else None})

    for tier in ("signed", "sealed", "regulated"):
        for form in ("cbor", "json"):
            case(tier, parties.issue(tier, now), opened=tier != "signed", form=form)

    for rule in (unsigned_kept_out, times_without_tags):
        spoilt = parties.issue("signed", now, signing=lambda envelope: parties.sign(envelope, over=rule))
        case(f"surface-{rule.__name__}", spoilt, "reject", 2)
    for rule in (leaf_hash_kept_out, leaf_hash_of_zeros_as_text, leaf_hash_kept):
        spoilt = parties.issue("regulated", now, signing=lambda envelope: parties.sign(envelope, over=rule))
        case(f"surface-{rule.__name__}", spoilt, "reject", 2)
    for name, rule in {
        "binding-untagged": sealed_with(bind=untagged_binding),
        "binding-nested": sealed_with(bind=nested_binding),
        "binding-none": sealed_with(bind=lambda _: b""),
        "info": sealed_with(info=b"ohp"),
        "fields-differ": sealed_with(fields={"payment.disputeDetail": 1}),
    }.items():
        case(f"seal-{name}", parties.issue("sealed", now, sealing=rule), "reject", 13)

    def claims_another_leaf(envelope):
        parties.sign(envelope)
        envelope["transparency"]["leafHash"] = "sha256:" + "12" * 32

    case("leaf-another", parties.issue("regulated", now, signing=claims_another_leaf), "reject", 14)

    def proof_covers_itself(envelope):
        block = envelope["governance"]["prohibited"]
        block["attestationJws"] = ""
        block["attestationJws"] = detached(parties.agent, "EdDSA", "agent-1", canonical(block))
        parties.sign(envelope)

    case("proof-covers-itself", parties.issue("regulated", now, signing=proof_covers_itself), "reject", 8)

    def without_post_quantum(envelope):
        parties.sign(envelope)
        envelope["signatures"].pop()

    case("post-quantum-stripped", parties.issue("regulated", now, signing=without_post_quantum), "reject", 2)

    (folder / "trust.json").write_text(json.dumps(parties.trust(entries)))
    (folder / "cases.json").write_text(json.dumps({"call": CALL, "fingerprint": FINGERPRINT, "cases": cases}))
    for tier in ("signed", "sealed", "regulated"):
        plain = plain_json(parties.envelope(tier, now))
        if tier != "signed":
            plain["audience"].pop("recipientKeys")
            plain["sealed"] = {"fields": SECRETS}
        (folder / f"{tier}.plain.json").write_text(json.dumps(plain))


def check(folder):
    read = lambda name: json.loads((folder / name).read_text())
    signer, signer_pq = (read(f"{name}.jwks.json")["keys"][0] for name in ("agent", "agent-pq"))
    keys = {
        "EdDSA": (signer["kid"], Ed25519PublicKey.from_public_bytes(unb64(signer["x"]))),
        "ML-DSA-65": (signer_pq["kid"], MLDSA65PublicKey.from_public_bytes(unb64(signer_pq["pub"]))),
    }
    centre = read("centre.private.json")["keys"][0]
    opening = X25519PrivateKey.from_private_bytes(unb64(centre["d"]))
    for tier in ("signed", "sealed", "regulated"):
        data = (folder / f"{tier}.ours.cbor").read_bytes()
        envelope = decode(data)
        assert canonical(envelope) == data, "ours is not canonical"
        assert typed(plain_json(envelope)) == envelope, "ours has other types than its JSON"
        algs = ["EdDSA", "ML-DSA-65"] if tier == "regulated" else ["EdDSA"]
        assert [entry["alg"] for entry in envelope["signatures"]] == algs
        other = clone(envelope)
        other["session"]["callId"] = "another call"
        for entry in envelope["signatures"]:
            kid, key = keys[entry["alg"]]
            assert entry["kid"] == kid
            verify_detached(key, entry["alg"], kid, surface(envelope), entry["jws"])
            refuses(lambda: verify_detached(key, entry["alg"], kid, surface(other), entry["jws"]), InvalidSignature)
        if tier == "signed":
            continue
        assert unseal(envelope, centre["kid"], opening) == SECRETS
        refuses(lambda: unseal(other, centre["kid"], opening), OpenError)
        assert [key["kid"] for key in envelope["audience"]["recipientKeys"]] == [centre["kid"]]
        for secret in (b"4242", "née".encode()):
            assert data.count(secret) == (1 if secret != b"4242" else 0), "a secret in plain"
        if tier == "sealed":
            continue
        for block, member in (("prohibited", "attestationJws"), ("art50Disclosure", "proofJws")):
            block = envelope["governance"][block]
            kid, key = keys["EdDSA"]
            verify_detached(key, "EdDSA", kid, without(block, member), block[member])
        stated = envelope["transparency"]["leafHash"]
        assert stated == leaf_hash(envelope)
        check_anchor(envelope, read("logs.json")[LOG], stated)
    print("ours: 3 envelopes verified")


def check_anchor(envelope, log, stated):
    entry = log["entries"][stated]
    name, key_id, encoded = log["checkpointKeys"][0].split("+", 2)
    kind_and_key = from_base64(encoded)
    assert name == LOG and kind_and_key[0] == 1 and note_key_id(name, kind_and_key[1:]).hex() == key_id
    text, signature_line = entry["checkpoint"].split("\n\n")
    dash, signer, signature = signature_line.rstrip("\n").split(" ")
    assert (dash, signer) == ("\u2014", LOG)
    signature = from_base64(signature)
    assert signature[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(kind_and_key[1:]).verify(signature[4:], (text + "\n").encode())
    origin, size, root = text.split("\n")
    assert (origin, int(size)) == (LOG, entry["treeSize"])
    proof = [from_base64(step) for step in entry["proof"]]
    verify_inclusion(merkle_leaf(envelope), entry["index"], entry["treeSize"], proof, from_base64(root))


def refuses(attempt, error):
    try:
        attempt()
    except error:
        return
    raise AssertionError("what was changed still holds")


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
