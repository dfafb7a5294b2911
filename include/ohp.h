/*
 * libohp: hands a live phone call over, with its context, identity, consent and sound
 * (Open Handoff Protocol, OHP 0.1).
 *
 * MIT OR Apache-2.0. Generated from src/ffi/ by cbindgen; do not edit.
 *
 * Rules that hold for every function unless it says otherwise:
 *
 * - It returns an ohp_status. Outputs are the last parameters and are written only if that is
 *   OHP_OK. An ohp_text is the exception: it explains a failure.
 * - Strings are a pointer and a length in bytes, UTF-8, not NUL-terminated. A length of 0 allows
 *   any pointer.
 * - What it borrows it does not keep, except where its text says so. Nothing but ohp_context_new()
 *   allocates, and only an ohp_context is to be released.
 * - Objects other than ohp_context live in memory of the caller: ask their _size function, supply
 *   that many bytes aligned to OHP_ALIGN, and call their _init function. To end an object, stop
 *   using its memory; only an ohp_disclosed is to be ended before, which wipes and unlocks it.
 *   ohp_table, ohp_tap and ohp_leg may lie in memory shared by processes that were forked after
 *   the library was loaded.
 * - A structure whose first member is `size` has to have it set to its sizeof before it is passed,
 *   also where it is an output. Where it is an input, set all else to zero first: zero is the
 *   default of every member.
 * - It reads no clock and makes no random numbers: time is an argument, in milliseconds since the
 *   Unix epoch, and so is randomness. It opens no file or socket, takes no lock, starts no thread.
 * - It uses at most 96 KiB of stack.
 */

#ifndef OHP_H
#define OHP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** An ohp_str or ohp_text as the arguments that printf's "%.*s" takes. */
#define OHP_PRI(text) ((int)(text).len), ((text).data)

/** The version of this interface that the header declares. */
#define OHP_ABI_VERSION 1

/**
 * Alignment, in bytes, of the memory that objects are initialised in. Memory from malloc, shm_malloc and session pools
 * has it; an array of char needs _Alignas(OHP_ALIGN). A table at a multiple of 64 is a little faster.
 */
#define OHP_ALIGN 8

/** Most seconds that a tap keeps: what the protocol's search looks at. */
#define OHP_TAP_SECONDS_MAX 10

/** Number of RTP payload types. */
#define OHP_PAYLOAD_TYPES 128

/** Length of a fingerprint's text, "sha256:" and 64 digits. */
#define OHP_FINGERPRINT_LEN 71

/** Length of a robust fingerprint's text, "hk1:" and 176 characters of base64url. */
#define OHP_ROBUST_LEN 180

/** Bits of a robust fingerprint; bit errors divided by it are the bit error rate. */
#define OHP_ROBUST_BITS 992

/** Most of them that differ in a match. */
#define OHP_ROBUST_ERRORS_MAX 297

/** Memory, in bytes, that an ohp_envelope takes at most in this version of the interface. */
#define OHP_ENVELOPE_SIZE_MAX 2048

/** Longest envelope, as canonical CBOR, in bytes. */
#define OHP_ENVELOPE_LEN_MAX 32768

/** Longest text of a codec hint, in bytes. */
#define OHP_SDP_HINT_MAX 40

/** Most codec hints of one description. */
#define OHP_SDP_HINTS_MAX 16

/** Longest text of several codec hints, a blank between each two, in bytes. */
#define OHP_SDP_HINTS_LEN_MAX 192

/** Memory, in bytes, that an ohp_disclosed takes at most in this version of the interface, but for whole pages. */
#define OHP_DISCLOSED_SIZE_MAX 28672

/** Memory, in bytes, that an ohp_verdict takes at most in this version of the interface. */
#define OHP_VERDICT_SIZE_MAX 4096

/** Number of steps, step 0 included. */
#define OHP_STEPS 15

/** Most identifiers of one call. */
#define OHP_CALL_IDS_MAX 8

/** Random bytes that a leg is lent for each call into it. */
#define OHP_RANDOM_LEN 64

/** Longest template of a proposal, in bytes of JSON or CBOR. */
#define OHP_TEMPLATE_LEN_MAX 16384

/**
 * Most leaves of an envelope that a leg builds: members that are no objects, an array as one, at any depth. The leg's own,
 * such as the identifier and the times, are among them.
 */
#define OHP_TEMPLATE_LEAVES_MAX 256

/** Memory, in bytes, that an ohp_leg takes at most in this version of the interface. */
#define OHP_LEG_SIZE_MAX 8192

/** Longest identifier of a leg, in bytes. */
#define OHP_LEG_ID_LEN_MAX 255

/** Most identifiers of a leg. */
#define OHP_LEG_IDS_MAX 4

/** Room, in bytes, in which one INFO is written. */
#define OHP_TRANSMIT_LEN 2984

/** Length of an envelope's identifier, "cse_" and a ULID. */
#define OHP_ID_LEN 30

/**
 * What a function did. Errors are the values from OHP_ERR_NULL on; the values below it are answers.
 *
 * The numbers are part of the ABI: none is ever given another meaning, and later versions may add some, so a switch
 * needs a default for those.
 */
typedef enum ohp_status {
    /** Done; the outputs are written. */
    OHP_OK = 0,
    /** There is nothing: no such member, no event waiting, nothing to send, no deadline. */
    OHP_NONE = 1,
    /** No RTP packet has come yet on this leg. */
    OHP_NO_MEDIA = 2,
    /** Audio has come, and none of it can prove anything: silence, tones, or less than 200 ms without a gap. */
    OHP_NO_USABLE_AUDIO = 3,
    /** A pointer that must not be NULL is NULL. */
    OHP_ERR_NULL = 16,
    /** An internal error was stopped at the boundary. Report it; the object that it happened in should be dropped. */
    OHP_ERR_PANIC = 17,
    /** A pointer is not aligned as its type, or an object's memory as OHP_ALIGN, demands. */
    OHP_ERR_ALIGNMENT = 18,
    /** A buffer or an object's memory is too small. */
    OHP_ERR_SPACE = 19,
    /** The memory holds no object of this kind, or one that another version of the library made. */
    OHP_ERR_OBJECT = 20,
    /** A structure's `size` is smaller than any version had, or members that this version does not know are set. */
    OHP_ERR_SIZE = 21,
    /** A number is out of its range. */
    OHP_ERR_RANGE = 22,
    /** A text is not UTF-8. */
    OHP_ERR_UTF8 = 23,
    /** The object is in use by another caller, or a caller was killed while using it. */
    OHP_ERR_BUSY = 24,
    /** The input is not in the format that was expected. */
    OHP_ERR_MALFORMED = 25,
    /** There is a value, and it is of another kind. */
    OHP_ERR_KIND = 26,
    /** The trust bundle or the configuration is wrong; the explanation names the member. */
    OHP_ERR_CONFIG = 27,
    /** The shared table is full of live entries. Answer 503; it has been counted. */
    OHP_ERR_FULL = 28,
    /** The input is longer than the protocol or the object allows. */
    OHP_ERR_TOO_LONG = 29,
    /** The envelope that would be sent breaks a rule of the protocol; the explanation says which. */
    OHP_ERR_INVALID = 30,
    /** The handoff is in a state that does not allow this. */
    OHP_ERR_STATE = 31,
    /** This side has no key, or no name, that the message needs. */
    OHP_ERR_KEY = 32,
    /**
     * There is not enough memory: for a context, of which nothing is kept while another goes on as before, or for the thread that
     * signs at Regulated; nothing has been built then.
     */
    OHP_ERR_MEMORY = 33,
} ohp_status;

/** What a search for a fingerprint found. */
typedef enum ohp_decision {
    /** Nobody asked, or there was nothing to look for. */
    OHP_DECISION_NONE = 0,
    /** The fingerprint's 200 ms are in this tap, and they are alive. */
    OHP_DECISION_MATCH = 1,
    /** There is usable audio, and none of it has this fingerprint. Search again while the tap's `kept` grows. */
    OHP_DECISION_MISMATCH = 2,
    /** Nothing heard so far could prove anything. */
    OHP_DECISION_NO_USABLE_AUDIO = 3,
    /** No RTP packet has come yet: wait, if there is time. */
    OHP_DECISION_NO_MEDIA = 4,
    /** The exact fingerprint is not there, but sound that is similar to what the robust one was made of. */
    OHP_DECISION_ROBUST_MATCH = 5,
} ohp_decision;

/** A conformance tier (OHP 3.1). Each is a strict superset of the one before. */
typedef enum ohp_tier {
    /** Anonymous context, unsigned. */
    OHP_TIER_CORE = 1,
    /** Signed with Ed25519. */
    OHP_TIER_SIGNED = 2,
    /** Sealed fields, identity, assurance, consent. */
    OHP_TIER_SEALED = 3,
    /** Hybrid signatures, transparency log, AI governance. */
    OHP_TIER_REGULATED = 4,
} ohp_tier;

/** A control verb (OHP 8.1). */
typedef enum ohp_verb {
    /** "I would like to hand this conversation to you." */
    OHP_VERB_PROPOSE = 1,
    /** "I will take it." */
    OHP_VERB_ACCEPT = 2,
    /** "I will not take it." */
    OHP_VERB_REJECT = 3,
    /** "The new holder holds it: drop your leg." */
    OHP_VERB_ASSUME = 4,
    /** "I hand it back to you." */
    OHP_VERB_RETURN = 5,
    /** A serious-incident report. */
    OHP_VERB_INCIDENT = 6,
} ohp_verb;

/** What a member of an envelope is. */
typedef enum ohp_kind {
    /** An integer. */
    OHP_KIND_INTEGER = 1,
    /** A floating-point number. */
    OHP_KIND_FLOAT = 2,
    /** A text. */
    OHP_KIND_TEXT = 3,
    /** A date-time. */
    OHP_KIND_TIME = 4,
    /** True or false. */
    OHP_KIND_BOOL = 5,
    /** Null. */
    OHP_KIND_NULL = 6,
    /** An array. */
    OHP_KIND_ARRAY = 7,
    /** A map. */
    OHP_KIND_MAP = 8,
} ohp_kind;

/** What the codec hints of an envelope have in common with what a leg has negotiated. None of it is an error. */
typedef enum ohp_agreement {
    /** There are no hints that could be read, or the leg has negotiated nothing. */
    OHP_AGREEMENT_UNKNOWN = 0,
    /** Both legs use a codec; the explanation names it. */
    OHP_AGREEMENT_COMMON = 1,
    /** None of the hinted codecs is in use here: audio will be transcoded, or the leg must be re-negotiated. */
    OHP_AGREEMENT_NOTHING_IN_COMMON = 2,
} ohp_agreement;

/** Whether a leg has to be re-INVITEd before it takes a conversation over. None of it is an error. */
typedef enum ohp_renegotiation {
    /** No description of the leg is known, or neither codecs nor sound. */
    OHP_RENEGOTIATION_UNKNOWN = 0,
    /**
     * No: sound flows both ways. `codecs` is the first of the envelope's codecs that this leg has agreed on, too, and may
     * send without asking; empty where the envelope names none.
     */
    OHP_RENEGOTIATION_NOT_NEEDED = 1,
    /**
     * Yes: sound flows, in no codec that the caller's leg uses. Offer `codecs`, in their order: what the envelope names
     * and this side can do, then what is in use.
     */
    OHP_RENEGOTIATION_OFFER_CODECS = 2,
    /** Yes: this side holds the leg. Offer `codecs` with a=sendrecv and an address. */
    OHP_RENEGOTIATION_OFFER_RESUME = 3,
    /** Yes: no sound was agreed on, or it was refused. Offer `codecs`. */
    OHP_RENEGOTIATION_OFFER_AUDIO = 4,
    /**
     * Not by this side: the peer holds the leg or sends nothing, and only its own re-INVITE ends that (RFC 6337, section
     * 5.3). `codecs` is the common codec, if there is one already.
     */
    OHP_RENEGOTIATION_HELD = 5,
    /** No, it would not help: this side can do none of the envelope's codecs, and somebody has to transcode. */
    OHP_RENEGOTIATION_NO_COMMON_CODEC = 6,
} ohp_renegotiation;

/** How a verification ended. */
typedef enum ohp_outcome {
    /** Every step held: it is safe to act on the envelope. */
    OHP_OUTCOME_ACCEPT = 1,
    /** A step failed. */
    OHP_OUTCOME_REJECT = 2,
    /** Resources are lacking: gather them and verify again. */
    OHP_OUTCOME_NEED = 3,
    /** The same envelope has been seen on this call: a retransmission. */
    OHP_OUTCOME_DUPLICATE = 4,
    /** The shared table is full. Nothing is known against the envelope. */
    OHP_OUTCOME_OVERLOADED = 5,
} ohp_outcome;

