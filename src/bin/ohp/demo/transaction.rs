//! SIP transactions over UDP (RFC 3261 §17): what is sent again until it is answered, and what is answered again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::dialog::DialogId;

/// Estimate of the round-trip time, and the first interval between retransmissions (RFC 3261 §17.1.1.1).
pub const T1: Duration = Duration::from_millis(500);

/// Longest interval between retransmissions of anything but an INVITE.
pub const T2: Duration = Duration::from_secs(4);

/// How long a transaction lives: Timers B, F, H and J.
pub const LIFETIME: Duration = Duration::from_millis(64 * 500);

/// A datagram that goes out again and again, at doubling intervals, until somebody answers.
pub struct Resend {
    wire: Vec<u8>,
    to: SocketAddr,
    interval: Duration,
    longest: Duration,
    next: Instant,
    until: Instant,
    quiet: bool,
}

/// What a [`Resend`] wants now.
pub enum Due<'a> {
    /// Nothing yet.
    Nothing,
    /// To be sent once more.
    Again(&'a [u8], SocketAddr),
    /// Nobody has answered in time.
    Over,
}

impl Resend {
    /// Something that has been sent at `now` for the first time.
    pub fn new(now: Instant, wire: Vec<u8>, to: SocketAddr, longest: Duration) -> Self {
        Self {
            wire,
            to,
            interval: T1,
            longest,
            next: now + T1,
            until: now + LIFETIME,
            quiet: false,
        }
    }

    /// Sends no more, but still expects an answer: a provisional response has come.
    pub fn silence(&mut self) {
        self.quiet = true;
    }

    /// What is to be done at `now`.
    pub fn due(&mut self, now: Instant) -> Due<'_> {
        if now >= self.until {
            Due::Over
        } else if now >= self.next && !self.quiet {
            self.interval = (self.interval * 2).min(self.longest);
            self.next = now + self.interval;
            Due::Again(&self.wire, self.to)
        } else {
            Due::Nothing
        }
    }
}

/// A request of ours that waits for its final response.
pub struct Client {
    /// The Via branch that names the transaction.
    pub branch: String,
    /// INVITE, INFO or BYE.
    pub method: &'static str,
    /// The dialog that it belongs to.
    pub dialog: DialogId,
    /// Its retransmissions.
    pub resend: Resend,
}

/// A request of the peer's, and the answer that its retransmissions get.
pub struct Server {
    /// The Via branch and the method that name the transaction.
    pub key: (String, String),
    /// The latest response, once there is one.
    pub response: Option<Vec<u8>>,
    /// Where responses go.
    pub to: SocketAddr,
    /// When it may be forgotten.
    pub until: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_double_up_to_the_longest_and_end_with_the_lifetime() {
        let start = Instant::now();
        let mut resend = Resend::new(start, vec![1], "127.0.0.1:9".parse().unwrap(), T2);
        let mut sent = Vec::new();
        let mut millis = 0;
        loop {
            match resend.due(start + Duration::from_millis(millis)) {
                Due::Again(..) => sent.push(millis),
                Due::Over => break,
                Due::Nothing => {}
            }
            millis += 100;
        }
        assert_eq!(sent, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
        assert_eq!(millis, 32_000);
    }
}
