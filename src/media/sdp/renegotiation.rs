//! Whether a leg has to be re-INVITEd before it takes over a conversation, and with which codecs.
//!
//! OHP §9.2 gives the receiver the codecs of the live leg "so that it can prepare its media path before sending ACCEPT"
//! and leaves what that means to it. Ask when a proposal has come, send the re-INVITE before the ACCEPT, and ask again
//! when it has been answered: then the caller is heard from the first packet on, and nothing is transcoded that need not
//! be. While the answer is under way packets of the codecs in use still come (RFC 3264 §8.3.2), so these stand in every
//! offer.
//!
//! Not here: writing the offer. It keeps the numbers of dynamic payload types, the ports and the transport, and the DTMF
//! events and the comfort noise of the last one.

use core::fmt;

use super::hints::Parts;
use super::negotiated::Blocked;
use super::{Agreement, CodecHint, Negotiated, SdpHints};

/// The answer to "must this leg be re-INVITEd, and with which codecs?"
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renegotiation {
    /// No description of this leg is known, or neither codecs nor sound.
    Unknown,
    /// No: sound flows both ways. `codec` is the first of the envelope's codecs that this leg has agreed on, too, and may
    /// send without asking; `None` where the envelope has no codecs that could be read.
    NotNeeded {
        /// The common codec.
        codec: Option<CodecHint>,
    },
    /// Yes: offer `sendrecv` with these codecs, in this order. Those that the envelope names and this side can do come
    /// first, as the envelope orders them; those in use now come last, so that the peer can keep to them.
    Offer {
        /// What the re-INVITE is for.
        reason: OfferReason,
        /// The codecs, at least one.
        codecs: SdpHints,
    },
    /// Not by this side: the peer has put the leg on hold, or does not send, and only its own re-INVITE ends that
    /// (RFC 6337 §5.3). Until then what is heard is music, or nothing.
    Held {
        /// The common codec that there will be then, if this leg has agreed on one.
        codec: Option<CodecHint>,
    },
    /// No, it would not help: this side can do none of the envelope's codecs. Somebody has to transcode.
    NoCommonCodec,
}

/// What a re-INVITE is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferReason {
    /// Another codec: sound flows, in none that the caller's leg uses.
    Codec,
    /// This side's own hold: its last description did not let sound flow both ways. It may ask for another codec, too.
    Resume,
    /// Sound: none was agreed on, or it was refused.
    NoAudio,
}

impl Negotiated {
    /// Whether this leg has to be re-INVITEd so that it takes sound in the codecs that an envelope's
    /// `session.media.sdpHints` names, and with which.
    ///
    /// `supported` is what this side can do, in its order; `None`: what its own description names, which is less than that
    /// where it answered an offer.
    pub fn renegotiation<'h>(
        &self,
        received: impl IntoIterator<Item = &'h str> + Clone,
        supported: Option<&SdpHints>,
    ) -> Renegotiation {
        if !self.is_known() {
            return Renegotiation::Unknown;
        }
        let in_use = self.codecs();
        let supported = supported.copied().unwrap_or_else(|| self.local_codecs());
        let agreement = in_use.compare(received.clone());
        let common = match agreement {
            Agreement::Common(codec) => Some(codec),
            Agreement::NothingInCommon | Agreement::Unknown => None,
        };

        let mut codecs = SdpHints::NONE;
        let mut hinted = false;
        for hint in received.into_iter().filter_map(Parts::read) {
            hinted = true;
            if let Some(codec) = supported.find(hint).or_else(|| in_use.find(hint)) {
                codecs.push(codec);
            }
        }
        let matches = !codecs.is_empty();
        in_use.iter().for_each(|codec| codecs.push(codec));

        if !self.has_audio() {
            if !hinted {
                codecs = supported;
            }
            return match (codecs.is_empty(), hinted) {
                (false, _) => Renegotiation::Offer {
                    reason: OfferReason::NoAudio,
                    codecs,
                },
                (true, true) => Renegotiation::NoCommonCodec,
                (true, false) => Renegotiation::Unknown,
            };
        }
        match self.blocked() {
            Blocked::Here if !codecs.is_empty() => Renegotiation::Offer {
                reason: OfferReason::Resume,
                codecs,
            },
            Blocked::There => Renegotiation::Held { codec: common },
            Blocked::Here | Blocked::No => match agreement {
                _ if codecs.is_empty() && !hinted => Renegotiation::Unknown,
                Agreement::Common(_) => Renegotiation::NotNeeded { codec: common },
                _ if !hinted => Renegotiation::NotNeeded { codec: None },
                _ if matches => Renegotiation::Offer {
                    reason: OfferReason::Codec,
                    codecs,
                },
                _ => Renegotiation::NoCommonCodec,
            },
        }
    }
}

impl fmt::Display for Renegotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("nothing is known of this leg's sound"),
            Self::NotNeeded { codec: Some(codec) } => write!(f, "no re-INVITE: {} is common", codec.as_str()),
            Self::NotNeeded { codec: None } => f.write_str("no re-INVITE: the envelope names no codecs"),
            Self::Offer { reason, codecs } => {
                f.write_str(match reason {
                    OfferReason::Codec => "re-INVITE for a common codec",
                    OfferReason::Resume => "re-INVITE to end this side's hold",
                    OfferReason::NoAudio => "re-INVITE for sound",
                })?;
                write!(f, ": offer {}", codecs.as_str())
            }
            Self::Held { .. } => f.write_str("the peer holds this leg, and only its re-INVITE ends that"),
            Self::NoCommonCodec => f.write_str("no re-INVITE helps: this side can do none of the envelope's codecs"),
        }
    }
}