/** A reason that a REJECT carries (OHP 8.3). */
typedef enum ohp_reason {
    /** None, or a word that is not in the protocol's list. */
    OHP_REASON_NONE = 0,
    /** The tier is below the workload's floor or above the receiver's ceiling. */
    OHP_REASON_TIER_INSUFFICIENT = 1,
    /** A signature failed, or its key is unknown or revoked. */
    OHP_REASON_SIGNATURE_INVALID = 2,
    /** Outside its lifetime, or its lifetime is too long. */
    OHP_REASON_STALE = 3,
    /** Made for another call, or already seen on one. */
    OHP_REASON_NOT_BOUND_TO_CALL = 4,
    /** The receiver's processing exceeds the consent. */
    OHP_REASON_CONSENT_OUT_OF_SCOPE = 5,
    /** The caller's assurance is too low or unproven. */
    OHP_REASON_ASSURANCE_INSUFFICIENT = 6,
    /** The AI Act risk class is not accepted here. */
    OHP_REASON_RISK_CLASS_NOT_ALLOWED = 7,
    /** A prohibited practice is asserted. */
    OHP_REASON_PROHIBITED_PRACTICE = 8,
    /** The human oversight is too weak. */
    OHP_REASON_OVERSIGHT_MISSING = 9,
    /** A systemic-risk model has no resolvable policy. */
    OHP_REASON_GPAI_POLICY_MISSING = 10,
    /** The issuer's key sent too many envelopes. */
    OHP_REASON_RATE_LIMIT = 11,
    /** Anything else. */
    OHP_REASON_UNKNOWN = 12,
} ohp_reason;

/** Why sound does not tie an envelope to its call. */
typedef enum ohp_doubt {
    /** It does, or nobody asked. */
    OHP_DOUBT_NONE = 0,
    /** There is usable audio, and it is not what the fingerprint was made of. */
    OHP_DOUBT_MISMATCH = 1,
    /** No audio has arrived at all. */
    OHP_DOUBT_NO_MEDIA = 2,
    /** Audio has arrived, and none of it can prove anything. */
    OHP_DOUBT_NO_USABLE_AUDIO = 3,
    /** The audio is that of the fingerprint, but another call has shown the same, as with music on hold. */
    OHP_DOUBT_SEEN_ELSEWHERE = 4,
} ohp_doubt;

/** What kind of resource is lacking. */
typedef enum ohp_need_kind {
    /** An issuer's JWK Set, by DID. */
    OHP_NEED_JWKS = 1,
    /** A federation entity statement. */
    OHP_NEED_ENTITY_STATEMENT = 2,
    /** A consent receipt, by identifier. */
    OHP_NEED_CONSENT_RECEIPT = 3,
    /** What a URL answers. */
    OHP_NEED_RESOURCE = 4,
    /** A transparency log's entry or keys. */
    OHP_NEED_LOG = 5,
    /** The call's sound. */
    OHP_NEED_MEDIA = 6,
} ohp_need_kind;

/** How a step ended. */
typedef enum ohp_step_result {
    /** It was not reached. */
    OHP_STEP_NOT_REACHED = 0,
    /** It held. */
    OHP_STEP_PASS = 1,
    /** It failed; no later step was run. */
    OHP_STEP_FAIL = 2,
    /** It does not apply, or could not be run here and need not be. */
    OHP_STEP_SKIP = 3,
    /** It lacks a resource. */
    OHP_STEP_NEED = 4,
} ohp_step_result;

/** How far a handoff has come. */
typedef enum ohp_phase {
    /** Nothing has been proposed. */
    OHP_PHASE_IDLE = 1,
    /** A PROPOSE is out and unanswered. */
    OHP_PHASE_PROPOSING = 2,
    /** It was accepted; an ASSUME is due within ten seconds. */
    OHP_PHASE_ACCEPTED = 3,
    /** It was rejected, ran out, or was abandoned; the sender still holds the conversation. */
    OHP_PHASE_REJECTED = 4,
    /** The receiver holds the conversation. */
    OHP_PHASE_HANDED_OFF = 5,
    /** The conversation came back to the sender. */
    OHP_PHASE_RESUMED = 6,
} ohp_phase;

/** The side of a handoff that a leg is on. */
typedef enum ohp_side {
    /** It proposed, and held the conversation when it did. */
    OHP_SIDE_SENDER = 1,
    /** It was proposed to. */
    OHP_SIDE_RECEIVER = 2,
} ohp_side;

/** What happened on a leg. */
typedef enum ohp_event_kind {
    /**
     * The peer proposes to hand the conversation over, and its envelope holds: accept or reject it. Sets `tier` and
     * `decision`.
     */
    OHP_EVENT_PROPOSED = 1,
    /**
     * A proposal, or a report, lacks resources that the verdict names: gather them and call ohp_leg_verify_again(). Comes
     * once more when a search for sound that takes many pieces is over. Sets `step`, and `decision` where it lacks sound.
     */
    OHP_EVENT_NEEDS_RESOURCES = 2,
    /** An envelope of the peer was refused. Sets `step`, `reason`, `doubt`, `decision` and `answered`; there is no `id`. */
    OHP_EVENT_REFUSED = 3,
    /** The peer takes the conversation: assume, or wait for its ASSUME. */
    OHP_EVENT_ACCEPTED = 4,
    /**
     * The peer does not take the conversation, or no longer. Sets `reason`, `verified`, `may_reissue`, and `doubt` where
     * the peer says that it was for the sound.
     */
    OHP_EVENT_REJECTED = 5,
    /** The conversation is handed over: the sender drops its leg, the receiver holds it. */
    OHP_EVENT_HANDED_OFF = 6,
    /** The conversation came back to the sender. */
    OHP_EVENT_RETURNED = 7,
    /** A serious-incident report about this conversation arrived and holds. Sets `due_ms`. */
    OHP_EVENT_INCIDENT = 8,
    /** A proposal stood unanswered until its end. */
    OHP_EVENT_UNANSWERED = 9,
    /** An accepted proposal was not assumed within ten seconds. */
    OHP_EVENT_NOT_ASSUMED = 10,
    /** A message of ours got a final response other than 2xx, or none. Sets `verb` and `sip_status`; there is no `id`. */
    OHP_EVENT_UNDELIVERED = 11,
    /** A message of the peer moved nothing. Sets `verb`; there is no `id`. */
    OHP_EVENT_IGNORED = 12,
    /** The shared table is full: an envelope could not be judged and was answered 503. There is no `id`. */
    OHP_EVENT_OVERLOADED = 13,
    /**
     * A Regulated proposal or report of ours is built and signed, and waits to be anchored: append `leaf`, then call
     * ohp_leg_anchored(). It has not been sent.
     */
    OHP_EVENT_ANCHOR_NEEDED = 14,
    /** A Regulated proposal or report of ours was not anchored before its own end. It has not been sent. */
    OHP_EVENT_UNANCHORED = 15,
} ohp_event_kind;

/** A codec whose payloads the tap keeps. */
typedef enum ohp_codec {
    /** Not audio, or a codec that the tap does not take. */
    OHP_CODEC_NONE = 0,
    /** G.711 mu-law, 8 kHz mono. */
    OHP_CODEC_PCMU = 1,
    /** G.711 A-law, 8 kHz mono. */
    OHP_CODEC_PCMA = 2,
    /** 16-bit linear, big-endian, 8 kHz mono. */
    OHP_CODEC_L16 = 3,
    /** G.722 at 64 kbit/s, 16 kHz mono; its RTP clock runs at 8 kHz. */
    OHP_CODEC_G722 = 4,
    /** 16-bit linear, 16 kHz mono. */
    OHP_CODEC_L16_16K = 5,
    /** 16-bit linear, 44.1 kHz mono. */
    OHP_CODEC_L16_44K = 6,
    /** 16-bit linear, 48 kHz mono. */
    OHP_CODEC_L16_48K = 7,
    /** 16-bit linear, 16 kHz, two channels, of which the first counts. */
    OHP_CODEC_L16_16K_STEREO = 8,
    /** 16-bit linear, 44.1 kHz, two channels, of which the first counts. */
    OHP_CODEC_L16_44K_STEREO = 9,
    /** 16-bit linear, 48 kHz, two channels, of which the first counts. */
    OHP_CODEC_L16_48K_STEREO = 10,
    /** Opus. The tap keeps it; a library built without its decoder finds no usable audio in it. */
    OHP_CODEC_OPUS = 11,
} ohp_codec;

/**
 * Configuration, keys and trust of this side.
 *
 * Made when they are loaded, immutable, shared by all threads, counted: whoever keeps a pointer takes a reference with
 * ohp_context_ref() and gives it back with ohp_context_unref(). On a reload the host makes a new one and replaces the
 * pointer that new calls use; calls under way may go on with the old one or change to the new one between two functions.
 * Forked workers make their own from the same bytes.
 */
typedef struct ohp_context ohp_context;

/**
 * What a verified envelope tells only its recipient: the claims of the caller's credential, which an identity provider
 * has signed, and the fields that were sealed for us. Both exist from the Sealed tier on.
 *
 * It lies in memory that the host supplies, in the process's own memory and not in memory that others share. Lend it
 * with each call (ohp_host, ohp_situation): without one this side takes Signed at most, and says so to its peers. When an
 * envelope has been judged it holds what that one disclosed, if that one was accepted, and nothing of any before: read
 * it then, and wipe it with ohp_disclosed_wipe(). One for each thread is enough, as with scratch.
 *
 * Texts that its functions give out point into it: they are gone when it is wiped or lent again. They are personal data
 * and payment data: keep them out of logs.
 */
typedef struct ohp_disclosed ohp_disclosed;

/**
 * A view over the canonical CBOR of one envelope, which has been walked once.
 *
 * It lies in memory that the caller supplies, typically on the stack, and borrows the envelope's bytes: it is of use as
 * long as they stay where they are, unchanged. There is nothing to release. Texts that its functions give out point into
 * those same bytes.
 *
 * Members are named by path: "intent.current.name", "transcript.turns[0].text", or as a JSON Pointer (RFC 6901) that
 * begins with "/", for keys that hold dots. The empty path is the envelope itself.
 */
typedef struct ohp_envelope ohp_envelope;

/**
 * One call leg's signalling: the user agent of a handoff on one SIP dialog, without input or output of its own.
 *
 * It lies in memory that the host supplies, and may lie in memory shared by forked workers. Feed it what happens
 * (session descriptions, INFOs, responses, the passing of time) and what the application wants (propose, accept, reject,
 * assume, give back). After every such call drain it, in this order:
 *
 * 1. ohp_leg_poll_event() until OHP_NONE: what happened, for the application;
 * 2. ohp_leg_poll_transmit() until OHP_NONE: an INFO to send inside the dialog. While one is outstanding there is no
 *    other; hand its final response to ohp_leg_handle_response();
 * 3. ohp_leg_poll_timeout(): when to call ohp_leg_handle_timeout() at the latest.
 *
 * It never drops or delays a call: it says what happened, and the host decides. One caller at a time uses a leg; a
 * second one is turned away with OHP_ERR_BUSY. So is everybody after a process was killed inside a call into the leg,
 * since what it left there may be half written: initialise such a leg anew.
 */
typedef struct ohp_leg ohp_leg;

/**
 * What the threads and forked worker processes of a host share: replay records, rates, seen fingerprints, and slots for
 * messages in chunks.
 *
 * It lies in memory that the host supplies, holds no pointer, may be mapped at different addresses, and is worked on
 * with atomic operations only: no function waits for another caller, and a process that is killed at any moment blocks
 * nobody. One table serves all calls of a PBX. Its contents are worth five minutes and need not be kept.
 */
typedef struct ohp_table ohp_table;

/**
 * The last seconds of one leg's received audio, as it came, without decoding.
 *
 * It lies in memory that the host supplies and holds no pointer. One thread writes and never waits; any thread or
 * process that sees the memory reads at any time and disturbs nobody.
 */
typedef struct ohp_tap ohp_tap;

/**
 * How the verification of an envelope ended, and why.
 *
 * It lies in memory that the caller supplies, and borrows the bytes of the envelope that it is about: it is of use as
 * long as they stay where they are. There is nothing to release.
 */
typedef struct ohp_verdict ohp_verdict;

/**
 * A text: UTF-8, `len` bytes, not NUL-terminated. `data` is NULL, and `len` 0, where there is none.
 *
 * Print it with printf("%.*s", OHP_PRI(text)).
 */
typedef struct ohp_str {
    /** Its first byte, or NULL. */
    const char *data;
    /** Its length in bytes. */
    size_t len;
} ohp_str;

/** Bytes. `data` is NULL, and `len` 0, where there are none. */
typedef struct ohp_bytes {
    /** The first byte, or NULL. */
    const uint8_t *data;
    /** How many there are. */
    size_t len;
} ohp_bytes;

/** What a context is made of. Members that are 0 mean the default. */
typedef struct ohp_context_config {
    /** sizeof(ohp_context_config). */
    size_t size;
    /**
     * The trust bundle, a JSON document: who we are, what we accept, our keys, whom we believe. None: a receiver that
     * takes Core envelopes for any audience and purpose, and has no keys.
     */
    struct ohp_bytes trust;
    /** Largest INFO body to send, in bytes, 1300 at most; 700 by default. */
    uint32_t body_max;
    /** Envelopes a second that one transport peer may send; 200 by default. */
    uint32_t peer_rate;
    /** How long a proposal of ours lives, in milliseconds; five minutes at most, and by default. */
    uint32_t lifetime_ms;
    /** 1: bodies are base64 text, for a host that handles them as C strings. */
    uint8_t text_only;
    /** 1: INFOs name their package (RFC 6086); only after the peer has sent "Recv-Info: ohp". */
    uint8_t info_package;
    /** 1: a refused proposal is answered with a REJECT by the leg itself. 0: the host is told, and decides. */
    uint8_t enforce;
    /**
     * 1: proposals of Signed and Sealed carry a robust fingerprint as well, for legs that are transcoded or lose packets; it is
     * 200 bytes and takes a millisecond. What a receiver lets count is for its bundle's `receiver.robustFingerprint`.
     */
    uint8_t robust_fingerprint;
} ohp_context_config;

