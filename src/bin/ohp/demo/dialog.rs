//! One SIP dialog (RFC 3261 §12): who it is with, what its next request looks like, where its sound goes.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::link::Link;
use super::message::{Message, RequestHead};
use super::random;
use super::transaction::Resend;

/// A dialog of one user agent, in the order in which they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DialogId(pub usize);

/// How far a dialog has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The INVITE has no final response.
    Early,
    /// The INVITE was answered with 200 and that was acknowledged.
    Confirmed,
    /// A BYE was sent.
    Ending,
    /// Nothing more is sent or expected.
    Over,
}

/// A dialog.
pub struct Dialog {
    pub state: State,
    pub call_id: String,
    pub local_tag: String,
    pub remote_tag: Option<String>,
    /// Our address of record with our tag, as From carries it.
    pub local: String,
    /// The peer's address of record, without its tag.
    pub remote: String,
    /// Where the peer wants requests: its Contact.
    pub target: String,
    /// Where datagrams go.
    pub peer: SocketAddr,
    pub local_cseq: u32,
    pub remote_cseq: u32,
    /// The CSeq of the INVITE, which its ACK repeats.
    pub invite_cseq: u32,
    /// Our ACK, for when the 200 comes again.
    pub ack: Option<Vec<u8>>,
    /// Our 200, until it is acknowledged.
    pub unacknowledged: Option<Resend>,
    /// The peer's INVITE, to be answered.
    pub invite: Option<Message>,
    /// INFO requests that wait for the one before them: header lines and body.
    pub waiting: VecDeque<(String, Vec<u8>)>,
    /// Whether an INFO has no final response yet.
    pub info_outstanding: bool,
    /// The socket for its sound.
    pub media: Link,
    /// Where the peer wants sound.
    pub remote_media: Option<SocketAddr>,
}

impl Dialog {
    /// The next request of our own: counts CSeq up and makes a new branch. Gives the branch and what to write.
    pub fn next_request(&mut self, method: &'static str, at: SocketAddr) -> (String, Written) {
        self.local_cseq += 1;
        self.request(method, self.local_cseq, at)
    }

    /// A request of ours with a given CSeq number, and its branch.
    pub fn request(&self, method: &'static str, cseq: u32, at: SocketAddr) -> (String, Written) {
        let branch = format!("z9hG4bK{}", random::hex::<8>());
        let written = self.request_on(method, cseq, at, &branch);
        (branch, written)
    }

    /// A request of ours on a given branch: the ACK to a refusal shares the INVITE's.
    pub fn request_on(&self, method: &'static str, cseq: u32, at: SocketAddr, branch: &str) -> Written {
        Written {
            method,
            uri: self.target.clone(),
            via: format!("SIP/2.0/UDP {at};branch={branch}"),
            from: format!("{};tag={}", self.local, self.local_tag),
            to: match &self.remote_tag {
                Some(tag) => format!("{};tag={tag}", self.remote),
                None => self.remote.clone(),
            },
            call_id: self.call_id.clone(),
            cseq,
            contact: format!("<sip:ohp@{at}>"),
        }
    }
}

/// The header values of a request of ours.
pub struct Written {
    method: &'static str,
    uri: String,
    via: String,
    from: String,
    to: String,
    call_id: String,
    cseq: u32,
    contact: String,
}

impl Written {
    /// The same, borrowed, as the message writer takes it.
    pub fn head(&self) -> RequestHead<'_> {
        RequestHead {
            method: self.method,
            uri: &self.uri,
            via: &self.via,
            from: &self.from,
            to: &self.to,
            call_id: &self.call_id,
            cseq: self.cseq,
            contact: &self.contact,
        }
    }
}
