//! A UDP socket with weather: datagrams that it sends may be lost or overtaken, as a seed decides.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::random::Seeded;

/// Longest datagram, and a buffer that takes any.
pub const DATAGRAM: usize = 65_536;

/// How long an overtaken datagram is held back, in milliseconds: one to three RTP packets' time.
const HELD_MS: (u64, u64) = (25, 65);

/// What befalls datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Share of datagrams lost, 0 to 1.
    pub loss: f64,
    /// Share of datagrams held back so that later ones overtake them, 0 to 1.
    pub reorder: f64,
    /// What decides which.
    pub seed: u64,
}

/// What a link has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Datagrams handed to the link.
    pub sent: u64,
    /// Of these, lost on purpose.
    pub lost: u64,
    /// Of these, held back on purpose.
    pub held: u64,
}

/// A bound socket and its weather.
pub struct Link {
    socket: UdpSocket,
    weather: Weather,
    fate: Seeded,
    held: VecDeque<(Instant, Vec<u8>, SocketAddr)>,
    tally: Tally,
}

impl Link {
    /// Binds `address`; `stream` tells this link's fate from that of the others of the run.
    pub fn bind(address: SocketAddr, weather: Weather, stream: u64) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            weather,
            fate: Seeded::new(weather.seed, stream),
            held: VecDeque::new(),
            tally: Tally::default(),
        })
    }

    /// Where the socket is bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sends, loses or holds back a datagram. A network error counts as a loss: the peer may be gone.
    pub fn send(&mut self, now: Instant, datagram: &[u8], to: SocketAddr) {
        self.tally.sent += 1;
        let (lost, held) = (
            self.fate.chance(self.weather.loss),
            self.fate.chance(self.weather.reorder),
        );
        let delay = self.fate.millis(HELD_MS.0, HELD_MS.1);
        if lost {
            self.tally.lost += 1;
        } else if held {
            self.tally.held += 1;
            self.held
                .push_back((now + Duration::from_millis(delay), datagram.to_vec(), to));
        } else {
            let _ = self.socket.send_to(datagram, to);
        }
    }

    /// Lets go of what was held back long enough.
    pub fn flush(&mut self, now: Instant) {
        let socket = &self.socket;
        self.held.retain(|(due, datagram, to)| {
            let keep = *due > now;
            if !keep {
                let _ = socket.send_to(datagram, to);
            }
            keep
        });
    }

    /// The next datagram that has arrived.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> Option<(&'b [u8], SocketAddr)> {
        // An ICMP error about an earlier datagram surfaces here; it costs one receive, not the loop.
        for _ in 0..2 {
            match self.socket.recv_from(buffer) {
                Ok((length, from)) => return Some((&buffer[..length], from)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// What the link has done so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }
}