/**
 * A buffer that the caller lends for a text, such as the explanation of an error.
 *
 * The library writes at most `size` bytes to `data`, no NUL, and sets `len` to how many it wrote; what does not fit is
 * cut off between two characters. Most explanations have less than 256 bytes; a path or a name from the input can make one
 * longer.
 */
typedef struct ohp_text {
    /** Where to write. */
    char *data;
    /** How much room there is. */
    size_t size;
    /** How much was written; set by the library. */
    size_t len;
} ohp_text;

/** How much a table is to hold. Members that are 0 mean the default, which has room for 50 handoffs a second in 32 MB. */
typedef struct ohp_table_config {
    /** sizeof(ohp_table_config). */
    size_t size;
    /**
     * Replay records live at the same time: two for each envelope, and one for each recipient of a sealed one, for its
     * lifetime, five minutes at most; 65536 by default.
     */
    uint32_t replays;
    /** Fingerprints live at the same time; 16384 by default. */
    uint32_t hashes;
    /** Signing keys seen in the same second; 1024 by default. */
    uint32_t kids;
    /** Transport peers seen in the same second; 4096 by default. */
    uint32_t peers;
    /** Sets of chunks remembered at the same time; 32768 by default. */
    uint32_t sets;
    /** Messages in reassembly, or waiting to be sent, at the same time; 256 by default, 1048576 at most. */
    uint32_t slots;
    /** Most bytes of such a message, 1048576 at most; by default what the longest envelope takes as base64. */
    uint32_t slot_bytes;
    /**
     * Robust fingerprints live at the same time, 4096 at most; 256 by default. Each call whose robust fingerprint matches is
     * compared with all of them.
     */
    uint32_t sounds;
} ohp_table_config;

/** What a table had to refuse or to clean up since it was initialised. */
typedef struct ohp_table_stats {
    /** sizeof(ohp_table_stats). */
    size_t size;
    /** Replay records refused because there was no room. */
    uint64_t replay_full;
    /** Fingerprints refused because there was no room. */
    uint64_t hash_full;
    /** Rates of signing keys refused because there was no room. */
    uint64_t kid_full;
    /** Rates of transport peers refused because there was no room. */
    uint64_t peer_full;
    /** Sets of chunks refused because no more identifiers can be remembered. */
    uint64_t set_full;
    /** Messages refused because every slot was taken. */
    uint64_t slot_full;
    /** Sets of chunks refused because their call has too many open, or too many bytes in them. */
    uint64_t owner_limit;
    /** Sets of chunks ended by an error in one of their chunks. */
    uint64_t dead_sets;
    /** Unfinished work of killed processes that was cleaned up. */
    uint64_t reclaimed;
    /** Operations given up because too many others raced for the same words. */
    uint64_t contended;
    /** Robust fingerprints that were not remembered because their list was full. No call is refused for it: the verdict warns. */
    uint64_t sound_full;
} ohp_table_stats;

/** A codec frame as a PBX hands it over, without its RTP header. */
typedef struct ohp_frame {
    /** sizeof(ohp_frame). */
    size_t size;
    /** An ohp_codec. */
    uint32_t codec;
    /** Its stream: the SSRC, or any number that changes when the stream does. */
    uint32_t source;
    /**
     * RTP timestamp in ticks of the codec's RTP clock, which for G.722 runs at 8 kHz and for Opus at 48 kHz; or
     * milliseconds. It alone says where a frame stands: there is no need of its sequence number.
     */
    uint32_t timestamp;
    /** Whether `timestamp` counts milliseconds, as Asterisk's does: 1, else 0. */
    uint8_t is_milliseconds;
    /** Zeros. */
    uint8_t reserved[3];
    /** The payload as it came. */
    const uint8_t *payload;
    /** Its length in bytes. */
    size_t payload_len;
} ohp_frame;

/**
 * Linear PCM as a PBX hands it over when it has decoded already.
 *
 * Both sides have to have the same samples then, as behind one transcoder: what one has decoded is not what the other has
 * received.
 */
typedef struct ohp_pcm {
    /** sizeof(ohp_pcm). */
    size_t size;
    /** Samples in a second: 8000, 16000, 44100 or 48000. */
    uint32_t sample_rate;
    /** Its stream: any number that changes when the stream does. */
    uint32_t source;
    /** The number of the first sample. */
    uint32_t timestamp;
    /** 1 to go on where the last PCM of this source and rate ended, whatever `timestamp` says; else 0. */
    uint8_t continues;
    /** Zeros. */
    uint8_t reserved[3];
    /** The samples, of one channel, in the machine's byte order. */
    const int16_t *samples;
    /** How many there are: 120 ms at most. */
    size_t count;
} ohp_pcm;

/** Counts since a tap was initialised. */
typedef struct ohp_tap_stats {
    /** sizeof(ohp_tap_stats). */
    size_t size;
    /** Audio packets kept. While it does not grow, there is nothing new to search. */
    uint64_t kept;
    /** RTP packets passed over: DTMF events, comfort noise, payload types that are not audio. */
    uint64_t not_audio;
    /** Datagrams that are not RTP. */
    uint64_t not_rtp;
    /** Packets dropped for their length. */
    uint64_t too_long;
} ohp_tap_stats;

/** The fingerprint that a sender puts into session.media.rtpFingerprint. */
typedef struct ohp_fingerprint {
    /** sizeof(ohp_fingerprint). */
    size_t size;
    /** How far the 200 ms lie behind the newest audio, in milliseconds. */
    uint32_t behind_ms;
    /** The text, OHP_FINGERPRINT_LEN bytes, not NUL-terminated. */
    char text[OHP_FINGERPRINT_LEN];
    /** Zeros. */
    uint8_t reserved[5];
} ohp_fingerprint;

/** The fingerprint that a sender may put into session.media.x-ohp-robust. */
typedef struct ohp_robust_fingerprint {
    /** sizeof(ohp_robust_fingerprint). */
    size_t size;
    /** How far the four seconds lie behind the newest audio, in milliseconds. */
    uint32_t behind_ms;
    /** The text, OHP_ROBUST_LEN bytes, not NUL-terminated. */
    char text[OHP_ROBUST_LEN];
} ohp_robust_fingerprint;

/** What the call's sound says about the fingerprints of an envelope. */
typedef struct ohp_continuity {
    /** sizeof(ohp_continuity). */
    size_t size;
    /** An ohp_decision: one of five. */
    uint32_t decision;
    /** With OHP_DECISION_ROBUST_MATCH: how many of OHP_ROBUST_BITS bits differ, OHP_ROBUST_ERRORS_MAX at most. Otherwise 0. */
    uint32_t bit_errors;
    /**
     * With a match: how far the end of what was found lies behind the newest audio, in milliseconds; negative if the end of a
     * robust fingerprint's four seconds has not been heard yet.
     */
    int32_t behind_ms;
    /** Zeros. */
    uint8_t reserved[4];
} ohp_continuity;

/**
 * Is told about each rule of the schema or the tier that an envelope breaks.
 *
 * @param user     What was passed along with this function.
 * @param warning  Whether the rule is not enforced on receipt.
 * @param text     The member's path and the rule; valid until the function returns.
 */
typedef void (*ohp_report)(void *user,
                           bool warning,
                           struct ohp_str text);

/**
 * One INFO: the headers that the protocol reads, and the body.
 *
 * A PBX that holds single header values fills this in by itself: it sets all of it to zero, then `size`, then what it
 * has. One that holds the header block calls ohp_info_parse(). All texts and the body are borrowed.
 */
typedef struct ohp_info {
    /** sizeof(ohp_info). */
    size_t size;
    /** Call-ID, if known. */
    struct ohp_str call_id;
    /** Content-Type, whole, with its parameters. */
    struct ohp_str content_type;
    /** Content-Encoding. */
    struct ohp_str content_encoding;
    /** Info-Package (RFC 6086). */
    struct ohp_str info_package;
    /** OHP-Version. */
    struct ohp_str ohp_version;
    /** OHP-Tier. */
    struct ohp_str ohp_tier;
    /** OHP-Verb. */
    struct ohp_str ohp_verb;
    /** The body: binary, so it may hold NUL bytes. */
    struct ohp_bytes body;
    /** The number of CSeq, if `has_cseq` is 1. */
    uint32_t cseq;
    /** Whether `cseq` is known: 0 or 1. */
    uint8_t has_cseq;
    /** Set by ohp_info_parse(): 1 if this INFO is one of the protocol's, 0 if it belongs to the host (DTMF and others). */
    uint8_t is_ohp;
    /** Zeros. */
    uint8_t reserved[2];
} ohp_info;

/** What became of an INFO. */
typedef struct ohp_received {
    /** sizeof(ohp_received). */
    size_t size;
    /** The final SIP response that it is to be given: 200, 400, 413, 415, 469 or 503. */
    uint32_t sip_status;
    /** Whether an envelope is complete. Not, for all chunks but the last, and for what is sent again. */
    bool complete;
    /** What the OHP headers of all of the envelope's INFOs said, for ohp_situation; 0: they said nothing. */
    uint8_t echo;
    /** Zeros. */
    uint8_t reserved[2];
    /** The envelope's CBOR, not yet known to be canonical; it is in `buffer`, or the INFO's body itself. */
    struct ohp_bytes cbor;
} ohp_received;

/** How much an ohp_disclosed holds. */
typedef struct ohp_disclosed_summary {
    /** sizeof(ohp_disclosed_summary). */
    size_t size;
    /** How many fields were opened; see ohp_disclosed_field(). */
    uint32_t fields;
    /** How many claims were verified; see ohp_disclosed_claim(). */
    uint32_t claims;
    /** Whether there was something sealed for us, and it was opened. */
    bool is_opened;
    /** Whether a credential was verified; then caller.assurance was, too. */
    bool is_verified;
    /**
     * Whether the memory was locked: never written to swap. In a child of fork() it is not locked any more, whatever this
     * says, so workers make their own.
     */
    bool is_locked;
    /** Zeros. */
    uint8_t reserved[5];
} ohp_disclosed_summary;

/** A claim or an opened field. Members that its kind does not set are 0. */
typedef struct ohp_disclosed_value {
    /** sizeof(ohp_disclosed_value). */
    size_t size;
    /** Its name: of a field the dotted one, as "payment.cardToken"; of a claim that of the claim. */
    struct ohp_str name;
    /** With OHP_KIND_TEXT and OHP_KIND_TIME: the text. */
    struct ohp_str text;
    /** The value as canonical CBOR, whatever its kind; ohp_cbor_to_json() shows a map or an array. */
    struct ohp_bytes cbor;
    /** With OHP_KIND_INTEGER: the integer, if it fits 64 bits with a sign; 0 otherwise. */
    int64_t integer;
    /** With OHP_KIND_INTEGER and OHP_KIND_FLOAT: the number, rounded to the nearest double. */
    double number;
    /** An ohp_kind. */
    uint32_t kind;
    /** With OHP_KIND_BOOL: true or false. */
    bool boolean;
    /** Zeros. */
    uint8_t reserved[3];
} ohp_disclosed_value;

/** A verdict in short. */
typedef struct ohp_verdict_summary {
    /** sizeof(ohp_verdict_summary). */
    size_t size;
    /** How it ended. */
    enum ohp_outcome outcome;
    /** With OHP_OUTCOME_REJECT: the step that failed, 0 to 14. Otherwise 0. */
    uint32_t step;
    /** With OHP_OUTCOME_REJECT: what the peer is told. Otherwise OHP_REASON_NONE. */
    enum ohp_reason reason;
    /** How many resources are lacking; see ohp_verdict_need(). */
    uint32_t needs;
    /** How many warnings there are; see ohp_verdict_warning(). */
    uint32_t warnings;
    /** With a failed step 4, or a need for sound: what was heard. */
    enum ohp_doubt doubt;
    /** Whether there is an envelope; see ohp_verdict_envelope(). Bytes that are none have none. */
    bool has_envelope;
    /** Whether members are missing that the schema demands, as the short form at Core allows. */
    bool short_form;
    /** Whether the envelope may only end the proposal that it answers, because it is unsigned and that one was not. */
    bool ends_only;
    /** An ohp_step_result for each step. */
    uint8_t results[OHP_STEPS];
    /** With OHP_DECISION_ROBUST_MATCH: how many of OHP_ROBUST_BITS bits differ. */
    uint16_t bit_errors;
    /** An ohp_decision: what the call's sound said, whatever came of it; OHP_DECISION_NONE if it was not asked. */
    uint8_t decision;
    /** Zeros. */
    uint8_t reserved[3];
} ohp_verdict_summary;

/** Where an envelope is wrong in form. */
typedef struct ohp_fault {
    /** sizeof(ohp_fault). */
    size_t size;
    /** Of bytes that are not canonical CBOR: the offset of the one that is wrong. */
    uint64_t offset;
    /** Whether `offset` is set. Bytes with one are no envelope at all, which `ohp verify` calls "malformed". */
    bool has_offset;
    /** Whether a member breaks a rule of the schema or the tier, and `path` was written. */
    bool has_path;
    /** Zeros. */
    uint8_t reserved[6];
} ohp_fault;

/** A resource that the verifier lacks. */
typedef struct ohp_need {
    /** sizeof(ohp_need). */
    size_t size;
    /** What it is. */
    enum ohp_need_kind kind;
    /** The step that lacks it. */
    uint32_t step;
    /** Which one: a DID, an identifier, a URL; none for media. It points into the envelope's bytes. */
    struct ohp_str reference;
} ohp_need;

/**
 * Is told about each step of a verification, right after it was run; a host can log it or take the time.
 *
 * @param user    What was passed along with this function.
 * @param step    The step, 0 to 14.
 * @param result  How it ended.
 */
typedef void (*ohp_observe)(void *user,
                            uint32_t step,
                            enum ohp_step_result result);

/** What surrounds an envelope that is to be judged without a leg. Members that are 0 mean what their text says. */
typedef struct ohp_situation {
    /** sizeof(ohp_situation). */
    size_t size;
    /** Configuration and trust. Must be there. */
    const struct ohp_context *context;
    /** The shared table; NULL: nothing is remembered, so that replays and floods are not noticed. */
    const struct ohp_table *table;
    /** The call's sound; NULL: there is none here, so that a fingerprint is not compared, which is a warning. */
    const struct ohp_tap *tap;
    /** What the transport peer is known by, such as its address; for its budget. */
    struct ohp_bytes peer;
    /** When the envelope arrived, in milliseconds since the epoch. It stays that moment when it is verified again. */
    uint64_t now_ms;
    /**
     * The call's identifiers: its dialog's Call-ID first, then others that the host has bound to it. NULL: not known, so
     * that the envelope is not tied to a call.
     */
    const struct ohp_str *call_ids;
    /** How many there are, OHP_CALL_IDS_MAX at most. */
    size_t call_ids_len;
    /** Instead of `tap`: the fingerprint that the call shows, worked out elsewhere. */
    struct ohp_str fingerprint;
    /**
     * The INFO that the envelope came in as a whole, whose OHP headers must agree with it; NULL: not compared. For an
     * envelope in chunks, or where the INFO is gone, there is `echo`.
     */
    const struct ohp_info *info;
    /** Is told about each step; NULL: nobody is. */
    ohp_observe observe;
    /** Is passed to `observe`. */
    void *user;
    /** Memory that is used during the call, ohp_verify_scratch_size() bytes. */
    void *scratch;
    /** Its length. */
    size_t scratch_size;
    /** 1: this envelope has been verified before, and lacked resources. */
    uint8_t again;
    /** 1: the time to gather what is lacking is over: what is still missing fails its step. */
    uint8_t deadline_passed;
    /** What ohp_received says in its own `echo`, which must agree with the envelope; 0: not compared. */
    uint8_t echo;
    /** Zeros. */
    uint8_t reserved[5];
    /** Where what the envelope discloses to us alone is put; NULL: Signed is the most that is taken. */
    struct ohp_disclosed *disclosed;
} ohp_situation;

/** Where a leg stands. */
typedef struct ohp_leg_state {
    /** sizeof(ohp_leg_state). */
    size_t size;
    /** How far the handoff has come. */
    enum ohp_phase phase;
    /** The side that the leg is on, since the last PROPOSE. */
    enum ohp_side side;
    /** Whether a proposal waits for resources; see ohp_leg_verify_again(). */
    bool is_pending;
    /** Whether the peer has put the leg on hold, or sends nothing: what is heard then is music, or silence. */
    bool is_on_hold;
    /** Zeros. */
    uint8_t reserved[6];
} ohp_leg_state;

/** What a leg is lent for one call into it. Nothing of it is kept. */
typedef struct ohp_host {
    /** sizeof(ohp_host). */
    size_t size;
    /** Configuration and trust. Must be there; it may be another one than in the call before. */
    const struct ohp_context *context;
    /** The table that all legs share. Must be there. */
    const struct ohp_table *table;
    /** The leg's sound; NULL: the host has none here, as in a proxy or under direct media. */
    const struct ohp_tap *tap;
    /** What the transport peer is known by, such as its address; for its budget. */
    struct ohp_bytes peer;
    /** The moment, in milliseconds since the Unix epoch. */
    uint64_t now_ms;
    /** Fresh random bytes from a cryptographic generator. What one call was lent must not be lent to another. */
    uint8_t random[OHP_RANDOM_LEN];
    /** Memory that is used during the call, ohp_scratch_size() bytes; one for each thread is enough. */
    void *scratch;
    /** Its length. */
    size_t scratch_size;
    /** Is told about each step of a verification; NULL: nobody is. */
    ohp_observe observe;
    /** Is passed to `observe`. */
    void *user;
    /**
     * Where what an envelope discloses to us alone is put; NULL: this side takes Signed at most. Lend it with every call,
     * and read it right after: see ohp_disclosed.
     */
    struct ohp_disclosed *disclosed;
} ohp_host;

/** What became of an INFO. */
typedef struct ohp_handled {
    /** sizeof(ohp_handled). */
    size_t size;
    /** The final SIP response that it is to be given: 200, 400, 413, 415, 469, 488, 491 or 503. */
    uint32_t sip_status;
    /** Zeros. */
    uint8_t reserved[4];
    /** The verdict, once an envelope is complete; NULL before. */
    struct ohp_verdict *verdict;
    /**
     * The envelope's canonical CBOR, once it is complete. It is in the buffer that was lent for it, or is the INFO's body
     * itself: copy it if it is to outlive either, as it must for ohp_leg_verify_again().
     */
    struct ohp_bytes cbor;
} ohp_handled;

/** An INFO to be sent inside the dialog. */
typedef struct ohp_transmit {
    /** sizeof(ohp_transmit). */
    size_t size;
    /** All of its headers that are the protocol's, as "Name: value" lines, each ended by CRLF; no Content-Length. */
    struct ohp_str headers;
    /** The value of Content-Type. */
    struct ohp_str content_type;
    /** The value of Content-Encoding; none if there is to be no such header. */
    struct ohp_str content_encoding;
    /** The value of OHP-Version. */
    struct ohp_str ohp_version;
    /** The value of OHP-Tier. */
    struct ohp_str ohp_tier;
    /** The value of OHP-Verb. */
    struct ohp_str ohp_verb;
    /** The body: binary, unless the context says otherwise. */
    struct ohp_bytes body;
    /** The verb of the message that it belongs to. */
    enum ohp_verb verb;
    /** Which INFO of the message it is, from 1. */
    uint32_t part;
    /** How many INFOs the message takes. */
    uint32_t parts;
    /** Zeros. */
    uint8_t reserved[4];
} ohp_transmit;

/** Something that happened on a leg. Members that its kind does not set are 0. */
typedef struct ohp_event {
    /** sizeof(ohp_event). */
    size_t size;
    /** What happened. */
    enum ohp_event_kind kind;
    /** The proposal's (or the report's) tier, an ohp_tier. */
    uint32_t tier;
    /** A message's verb, an ohp_verb. */
    uint32_t verb;
    /** The reason of a refusal or a rejection, an ohp_reason; 0 where it is not in the protocol's list. */
    uint32_t reason;
    /** The step that failed or lacks resources, 0 to 14. */
    uint32_t step;
    /** The SIP status; 408 where no response came. */
    uint32_t sip_status;
    /** An ohp_doubt: what was wrong with the sound, where an envelope was refused for it, by us or by the peer. */
    uint32_t doubt;
    /**
     * Whether a REJECT goes out: not for answers, not more than once a second where nothing vouched for the envelope,
     * and not unless the context says `enforce`.
     */
    bool answered;
    /** Whether the REJECT is as strong as the proposal was: signed, where that was signed. At Core nothing is. */
    bool verified;
    /** Whether the proposal itself allows re-issuing it after this reason, at a lower tier or to another audience. */
    bool may_reissue;
    /** The proposal's (or the report's) identifier, not NUL-terminated; zeros where there is none. */
    char id[OHP_ID_LEN];
    /** An ohp_decision: what the call's sound said about an envelope; OHP_DECISION_NONE where it was not asked. */
    uint8_t decision;
    /** With OHP_DECISION_ROBUST_MATCH: how many of OHP_ROBUST_BITS bits differ. */
    uint16_t bit_errors;
    /**
     * With OHP_EVENT_INCIDENT: when the authority must have the report, in milliseconds since the Unix epoch; fifteen days
     * after it was issued.
     */
    uint64_t due_ms;
    /**
     * With OHP_EVENT_ANCHOR_NEEDED: the hash of the Merkle leaf that the log appends, SHA-256 of a zero byte and the signing
     * surface (RFC 9162, section 2.1.1).
     */
    uint8_t leaf[32];
} ohp_event;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * What a status means, as a sentence for a log.
 *
 * @param status  An ohp_status; of an unknown one the text says so.
 * @return        A text that stays valid for ever.
 *
 * Threads: any.
 */
struct ohp_str ohp_status_text(uint32_t status);

/**
 * The version of the interface that the loaded library has. Compare it with OHP_ABI_VERSION: a library of a higher
 * version still serves programs of a lower one; the soname changes when that ends.
 *
 * Threads: any.
 */
uint32_t ohp_abi_version(void);

/**
 * The library's own version, such as "0.1.0".
 *
 * @return  A text that stays valid for ever.
 *
 * Threads: any.
 */
struct ohp_str ohp_version(void);

/**
 * The word that stands for a tier on the wire, such as "signed".
 *
 * @param tier  An ohp_tier.
 * @return      A text that stays valid for ever; none for a number that is no tier.
 *
 * Threads: any.
 */
struct ohp_str ohp_tier_text(uint32_t tier);

/**
 * The word that stands for a verb on the wire, such as "PROPOSE".
 *
 * @param verb  An ohp_verb.
 * @return      A text that stays valid for ever; none for a number that is no verb.
 *
 * Threads: any.
 */
struct ohp_str ohp_verb_text(uint32_t verb);

/**
 * The word that stands for a reason on the wire, such as "not-bound-to-call".
 *
 * @param reason  An ohp_reason.
 * @return        A text that stays valid for ever; none for OHP_REASON_NONE and for a number that is no reason.
 *
 * Threads: any.
 */
struct ohp_str ohp_reason_text(uint32_t reason);

/**
 * Makes a context. This is the only function that allocates what outlives it, and the only one that takes its time. Where
 * memory is too short it keeps nothing, and whoever reloads goes on with the context that there is. The bundle is read on a
 * thread of 1 MiB of stack that ends before this function does, since ML-DSA-65 keys want more than a PBX thread has.
 *
 * @param config  What to make it of; NULL for the defaults. Its bytes are copied where they are kept, so the bundle,
 *                which may hold private keys, can be wiped afterwards.
 * @param why     A buffer for what is wrong, with the path of the member, as in
 *                "issuers[\"did:web:example.org\"].jwks.keys[0].x: not base64url"; or NULL.
 * @param[out] context  The context, with one reference.
 * @return OHP_OK; OHP_ERR_CONFIG if the bundle is wrong; OHP_ERR_MEMORY; OHP_ERR_RANGE, OHP_ERR_SIZE, OHP_ERR_NULL.
 *
 * Threads: any.
 */
enum ohp_status ohp_context_new(const struct ohp_context_config *config,
                                struct ohp_text *why,
                                const struct ohp_context **context);

/**
 * Takes one more reference.
 *
 * @param context  A context.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any that has a reference, or is kept from losing it by another that has.
 */
enum ohp_status ohp_context_ref(const struct ohp_context *context);

/**
 * Gives a reference back, and sets the pointer to NULL so that the same variable cannot give it back twice. With the
 * last reference the context is gone, its private keys wiped.
 *
 * @param context  A pointer to the variable that holds the context. If that is NULL, nothing happens.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_context_unref(const struct ohp_context **context);

/**
 * How much memory a table takes.
 *
 * @param config  How much it is to hold; NULL for the defaults.
 * @param[out] size  Bytes.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_SIZE, OHP_ERR_RANGE.
 *
 * Threads: any.
 */
enum ohp_status ohp_table_size(const struct ohp_table_config *config,
                               size_t *size);

/**
 * Makes an empty table of the memory, whatever it held. No process may use it as a table meanwhile.
 *
 * @param memory  Memory of the host, aligned to OHP_ALIGN; shared memory for forked workers. It stays the host's and is
 *                used until the host stops using the table; there is nothing to release.
 * @param memory_size  Its length, at least what ohp_table_size() says.
 * @param config  How much it is to hold; NULL for the defaults.
 * @param salt    16 random bytes, which keep peers from choosing where their identifiers land.
 * @param[out] table  The table; it is at the same address as the memory.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE, OHP_ERR_SIZE, OHP_ERR_RANGE.
 *
 * Threads: one caller.
 */
enum ohp_status ohp_table_init(void *memory,
                               size_t memory_size,
                               const struct ohp_table_config *config,
                               const uint8_t *salt,
                               struct ohp_table **table);

/**
 * Finds the table that another process has made in shared memory.
 *
 * @param memory  The memory, aligned to OHP_ALIGN; it may be mapped at another address than in the process that made it.
 * @param memory_size  Its length.
 * @param[out] table  The table.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT; OHP_ERR_SPACE if the memory is shorter than the table;
 *         OHP_ERR_OBJECT if there is no table, or one of another version of the library.
 *
 * Threads: any.
 */
enum ohp_status ohp_table_attach(void *memory,
                                 size_t memory_size,
                                 struct ohp_table **table);

/**
 * Reads a table's counters.
 *
 * @param table  A table.
 * @param[out] stats  The counters; set its `size` before.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
 *
 * Threads: any.
 */
enum ohp_status ohp_table_get_stats(const struct ohp_table *table,
                                    struct ohp_table_stats *stats);

/**
 * How much memory a tap takes: 94 KiB for ten seconds of G.711, of G.722, or of Opus at 64 kbit/s.
 *
 * @param codec    The widest ohp_codec that the leg may use.
 * @param seconds  Seconds to keep, 1 to OHP_TAP_SECONDS_MAX; the protocol's search looks at 10.
 * @param[out] size  Bytes.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_RANGE.
 *
 * Threads: any.
 */
enum ohp_status ohp_tap_size(uint32_t codec,
                             uint32_t seconds,
                             size_t *size);

/**
 * Makes an empty tap of the memory, whatever it held. Until told otherwise it takes what RFC 3551 assigns: PCMU as payload
 * type 0, PCMA as 8, G.722 as 9, L16 at 44.1 kHz as 10 (two channels) and 11.
 *
 * A codec that needs more bytes than the widest one named, or more of them than it usually does, is kept for fewer seconds.
 *
 * @param memory  Memory of the host, aligned to OHP_ALIGN. It stays the host's; there is nothing to release.
 * @param memory_size  Its length, at least what ohp_tap_size() says for the same codec and seconds.
 * @param codec    The widest ohp_codec that the leg may use.
 * @param seconds  Seconds to keep, 1 to OHP_TAP_SECONDS_MAX.
 * @param[out] tap  The tap; it is at the same address as the memory.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE, OHP_ERR_RANGE.
 *
 * Threads: one caller.
 */
enum ohp_status ohp_tap_init(void *memory,
                             size_t memory_size,
                             uint32_t codec,
                             uint32_t seconds,
                             struct ohp_tap **tap);

/**
 * Finds the tap that another thread or process has made in shared memory.
 *
 * @param memory  The memory, aligned to OHP_ALIGN.
 * @param memory_size  Its length.
 * @param[out] tap  The tap.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_tap_attach(void *memory,
                               size_t memory_size,
                               struct ohp_tap **tap);

/**
 * Says which payload types are audio from now on, after an answer or a re-INVITE.
 *
 * @param tap     A tap.
 * @param codecs  OHP_PAYLOAD_TYPES numbers of ohp_codec, one for each payload type; 0 for those that are not audio.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_RANGE.
 *
 * Threads: one caller; the writer may go on meanwhile.
 */
enum ohp_status ohp_tap_set_payload_types(struct ohp_tap *tap,
                                          const uint8_t *codecs);

/**
 * Takes the payload types from this side's own session description, which says in which ones this leg receives.
 *
 * @param tap      A tap.
 * @param sdp      The description.
 * @param sdp_len  Its length in bytes.
 * @return OHP_OK; OHP_NONE if it has no audio, and then nothing is changed; OHP_ERR_MALFORMED if it is no session
 *         description; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: one caller; the writer may go on meanwhile.
 */
enum ohp_status ohp_tap_set_sdp(struct ohp_tap *tap,
                                const char *sdp,
                                size_t sdp_len);

/**
 * Writes one RTP packet, decrypted, as it came from the network.
 *
 * Never waits, allocates or decodes. Any bytes may come.
 *
 * @param tap       A tap.
 * @param datagram  The packet, RTP header included.
 * @param len       Its length in bytes.
 * @return OHP_OK if it is kept; OHP_NONE if it is no audio and was passed over; OHP_ERR_MALFORMED if it is not RTP;
 *         OHP_ERR_TOO_LONG if its payload has more than 1920 bytes and is not up to 120 ms of linear PCM; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: one writer at a time; any readers.
 */
enum ohp_status ohp_tap_write_rtp(struct ohp_tap *tap,
                                  const uint8_t *datagram,
                                  size_t len);

/**
 * Writes one codec frame, for hosts that hand over frames instead of packets. As ohp_tap_write_rtp() otherwise.
 *
 * @param tap    A tap.
 * @param frame  The frame; its payload is copied.
 * @return As ohp_tap_write_rtp(); OHP_ERR_RANGE if the codec is none, OHP_ERR_SIZE.
 *
 * Threads: one writer at a time; any readers.
 */
enum ohp_status ohp_tap_write_frame(struct ohp_tap *tap,
                                    const struct ohp_frame *frame);

/**
 * Writes linear PCM, for hosts that hand over samples. As ohp_tap_write_rtp() otherwise.
 *
 * @param tap  A tap.
 * @param pcm  The samples, which are copied.
 * @return As ohp_tap_write_rtp(); OHP_ERR_RANGE for another sampling rate, OHP_ERR_TOO_LONG for more than 120 ms,
 *         OHP_ERR_SIZE.
 *
 * Threads: one writer at a time; any readers.
 */
enum ohp_status ohp_tap_write_pcm(struct ohp_tap *tap,
                                  const struct ohp_pcm *pcm);

/**
 * Reads a tap's counters.
 *
 * @param tap  A tap.
 * @param[out] stats  The counters; set its `size` before.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
 *
 * Threads: any.
 */
enum ohp_status ohp_tap_get_stats(const struct ohp_tap *tap,
                                  struct ohp_tap_stats *stats);

/**
 * The sender's side: takes the fingerprint of the newest 200 ms that can prove something.
 *
 * ohp_leg_propose() does this by itself.
 *
 * @param tap  A tap.
 * @param why  A buffer for why there is none, or NULL.
 * @param[out] fingerprint  The fingerprint; set its `size` before.
 * @return OHP_OK, OHP_NO_MEDIA, OHP_NO_USABLE_AUDIO, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
 *
 * Threads: any; the writer may go on meanwhile.
 */
enum ohp_status ohp_tap_fingerprint(const struct ohp_tap *tap,
                                    struct ohp_text *why,
                                    struct ohp_fingerprint *fingerprint);

/**
 * The receiver's side: looks for a fingerprint in all that the tap holds.
 *
 * ohp_leg_handle_info() does this by itself.
 *
 * @param tap   A tap.
 * @param text  What session.media.rtpFingerprint says: "sha256:" and 64 lower-case digits.
 * @param text_len  Its length in bytes.
 * @param why   A buffer for the decision in words, or NULL.
 * @param[out] decision  What was found.
 * @return OHP_OK; OHP_ERR_MALFORMED if the text is no fingerprint; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT,
 *         OHP_ERR_UTF8.
 *
 * Threads: any; the writer may go on meanwhile.
 */
enum ohp_status ohp_tap_search(const struct ohp_tap *tap,
                               const char *text,
                               size_t text_len,
                               struct ohp_text *why,
                               enum ohp_decision *decision);

/**
 * The word that reports show for a decision, such as "robust".
 *
 * @param decision  An ohp_decision.
 * @return          A text that stays valid for ever; none for OHP_DECISION_NONE and for a number that is no decision.
 *
 * Threads: any.
 */
struct ohp_str ohp_decision_text(uint32_t decision);

/**
 * The sender's side: takes the robust fingerprint of the newest four seconds that can prove something.
 *
 * ohp_leg_propose() does this by itself where the context's `robust_fingerprint` says so. It takes about a millisecond, and
 * 84 KiB of stack.
 *
 * @param tap  A tap.
 * @param why  A buffer for why there is none, or NULL.
 * @param[out] fingerprint  The fingerprint; set its `size` before.
 * @return OHP_OK, OHP_NO_MEDIA, OHP_NO_USABLE_AUDIO, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
 *
 * Threads: any; the writer may go on meanwhile.
 */
enum ohp_status ohp_tap_robust_fingerprint(const struct ohp_tap *tap,
                                           struct ohp_text *why,
                                           struct ohp_robust_fingerprint *fingerprint);

/**
 * The receiver's side: looks for the exact fingerprint in all that the tap holds and, if it is not there, for the robust one.
 * Whether a robust match may count is for the caller's policy; it never does at Regulated. What other calls have shown is not
 * looked at.
 *
 * ohp_leg_handle_info() and ohp_verify() do this by themselves as the bundle's `receiver.robustFingerprint` says. The exact
 * search of ten seconds of G.711 takes up to 2.5 ms, the robust one after it 1.6 ms; 84 KiB of stack.
 *
 * @param tap     A tap.
 * @param exact   What session.media.rtpFingerprint says; none: only the robust one is looked for.
 * @param robust  What session.media.x-ohp-robust says; none: only the exact one is looked for.
 * @param why     A buffer for the answer in words, or NULL.
 * @param[out] continuity  What was found; set its `size` before.
 * @return OHP_OK; OHP_ERR_MALFORMED if a text is no such fingerprint; OHP_ERR_NULL, also if there is neither text;
 *         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE, OHP_ERR_UTF8.
 *
 * Threads: any; the writer may go on meanwhile.
 */
enum ohp_status ohp_tap_continuity(const struct ohp_tap *tap,
                                   struct ohp_str exact,
                                   struct ohp_str robust,
                                   struct ohp_text *why,
                                   struct ohp_continuity *continuity);

/**
 * How much memory an ohp_envelope takes, in bytes; at most OHP_ENVELOPE_SIZE_MAX.
 *
 * Threads: any.
 */
size_t ohp_envelope_size(void);

/**
 * Reads canonical CBOR. Says nothing about whether the envelope is to be believed: ohp_verify() does.
 *
 * @param memory       Memory for the view, aligned to OHP_ALIGN.
 * @param memory_size  Its length, at least what ohp_envelope_size() says.
 * @param bytes        The canonical CBOR; the view borrows it.
 * @param len          Its length in bytes.
 * @param report       Is told about each rule that the envelope breaks, or NULL.
 * @param user         Is passed to `report`.
 * @param why          A buffer for why the bytes are no envelope, or NULL.
 * @param[out] envelope  The view; it is at the same address as the memory.
 * @return OHP_OK, also for an envelope that breaks rules; OHP_ERR_MALFORMED if the bytes cannot be read as an envelope;
 *         OHP_ERR_TOO_LONG, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE.
 *
 * Threads: any; the view may be used by any thread of the process.
 */
enum ohp_status ohp_envelope_read(void *memory,
                                  size_t memory_size,
                                  const uint8_t *bytes,
                                  size_t len,
                                  ohp_report report,
                                  void *user,
                                  struct ohp_text *why,
                                  struct ohp_envelope **envelope);

/**
 * An envelope's tier.
 *
 * @param envelope   An envelope.
 * @param[out] tier  Its tier.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_tier(const struct ohp_envelope *envelope,
                                  enum ohp_tier *tier);

/**
 * An envelope's verb.
 *
 * @param envelope   An envelope.
 * @param[out] verb  Its verb.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_verb(const struct ohp_envelope *envelope,
                                  enum ohp_verb *verb);

/**
 * An envelope's identifier, "cse_" and a ULID.
 *
 * @param envelope  An envelope.
 * @param[out] id   Its identifier.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_id(const struct ohp_envelope *envelope,
                                struct ohp_str *id);

/**
 * The SHA-256 of an envelope's signing surface: what transparency.leafHash says, as 32 bytes.
 *
 * @param envelope   An envelope.
 * @param[out] hash  The hash.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_surface_hash(const struct ohp_envelope *envelope,
                                          uint8_t (*hash)[32]);

/**
 * An envelope's session.callId.
 *
 * @param envelope  An envelope.
 * @param[out] id   The call's identifier.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_call_id(const struct ohp_envelope *envelope,
                                     struct ohp_str *id);

/**
 * When the authority must have the serious-incident report that an INCIDENT announces: fifteen days after the envelope was
 * issued (OHP 6.5; EU AI Act, Art. 73).
 *
 * @param envelope  An envelope.
 * @param[out] due  Milliseconds since the Unix epoch.
 * @return OHP_OK; OHP_NONE if it is no INCIDENT; OHP_ERR_RANGE if that lies before the epoch; OHP_ERR_NULL,
 *         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_report_due(const struct ohp_envelope *envelope,
                                        uint64_t *due);

/**
 * The canonical CBOR that an envelope was read from.
 *
 * @param envelope    An envelope.
 * @param[out] bytes  Its bytes.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_bytes(const struct ohp_envelope *envelope,
                                   struct ohp_bytes *bytes);

/**
 * What the member at a path is.
 *
 * @param envelope   An envelope.
 * @param path       The member's path.
 * @param path_len   Its length in bytes.
 * @param[out] kind  What it is.
 * @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_kind(const struct ohp_envelope *envelope,
                                  const char *path,
                                  size_t path_len,
                                  enum ohp_kind *kind);

/**
 * The text at a path; of a date-time, its RFC 3339 text.
 *
 * @param envelope   An envelope.
 * @param path       The member's path.
 * @param path_len   Its length in bytes.
 * @param[out] value The text; it points into the envelope's bytes.
 * @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no text; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
 *         OHP_ERR_OBJECT, OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_text(const struct ohp_envelope *envelope,
                                  const char *path,
                                  size_t path_len,
                                  struct ohp_str *value);

/**
 * The integer at a path.
 *
 * @param envelope   An envelope.
 * @param path       The member's path.
 * @param path_len   Its length in bytes.
 * @param[out] value The integer.
 * @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no integer; OHP_ERR_RANGE if it does not fit
 *         64 bits with a sign; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_integer(const struct ohp_envelope *envelope,
                                     const char *path,
                                     size_t path_len,
                                     int64_t *value);

/**
 * The number at a path, integer or not, rounded to the nearest double.
 *
 * @param envelope   An envelope.
 * @param path       The member's path.
 * @param path_len   Its length in bytes.
 * @param[out] value The number.
 * @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no number; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
 *         OHP_ERR_OBJECT, OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_number(const struct ohp_envelope *envelope,
                                    const char *path,
                                    size_t path_len,
                                    double *value);

/**
 * The boolean at a path.
 *
 * @param envelope   An envelope.
 * @param path       The member's path.
 * @param path_len   Its length in bytes.
 * @param[out] value True or false.
 * @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no boolean; OHP_ERR_NULL,
 *         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_bool(const struct ohp_envelope *envelope,
                                  const char *path,
                                  size_t path_len,
                                  bool *value);

/**
 * The moment at a path: a date-time, or a text that is one.
 *
 * @param envelope   An envelope.
 * @param path       The member's path.
 * @param path_len   Its length in bytes.
 * @param[out] value Milliseconds since the Unix epoch.
 * @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no date-time; OHP_ERR_RANGE if it lies
 *         before the epoch; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_time(const struct ohp_envelope *envelope,
                                  const char *path,
                                  size_t path_len,
                                  uint64_t *value);

/**
 * How many elements the array, or members the map, at a path has.
 *
 * Go through an array by paths with an index, "caller.consent[0].receiptId", and through a map by ohp_envelope_key().
 *
 * @param envelope   An envelope.
 * @param path       The member's path.
 * @param path_len   Its length in bytes.
 * @param[out] count How many.
 * @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is neither; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
 *         OHP_ERR_OBJECT, OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_count(const struct ohp_envelope *envelope,
                                   const char *path,
                                   size_t path_len,
                                   size_t *count);

/**
 * A key of the map at a path.
 *
 * @param envelope   An envelope.
 * @param path       The map's path.
 * @param path_len   Its length in bytes.
 * @param index      Which key, from 0, in canonical order: shorter keys first.
 * @param[out] key   The key; it points into the envelope's bytes.
 * @return OHP_OK; OHP_NONE if there is no such member or key; OHP_ERR_KIND if it is no map; OHP_ERR_NULL,
 *         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_key(const struct ohp_envelope *envelope,
                                 const char *path,
                                 size_t path_len,
                                 size_t index,
                                 struct ohp_str *key);

/**
 * Writes the member at a path as JSON, without loss.
 *
 * @param envelope     An envelope.
 * @param path         The member's path; empty for the whole envelope.
 * @param path_len     Its length in bytes.
 * @param pretty       0 for one line, 1 for indented lines.
 * @param buffer       Where to write; UTF-8, not NUL-terminated.
 * @param buffer_size  Its length.
 * @param[out] len     How many bytes were written.
 * @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_SPACE if the buffer is too small, and what it then holds
 *         is of no use; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_envelope_json(const struct ohp_envelope *envelope,
                                  const char *path,
                                  size_t path_len,
                                  uint32_t pretty,
                                  char *buffer,
                                  size_t buffer_size,
                                  size_t *len);

/**
 * How much scratch ohp_cbor_from_json() needs for a document of that length, in bytes.
 *
 * Threads: any.
 */
size_t ohp_cbor_from_json_scratch_size(size_t json_len);

/**
 * Turns the JSON of an envelope, or of a part of one in an envelope's own nesting, into canonical CBOR.
 *
 * Date-times and floats are known by their place in the protocol's schema; nothing else of the schema is checked here.
 *
 * @param json          The document, UTF-8.
 * @param json_len      Its length in bytes.
 * @param scratch       Memory that is used during the call; ohp_cbor_from_json_scratch_size() bytes suffice.
 * @param scratch_size  Its length.
 * @param why           A buffer for what is wrong with the document, and at which byte; or NULL.
 * @param cbor          Where to write; OHP_ENVELOPE_LEN_MAX bytes take every envelope.
 * @param cbor_size     Its length.
 * @param[out] cbor_len How many bytes were written.
 * @return OHP_OK; OHP_ERR_MALFORMED if it is no JSON, has a key twice, or a date-time is none; OHP_ERR_SPACE if scratch
 *         or output is too small; OHP_ERR_TOO_LONG, OHP_ERR_NULL.
 *
 * Threads: any.
 */
enum ohp_status ohp_cbor_from_json(const char *json,
                                   size_t json_len,
                                   void *scratch,
                                   size_t scratch_size,
                                   struct ohp_text *why,
                                   uint8_t *cbor,
                                   size_t cbor_size,
                                   size_t *cbor_len);

/**
 * Writes canonical CBOR as JSON, without loss: an envelope, a part of one, or a value that was disclosed.
 *
 * @param cbor         The CBOR.
 * @param cbor_len     Its length in bytes.
 * @param pretty       0 for one line, 1 for indented lines.
 * @param buffer       Where to write; UTF-8, not NUL-terminated.
 * @param buffer_size  Its length.
 * @param why          A buffer for what is wrong with the CBOR, and at which byte; or NULL.
 * @param[out] len     How many bytes were written.
 * @return OHP_OK; OHP_ERR_MALFORMED if it is not canonical CBOR of JSON's data model; OHP_ERR_SPACE if the buffer is too
 *         small, and what it then holds is of no use; OHP_ERR_NULL, OHP_ERR_ALIGNMENT.
 *
 * Threads: any.
 */
enum ohp_status ohp_cbor_to_json(const uint8_t *cbor,
                                 size_t cbor_len,
                                 uint32_t pretty,
                                 char *buffer,
                                 size_t buffer_size,
                                 struct ohp_text *why,
                                 size_t *len);

/**
 * Takes the header block of an INFO apart: "Name: value" lines, with or without the request line before them.
 *
 * @param headers      The header block.
 * @param headers_len  Its length in bytes.
 * @param body         The message's body, all of it, NUL bytes included. What it has beyond Content-Length is cut off.
 * @param body_len     Its length in bytes.
 * @param why          A buffer for what is wrong, or NULL.
 * @param[out] info    The headers; set its `size` before. It borrows `headers` and `body`.
 * @return OHP_OK; OHP_ERR_MALFORMED, which is answered 400; OHP_ERR_NULL, OHP_ERR_SIZE.
 *
 * Threads: any.
 */
enum ohp_status ohp_info_parse(const char *headers,
                               size_t headers_len,
                               const uint8_t *body,
                               size_t body_len,
                               struct ohp_text *why,
                               struct ohp_info *info);

/**
 * Takes a whole SIP message apart, as it stands in a datagram: request line, headers, empty line, body.
 *
 * @param message      The message.
 * @param message_len  Its length in bytes.
 * @param why          A buffer for what is wrong, or NULL.
 * @param[out] info    The headers; set its `size` before. It borrows `message`.
 * @return As ohp_info_parse().
 *
 * Threads: any.
 */
enum ohp_status ohp_info_parse_message(const uint8_t *message,
                                       size_t message_len,
                                       struct ohp_text *why,
                                       struct ohp_info *info);

/**
 * One of the codec hints that a negotiated answer gives, such as "PCMU/8000", in order of preference.
 *
 * A leg that was handed its descriptions puts them into its proposals by itself.
 *
 * @param sdp      The answer.
 * @param sdp_len  Its length in bytes.
 * @param index    Which hint, from 0; there are OHP_SDP_HINTS_MAX at most.
 * @param why      A buffer for what is wrong with the description, or NULL.
 * @param buffer   Where the hint is written, not NUL-terminated; OHP_SDP_HINT_MAX bytes suffice.
 * @param buffer_size  Its length.
 * @param[out] len The hint's length in bytes.
 * @return OHP_OK; OHP_NONE if there is no such hint; OHP_ERR_MALFORMED if this is no session description; OHP_ERR_SPACE,
 *         OHP_ERR_NULL.
 *
 * Threads: any.
 */
enum ohp_status ohp_sdp_hint(const char *sdp,
                             size_t sdp_len,
                             size_t index,
                             struct ohp_text *why,
                             char *buffer,
                             size_t buffer_size,
                             size_t *len);

/**
 * Compares the codec hints of an envelope with what a leg has negotiated.
 *
 * @param envelope  The envelope.
 * @param sdp       The leg's negotiated answer.
 * @param sdp_len   Its length in bytes.
 * @param why       A buffer for the common codec, or for what is wrong with the description; or NULL.
 * @param[out] agreement  What they have in common.
 * @return OHP_OK; OHP_ERR_MALFORMED if this is no session description; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_sdp_compare(const struct ohp_envelope *envelope,
                                const char *sdp,
                                size_t sdp_len,
                                struct ohp_text *why,
                                enum ohp_agreement *agreement);

/**
 * Whether a leg has to be re-INVITEd, and with which codecs, so that the caller whose envelope this is hears no gap.
 *
 * Ask when a proposal has come, re-INVITE before ohp_leg_accept(), and ask again when both descriptions of the re-INVITE
 * have been handed over. Keep the numbers of dynamic payload types, the ports, DTMF events and comfort noise, and go on
 * decoding the codecs in use: packets of theirs still come (RFC 3264, section 8.3.2). Any leg can be asked, such as the one
 * to the agent's telephone: initialise an ohp_leg for it and hand it its descriptions.
 *
 * @param leg          A leg that was handed its descriptions, the offer before the answer.
 * @param envelope     The proposal.
 * @param supported    The codecs that this side can do, in its order, separated by blanks or commas: "opus/48000/2,
 *                     PCMU/8000". NULL with length 0: those of its last description.
 * @param supported_len  Its length in bytes.
 * @param codecs       Where codecs are written, a blank between each two, not NUL-terminated; OHP_SDP_HINTS_LEN_MAX bytes
 *                     suffice.
 * @param codecs_size  Its length.
 * @param[out] codecs_len  The length of what was written, in bytes; 0 if the answer names no codec.
 * @param[out] renegotiation  The answer.
 * @return OHP_OK; OHP_ERR_SPACE, OHP_ERR_UTF8, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_renegotiation(struct ohp_leg *leg,
                                      const struct ohp_envelope *envelope,
                                      const char *supported,
                                      size_t supported_len,
                                      char *codecs,
                                      size_t codecs_size,
                                      size_t *codecs_len,
                                      enum ohp_renegotiation *renegotiation);

/**
 * How much scratch ohp_receive() needs, in bytes.
 *
 * Threads: any.
 */
size_t ohp_receive_scratch_size(void);

/**
 * Takes one INFO of a dialog: puts chunks together in the shared table, inflates, and turns base64 and JSON into CBOR.
 * ohp_leg_handle_info() does this by itself.
 *
 * @param table         The shared table.
 * @param info          The INFO.
 * @param call_id       The dialog's Call-ID.
 * @param now_ms        Milliseconds since the epoch.
 * @param scratch       Memory that is used during the call; ohp_receive_scratch_size() bytes.
 * @param scratch_size  Its length.
 * @param buffer        Where an envelope is written that did not come as one piece of CBOR; OHP_ENVELOPE_LEN_MAX bytes.
 * @param buffer_size   Its length.
 * @param why           A buffer for why the response is not 200, or NULL.
 * @param[out] received What became of it; set its `size` before.
 * @return OHP_OK, whatever the response is; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT,
 *         OHP_ERR_SIZE, OHP_ERR_RANGE, OHP_ERR_UTF8.
 *
 * Threads: any; chunks of one envelope may be handed to different threads and processes.
 */
enum ohp_status ohp_receive(const struct ohp_table *table,
                            const struct ohp_info *info,
                            struct ohp_str call_id,
                            uint64_t now_ms,
                            void *scratch,
                            size_t scratch_size,
                            uint8_t *buffer,
                            size_t buffer_size,
                            struct ohp_text *why,
                            struct ohp_received *received);

/**
 * How much memory an ohp_disclosed takes, in bytes: whole pages, so that it shares none with anything else if it begins
 * at one, too (ohp_disclosed_align()).
 *
 * Threads: any.
 */
size_t ohp_disclosed_size(void);

/**
 * The alignment at which an ohp_disclosed has its pages for itself, in bytes: a page. OHP_ALIGN does as well; then
 * ohp_disclosed_end() also unlocks what else lies in its first and its last page, and a core dump holds those two.
 *
 * Threads: any.
 */
size_t ohp_disclosed_align(void);

/**
 * Makes an ohp_disclosed, and locks its memory.
 *
 * @param memory       Memory of the host, aligned to OHP_ALIGN, better to ohp_disclosed_align(); of this process alone. It
 *                     stays the host's.
 * @param memory_size  Its length, at least what ohp_disclosed_size() says.
 * @param why          A buffer for why the memory could not be locked, which is no error; or NULL.
 * @param[out] disclosed  The object, which holds nothing; it is at the same address as the memory.
 * @return OHP_OK, also if the memory could not be locked: see ohp_disclosed_summary; OHP_ERR_SPACE, OHP_ERR_NULL,
 *         OHP_ERR_ALIGNMENT.
 *
 * Threads: one caller.
 */
enum ohp_status ohp_disclosed_init(void *memory,
                                   size_t memory_size,
                                   struct ohp_text *why,
                                   struct ohp_disclosed **disclosed);

/**
 * Forgets everything that was disclosed.
 *
 * @param disclosed  An ohp_disclosed.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
 *
 * Threads: one caller at a time for each object.
 */
enum ohp_status ohp_disclosed_wipe(struct ohp_disclosed *disclosed);

/**
 * Forgets everything, unlocks the memory, and makes it memory like any other: call it before the memory is released.
 *
 * @param disclosed  An ohp_disclosed; afterwards it is none.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
 *
 * Threads: one caller at a time for each object.
 */
enum ohp_status ohp_disclosed_end(struct ohp_disclosed *disclosed);

/**
 * Says how much was disclosed.
 *
 * @param disclosed     An ohp_disclosed.
 * @param[out] summary  How much; set its `size` before.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE.
 *
 * Threads: one caller at a time for each object.
 */
enum ohp_status ohp_disclosed_get(struct ohp_disclosed *disclosed,
                                  struct ohp_disclosed_summary *summary);

/**
 * One of the fields that were sealed for us.
 *
 * @param disclosed   An ohp_disclosed.
 * @param index       Which one, from 0, in the order of their names' CBOR.
 * @param[out] value  The field; set its `size` before.
 * @return OHP_OK; OHP_NONE if there is no such one; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY,
 *         OHP_ERR_SIZE.
 *
 * Threads: one caller at a time for each object.
 */
enum ohp_status ohp_disclosed_field(struct ohp_disclosed *disclosed,
                                    size_t index,
                                    struct ohp_disclosed_value *value);

/**
 * The field of a name that was sealed for us.
 *
 * @param disclosed   An ohp_disclosed.
 * @param name        The field's dotted name, such as "payment.cardToken".
 * @param name_len    Its length in bytes.
 * @param[out] value  The field; set its `size` before.
 * @return OHP_OK; OHP_NONE if there is no such one; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY,
 *         OHP_ERR_SIZE, OHP_ERR_UTF8.
 *
 * Threads: one caller at a time for each object.
 */
enum ohp_status ohp_disclosed_find_field(struct ohp_disclosed *disclosed,
                                         const char *name,
                                         size_t name_len,
                                         struct ohp_disclosed_value *value);

/**
 * One of the caller's verified claims. Those about the credential itself (iss, exp, vct and the like) are not among them.
 *
 * @param disclosed   An ohp_disclosed.
 * @param index       Which one, from 0, in the order of their names' CBOR.
 * @param[out] value  The claim; set its `size` before.
 * @return As ohp_disclosed_field().
 *
 * Threads: one caller at a time for each object.
 */
enum ohp_status ohp_disclosed_claim(struct ohp_disclosed *disclosed,
                                    size_t index,
                                    struct ohp_disclosed_value *value);

/**
 * The verified claim at a path. Here those about the credential itself are found as well.
 *
 * @param disclosed   An ohp_disclosed.
 * @param path        The claim's path, such as "given_name", "address.locality" or "nationalities[0]"; one that begins
 *                    with "/" is a JSON Pointer, for names that hold dots. The value's `name` is none.
 * @param path_len    Its length in bytes.
 * @param[out] value  The claim; set its `size` before.
 * @return As ohp_disclosed_find_field().
 *
 * Threads: one caller at a time for each object.
 */
enum ohp_status ohp_disclosed_find_claim(struct ohp_disclosed *disclosed,
                                         const char *path,
                                         size_t path_len,
                                         struct ohp_disclosed_value *value);

/**
 * How much memory an ohp_verdict takes, in bytes; at most OHP_VERDICT_SIZE_MAX.
 *
 * Threads: any.
 */
size_t ohp_verdict_size(void);

/**
 * Reads a verdict in short.
 *
 * @param verdict       A verdict.
 * @param[out] summary  The summary; set its `size` before.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
 *
 * Threads: any.
 */
enum ohp_status ohp_verdict_get(const struct ohp_verdict *verdict,
                                struct ohp_verdict_summary *summary);

/**
 * Says in words why an envelope was refused: for logs and administrators, not for the peer.
 *
 * @param verdict  A verdict.
 * @param[out] why Receives the sentence; its `data` and `size` are set before.
 * @return OHP_OK; OHP_NONE if no step failed; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_verdict_detail(const struct ohp_verdict *verdict,
                                   struct ohp_text *why);

/**
 * Says where an envelope is wrong that was refused for its form, at step 0.
 *
 * @param verdict     A verdict.
 * @param message     A buffer for the rule alone, without the path that ohp_verdict_detail() puts before it; or NULL.
 * @param path        A buffer for the member's path, such as "$.control.nonce"; or NULL.
 * @param[out] fault  Where it is wrong; set its `size` before.
 * @return OHP_OK; OHP_NONE if the envelope was not refused for its form; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
 *         OHP_ERR_OBJECT, OHP_ERR_SIZE.
 *
 * Threads: any.
 */
enum ohp_status ohp_verdict_fault(const struct ohp_verdict *verdict,
                                  struct ohp_text *message,
                                  struct ohp_text *path,
                                  struct ohp_fault *fault);

/**
 * One of the resources that a verdict asks for.
 *
 * @param verdict    A verdict.
 * @param index      Which one, from 0.
 * @param[out] need  The resource; set its `size` before.
 * @return OHP_OK; OHP_NONE if there is no such one; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
 *
 * Threads: any.
 */
enum ohp_status ohp_verdict_need(const struct ohp_verdict *verdict,
                                 size_t index,
                                 struct ohp_need *need);

/**
 * One of a verdict's warnings: what does not stop an envelope and an administrator should see.
 *
 * @param verdict      A verdict.
 * @param index        Which one, from 0.
 * @param[out] warning Receives the sentence; its `data` and `size` are set before.
 * @return OHP_OK; OHP_NONE if there is no such one; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_verdict_warning(const struct ohp_verdict *verdict,
                                    size_t index,
                                    struct ohp_text *warning);

/**
 * The envelope that a verdict is about.
 *
 * @param verdict      A verdict.
 * @param memory       Memory for the view, aligned to OHP_ALIGN.
 * @param memory_size  Its length, at least what ohp_envelope_size() says.
 * @param[out] envelope  The view; it borrows the same bytes as the verdict.
 * @return OHP_OK; OHP_NONE if the bytes are no envelope; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_verdict_envelope(const struct ohp_verdict *verdict,
                                     void *memory,
                                     size_t memory_size,
                                     struct ohp_envelope **envelope);

/**
 * A step's name, such as "call-leg".
 *
 * @param step  The step, 0 to 14.
 * @return      A text that stays valid for ever; none for a number that is no step.
 *
 * Threads: any.
 */
struct ohp_str ohp_step_name(uint32_t step);

/**
 * The word that reports show for an outcome, such as "accept". A retransmission and a full table are "duplicate" and
 * "overloaded", which `ohp verify` never meets.
 *
 * @param outcome  An ohp_outcome.
 * @return         A text that stays valid for ever; none for a number that is no outcome.
 *
 * Threads: any.
 */
struct ohp_str ohp_outcome_text(uint32_t outcome);

/**
 * The word that reports show for how a step ended, such as "pass".
 *
 * @param result  An ohp_step_result.
 * @return        A text that stays valid for ever; none for OHP_STEP_NOT_REACHED and for a number that is no result.
 *
 * Threads: any.
 */
struct ohp_str ohp_step_result_text(uint32_t result);

/**
 * The word that reports show for a kind of resource, such as "jwks".
 *
 * @param kind  An ohp_need_kind.
 * @return      A text that stays valid for ever; none for a number that is no kind.
 *
 * Threads: any.
 */
struct ohp_str ohp_need_kind_text(uint32_t kind);

/**
 * How much scratch ohp_verify() needs, in bytes.
 *
 * Threads: any.
 */
size_t ohp_verify_scratch_size(void);

/**
 * Judges the canonical CBOR of an envelope in the protocol's normative steps, without a leg: for a gate at the edge, or
 * a check of a file. An answer (ACCEPT and the like) is judged by itself, not against the proposal that it answers.
 *
 * @param situation    What surrounds the envelope.
 * @param bytes        The canonical CBOR; the verdict borrows it.
 * @param len          Its length in bytes.
 * @param memory       Memory for the verdict, aligned to OHP_ALIGN.
 * @param memory_size  Its length, at least what ohp_verdict_size() says.
 * @param[out] verdict The verdict; it is at the same address as the memory.
 * @return OHP_OK, whatever the verdict says; OHP_ERR_SPACE if memory or scratch is too small; OHP_ERR_MALFORMED if
 *         `fingerprint` is none; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE, OHP_ERR_RANGE,
 *         OHP_ERR_UTF8.
 *
 * Threads: any.
 */
enum ohp_status ohp_verify(const struct ohp_situation *situation,
                           const uint8_t *bytes,
                           size_t len,
                           void *memory,
                           size_t memory_size,
                           struct ohp_verdict **verdict);

/**
 * How much scratch a leg needs, in bytes. It is the same for all legs.
 *
 * Threads: any.
 */
size_t ohp_scratch_size(void);

/**
 * How much memory an ohp_leg takes, in bytes; at most OHP_LEG_SIZE_MAX.
 *
 * Threads: any.
 */
size_t ohp_leg_size(void);

/**
 * Makes a leg of a dialog.
 *
 * @param memory       Memory of the host, aligned to OHP_ALIGN. It stays the host's; there is nothing to release.
 * @param memory_size  Its length, at least what ohp_leg_size() says.
 * @param call_id      The dialog's Call-ID, OHP_LEG_ID_LEN_MAX bytes at most.
 * @param call_id_len  Its length in bytes.
 * @param[out] leg     The leg; it is at the same address as the memory.
 * @return OHP_OK; OHP_ERR_RANGE if the Call-ID is empty or too long; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
 *         OHP_ERR_UTF8.
 *
 * Threads: one caller.
 */
enum ohp_status ohp_leg_init(void *memory,
                             size_t memory_size,
                             const char *call_id,
                             size_t call_id_len,
                             struct ohp_leg **leg);

/**
 * Finds the leg that another process has made in shared memory.
 *
 * @param memory       The memory, at the same address as in that process, from which this one was forked.
 * @param memory_size  Its length.
 * @param[out] leg     The leg.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE, OHP_ERR_OBJECT.
 *
 * Threads: any.
 */
enum ohp_status ohp_leg_attach(void *memory,
                               size_t memory_size,
                               struct ohp_leg **leg);

/**
 * Gives a leg a further identifier that session.callId may name: the other leg's Call-ID in the host's own B2BUA, a
 * Replaces, an RFC 7989 Session-ID. One that a peer wrote counts only if that peer is trusted, which the host knows.
 *
 * @param leg     A leg.
 * @param id      The identifier.
 * @param id_len  Its length in bytes.
 * @return OHP_OK, also if the leg has it already; OHP_ERR_RANGE if it is empty or too long, or one more than
 *         OHP_LEG_IDS_MAX; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_UTF8.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_bind_id(struct ohp_leg *leg,
                                const char *id,
                                size_t id_len);

/**
 * Notes this side's session description that the dialog has agreed on. See also ohp_tap_set_sdp().
 *
 * Hand over the offer first, and then its answer, whichever is this side's: so a hold is told from what only mirrors it.
 * After a re-INVITE hand over both anew.
 *
 * @param leg      A leg.
 * @param sdp      The description.
 * @param sdp_len  Its length in bytes.
 * @param why      A buffer for what is wrong with it, or NULL.
 * @return OHP_OK; OHP_ERR_MALFORMED, and then the leg keeps what it had; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
 *         OHP_ERR_OBJECT, OHP_ERR_BUSY.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_handle_local_sdp(struct ohp_leg *leg,
                                         const char *sdp,
                                         size_t sdp_len,
                                         struct ohp_text *why);

/**
 * Notes the peer's session description that the dialog has agreed on, in the order that ohp_leg_handle_local_sdp() says.
 * The codec hints of the next proposal are those that both descriptions name; without a local one, the peer's.
 *
 * @param leg      A leg.
 * @param sdp      The description.
 * @param sdp_len  Its length in bytes.
 * @param why      A buffer for what is wrong with it, or NULL.
 * @return As ohp_leg_handle_local_sdp().
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_handle_remote_sdp(struct ohp_leg *leg,
                                          const char *sdp,
                                          size_t sdp_len,
                                          struct ohp_text *why);

/**
 * Reads where a leg stands.
 *
 * @param leg         A leg.
 * @param[out] state  Where it stands; set its `size` before.
 * @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_get_state(struct ohp_leg *leg,
                                  struct ohp_leg_state *state);

/**
 * Takes an INFO of the leg's dialog: puts chunks together, verifies a complete envelope, and moves the handoff by it.
 * Then drain the leg.
 *
 * It takes longest where a fingerprint is searched for; docs/performance.md has figures.
 *
 * @param leg           A leg.
 * @param host          What the leg is lent for this call.
 * @param info          The INFO.
 * @param buffer        Where an envelope is written that did not come as one piece of CBOR; OHP_ENVELOPE_LEN_MAX bytes.
 * @param buffer_size   Its length.
 * @param memory        Memory for the verdict, aligned to OHP_ALIGN.
 * @param memory_size   Its length, at least what ohp_verdict_size() says.
 * @param why           A buffer for why the response is not 200, or NULL.
 * @param[out] handled  What became of it; set its `size` before. The verdict borrows `buffer` or the INFO's body.
 * @return OHP_OK, whatever the verdict and the response are; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
 *         OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE, OHP_ERR_RANGE, OHP_ERR_UTF8.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_handle_info(struct ohp_leg *leg,
                                    const struct ohp_host *host,
                                    const struct ohp_info *info,
                                    uint8_t *buffer,
                                    size_t buffer_size,
                                    void *memory,
                                    size_t memory_size,
                                    struct ohp_text *why,
                                    struct ohp_handled *handled);

/**
 * Judges the pending proposal again, because something that it lacked may be there now: sound, or a resource in a new
 * context. Does nothing unless that proposal is pending (see ohp_leg_get_state()). An INCIDENT that lacked resources is judged
 * as well: the leg keeps nothing of it, so the host sees to it until the envelope's notAfter. Then drain the leg.
 *
 * @param leg           A leg.
 * @param host          What the leg is lent for this call.
 * @param cbor          The proposal's canonical CBOR, as ohp_leg_handle_info() gave it; the verdict borrows it.
 * @param cbor_len      Its length in bytes.
 * @param memory        Memory for the verdict, aligned to OHP_ALIGN.
 * @param memory_size   Its length, at least what ohp_verdict_size() says.
 * @param why           A buffer for what went wrong, or NULL.
 * @param[out] handled  What became of it; set its `size` before. There is no response to give.
 * @return As ohp_leg_handle_info().
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_verify_again(struct ohp_leg *leg,
                                     const struct ohp_host *host,
                                     const uint8_t *cbor,
                                     size_t cbor_len,
                                     void *memory,
                                     size_t memory_size,
                                     struct ohp_text *why,
                                     struct ohp_handled *handled);

/**
 * Takes the final response to the outstanding INFO. Then drain the leg.
 *
 * @param leg     A leg.
 * @param table   The shared table.
 * @param status  The SIP status, 200 to 699; 408 where no response came.
 * @return OHP_OK, OHP_ERR_RANGE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_handle_response(struct ohp_leg *leg,
                                        const struct ohp_table *table,
                                        uint32_t status);

/**
 * Ends what has run out by now. Then drain the leg.
 *
 * @param leg   A leg.
 * @param host  What the leg is lent for this call.
 * @return OHP_OK, OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE,
 *         OHP_ERR_RANGE.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_handle_timeout(struct ohp_leg *leg,
                                       const struct ohp_host *host);

/**
 * Proposes to hand the conversation over. Then drain the leg.
 *
 * The template says what only the application knows: audience, intent, transcript, policy, control.reason,
 * control.fallback. The leg adds version, tier, identifier, times, nonce and verb, and, unless the template has them,
 * issuer, session.callId and, from Signed upwards, the fingerprint of the newest usable audio and the codec hints. It
 * signs where the tier wants that.
 *
 * From Sealed upwards "sealed": {"fields": {"dotted.name": value}} is given in plain and leaves sealed, for the keys that
 * audience.recipientKeys names, or for every X25519 key of audience.did under the bundle's issuers. At Regulated
 * governance.prohibited and governance.art50Disclosure are signed unless they have their proofs, transparency.leafHash is
 * stated, and nothing is sent yet: OHP_EVENT_ANCHOR_NEEDED follows.
 *
 * @param leg           A leg.
 * @param host          What the leg is lent for this call.
 * @param tier          An ohp_tier.
 * @param template_data The template, in the envelope's own nesting: a JSON object or a canonical CBOR map,
 *                      OHP_TEMPLATE_LEN_MAX bytes and OHP_TEMPLATE_LEAVES_MAX leaves at most.
 * @param template_len  Its length in bytes.
 * @param buffer        Where the envelope is written; OHP_ENVELOPE_LEN_MAX bytes.
 * @param buffer_size   Its length.
 * @param why           A buffer for what is wrong, with the path of the member; or NULL.
 * @param[out] cbor     The envelope's canonical CBOR, in `buffer`.
 * @return OHP_OK; OHP_ERR_MALFORMED if the template is neither JSON nor CBOR; OHP_ERR_INVALID if the envelope would break
 *         a rule; OHP_ERR_STATE if a handoff is under way, or the proposal would be weaker than a rejected one that did
 *         not allow it; OHP_ERR_TOO_LONG if the template has too many bytes or leaves; OHP_ERR_MEMORY if there
 *         is none for the thread that signs at Regulated; OHP_ERR_KEY, OHP_ERR_FULL, OHP_ERR_SPACE, OHP_ERR_NULL,
 *         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE, OHP_ERR_RANGE.
 *
 * Threads: one caller at a time for each leg. At Regulated it signs on a thread of its own, and waits for that.
 */
enum ohp_status ohp_leg_propose(struct ohp_leg *leg,
                                const struct ohp_host *host,
                                uint32_t tier,
                                const char *template_data,
                                size_t template_len,
                                uint8_t *buffer,
                                size_t buffer_size,
                                struct ohp_text *why,
                                struct ohp_bytes *cbor);

/**
 * Reports a serious incident in this conversation to the peer (INCIDENT; OHP 6.5, EU AI Act, Art. 73). It moves nothing of a
 * handoff. It is built and signed at Regulated, and waits to be anchored as a Regulated proposal does. Then drain the leg.
 *
 * The clock of fifteen days runs from its issuance; see ohp_envelope_report_due().
 *
 * @param leg           A leg.
 * @param host          What the leg is lent for this call.
 * @param category      The incident's category for control.reason, for which the protocol has no list of words.
 * @param category_len  Its length in bytes.
 * @param template_data The template, as for ohp_leg_propose() at Regulated.
 * @param template_len  Its length in bytes.
 * @param buffer        Where the report is written; OHP_ENVELOPE_LEN_MAX bytes.
 * @param buffer_size   Its length.
 * @param why           A buffer for what is wrong, with the path of the member; or NULL.
 * @param[out] cbor     The report's canonical CBOR, in `buffer`: keep it for ohp_leg_anchored().
 * @return As ohp_leg_propose(); OHP_ERR_STATE while something else waits to be anchored; OHP_ERR_UTF8.
 *
 * Threads: one caller at a time for each leg. It signs on a thread of its own, and waits for that.
 */
enum ohp_status ohp_leg_report(struct ohp_leg *leg,
                               const struct ohp_host *host,
                               const char *category,
                               size_t category_len,
                               const char *template_data,
                               size_t template_len,
                               uint8_t *buffer,
                               size_t buffer_size,
                               struct ohp_text *why,
                               struct ohp_bytes *cbor);

/**
 * Sends the proposal or the report that waits, because it is anchored now: its leaf is in the log that transparency.logId
 * names, and will stay there. Then drain the leg.
 *
 * @param leg       A leg.
 * @param host      What the leg is lent for this call.
 * @param cbor      The envelope's canonical CBOR, as ohp_leg_propose() or ohp_leg_report() wrote it.
 * @param cbor_len  Its length in bytes.
 * @param why       A buffer for what is wrong, or NULL.
 * @return OHP_OK; OHP_ERR_STATE if this is not what waits, its time is over, a message is still on its way, or the peer has
 *         proposed meanwhile: unless its time is over it still waits; OHP_ERR_INVALID, OHP_ERR_FULL, OHP_ERR_SPACE,
 *         OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE, OHP_ERR_RANGE.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_anchored(struct ohp_leg *leg,
                                 const struct ohp_host *host,
                                 const uint8_t *cbor,
                                 size_t cbor_len,
                                 struct ohp_text *why);

/**
 * Forgets the proposal or the report that waits to be anchored, because no log has taken it or it is not wanted any more.
 * Nothing has been sent.
 *
 * @param leg  A leg.
 * @return OHP_OK, also if nothing waits; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_withdraw(struct ohp_leg *leg);

/**
 * Takes the conversation that was proposed. Then drain the leg.
 *
 * @param leg   A leg.
 * @param host  What the leg is lent for this call.
 * @param why   A buffer for what is wrong, or NULL.
 * @return OHP_OK; OHP_ERR_STATE if nothing is proposed, or a message is still on its way; OHP_ERR_INVALID, OHP_ERR_KEY,
 *         OHP_ERR_FULL, OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE,
 *         OHP_ERR_RANGE.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_accept(struct ohp_leg *leg,
                               const struct ohp_host *host,
                               struct ohp_text *why);

/**
 * Does not take the conversation that was proposed, or lets go of one that was accepted and not assumed. Then drain the
 * leg.
 *
 * @param leg     A leg.
 * @param host    What the leg is lent for this call.
 * @param reason  An ohp_reason, not OHP_REASON_NONE.
 * @param why     A buffer for what is wrong, or NULL.
 * @return As ohp_leg_accept().
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_reject(struct ohp_leg *leg,
                               const struct ohp_host *host,
                               uint32_t reason,
                               struct ohp_text *why);

/**
 * Makes the handoff final: sent by either side once it has been accepted. OHP_EVENT_HANDED_OFF follows when the peer has
 * received it. Then drain the leg.
 *
 * @param leg   A leg.
 * @param host  What the leg is lent for this call.
 * @param why   A buffer for what is wrong, or NULL.
 * @return As ohp_leg_accept().
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_assume(struct ohp_leg *leg,
                               const struct ohp_host *host,
                               struct ohp_text *why);

/**
 * Gives the conversation back (RETURN). Then drain the leg.
 *
 * @param leg          A leg.
 * @param host         What the leg is lent for this call.
 * @param reason       Why, a word for control.reason such as "resolved".
 * @param reason_len   Its length in bytes.
 * @param context_data What has changed (intent, slots, summary), as a template as for ohp_leg_propose(); or NULL.
 * @param context_len  Its length in bytes.
 * @param why          A buffer for what is wrong, or NULL.
 * @return As ohp_leg_accept(), and as ohp_leg_propose() for the template.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_give_back(struct ohp_leg *leg,
                                  const struct ohp_host *host,
                                  const char *reason,
                                  size_t reason_len,
                                  const char *context_data,
                                  size_t context_len,
                                  struct ohp_text *why);

/**
 * The next INFO to send inside the dialog. There is none while one is outstanding: its final response goes to
 * ohp_leg_handle_response() first.
 *
 * @param leg            A leg.
 * @param table          The shared table.
 * @param buffer         Where the INFO is written; OHP_TRANSMIT_LEN bytes.
 * @param buffer_size    Its length.
 * @param[out] transmit  The INFO; set its `size` before. Its texts and its body are in `buffer`.
 * @return OHP_OK; OHP_NONE if there is nothing to send now; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
 *         OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_poll_transmit(struct ohp_leg *leg,
                                      const struct ohp_table *table,
                                      uint8_t *buffer,
                                      size_t buffer_size,
                                      struct ohp_transmit *transmit);

/**
 * When ohp_leg_handle_timeout() has something to do.
 *
 * @param leg            A leg.
 * @param[out] deadline  Milliseconds since the Unix epoch.
 * @return OHP_OK; OHP_NONE if it never has; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_poll_timeout(struct ohp_leg *leg,
                                     uint64_t *deadline);

/**
 * Builds, seals and signs an envelope without a leg, for a host that sends it some other way. With a leg,
 * ohp_leg_propose() does this and keeps the handoff's state. A Regulated envelope must be in the log that it names before
 * it is sent, which is the host's to see to here.
 *
 * @param host          What a leg would be lent for a call; its tap gives the fingerprint, if there is one.
 * @param tier          An ohp_tier.
 * @param template_data As for ohp_leg_propose(), and with session.callId; control.verb is PROPOSE if it has none.
 * @param template_len  Its length in bytes.
 * @param buffer        Where the envelope is written; OHP_ENVELOPE_LEN_MAX bytes.
 * @param buffer_size   Its length.
 * @param why           A buffer for what is wrong, with the path of the member; or NULL.
 * @param[out] cbor     The envelope's canonical CBOR, in `buffer`.
 * @return OHP_OK; OHP_ERR_MALFORMED if the template is neither JSON nor CBOR; OHP_ERR_INVALID if the envelope would break
 *         a rule; OHP_ERR_MEMORY if there is none for the thread that signs at Regulated; OHP_ERR_TOO_LONG, OHP_ERR_KEY,
 *         OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE, OHP_ERR_RANGE.
 *
 * Threads: any; the scratch must not be in use elsewhere. At Regulated it signs on a thread of its own, and waits for that.
 */
enum ohp_status ohp_issue(const struct ohp_host *host,
                          uint32_t tier,
                          const char *template_data,
                          size_t template_len,
                          uint8_t *buffer,
                          size_t buffer_size,
                          struct ohp_text *why,
                          struct ohp_bytes *cbor);

/**
 * Writes one of the INFOs that carry an envelope, without a leg: ask for part 1, and then for the others of `parts`.
 * The context says how envelopes are sent. Each part is to be sent after the final response to the one before.
 *
 * @param context        A context.
 * @param cbor           The envelope's canonical CBOR.
 * @param cbor_len       Its length in bytes.
 * @param part           Which INFO, from 1.
 * @param scratch        Memory that is used during the call, ohp_scratch_size() bytes.
 * @param scratch_size   Its length.
 * @param buffer         Where the INFO is written; OHP_TRANSMIT_LEN bytes.
 * @param buffer_size    Its length.
 * @param why            A buffer for what is wrong, or NULL.
 * @param[out] transmit  The INFO; set its `size` before. Its texts and its body are in `buffer`.
 * @return OHP_OK; OHP_ERR_MALFORMED if the bytes are no envelope; OHP_ERR_RANGE if there is no such part;
 *         OHP_ERR_TOO_LONG if it does not fit into as many INFOs as the protocol allows; OHP_ERR_SPACE, OHP_ERR_NULL,
 *         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
 *
 * Threads: any; the scratch must not be in use elsewhere.
 */
enum ohp_status ohp_split(const struct ohp_context *context,
                          const uint8_t *cbor,
                          size_t cbor_len,
                          uint32_t part,
                          uint8_t *scratch,
                          size_t scratch_size,
                          uint8_t *buffer,
                          size_t buffer_size,
                          struct ohp_text *why,
                          struct ohp_transmit *transmit);

/**
 * The next thing that happened on a leg.
 *
 * @param leg         A leg.
 * @param why         A buffer for why an envelope was refused, by us or by the peer, or a message moved nothing, in words; or NULL.
 * @param[out] event  The event; set its `size` before.
 * @return OHP_OK; OHP_NONE if there is no more; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY,
 *         OHP_ERR_SIZE.
 *
 * Threads: one caller at a time for each leg.
 */
enum ohp_status ohp_leg_poll_event(struct ohp_leg *leg,
                                   struct ohp_text *why,
                                   struct ohp_event *event);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OHP_H */
