//! What both Rust examples need: a clock, randomness, sockets, and the objects of one call.
//!
//! The wire is what a SIP stack leaves to libohp, and no more: an INFO is a datagram of header lines, an empty line and a
//! body; its final response is a datagram of three digits. The caller's sound is RTP on the next port.

use std::error::Error;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ohp::envelope::ENVELOPE_MAX;
use ohp::leg::{Context, Handled, Host, Leg, RANDOM_LEN, SCRATCH_LEN, Settings, TRANSMIT_LEN};
use ohp::media::{Codec, Tap, TapConfig};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::transport::Info;
use ohp::trust::bundle::Bundle;

pub const CALL_ID: &str = "example-call@127.0.0.1";
/// How long either side waits for all to be over.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// One side of a call.
pub struct Side {
    pub leg: Leg,
    pub signalling: UdpSocket,
    pub peer: SocketAddr,
    context: Context,
    table: Vec<AtomicU64>,
    tap: Vec<AtomicU64>,
    scratch: Vec<u8>,
}

/// So many words of memory, which could be shared with other processes.
fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

pub fn random<const N: usize>() -> Outcome<[u8; N]> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

pub fn now() -> Outcome<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_millis(i64::try_from(since.as_millis())?))
}

pub fn socket(port: u16) -> Outcome<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    Ok(socket)
}

impl Side {
    /// Reads the trust bundle and makes the objects of one call.
    pub fn begin(trust: &str, signalling: UdpSocket, peer: SocketAddr) -> Outcome<Self> {
        let bundle = Bundle::from_json(&std::fs::read(trust)?)?;
        let config = TapConfig {
            codec: Codec::Pcmu,
            seconds: 10,
        };
        let side = Self {
            leg: Leg::new(CALL_ID)?,
            signalling,
            peer,
            context: Context {
                bundle,
                settings: Settings {
                    enforce: true,
                    ..Settings::default()
                },
            },
            table: words(Config::default().words()?),
            tap: words(config.words().ok_or("a tap keeps 1 to 10 seconds")?),
            scratch: vec![0; SCRATCH_LEN],
        };
        Table::init(&side.table, &Config::default(), random()?)?;
        Tap::init(&side.tap, &config)?;
        Ok(side)
    }

    pub fn tap(&self) -> Outcome<Tap<'_>> {
        Ok(Tap::attach(&self.tap)?)
    }

    /// Calls into the leg with what it is lent for the call: it has no clock and no randomness of its own.
    pub fn with<T>(&mut self, call: impl FnOnce(&mut Leg, &mut Host<'_>) -> T) -> Outcome<T> {
        let mut host = Host {
            context: &self.context,
            table: Table::attach(&self.table)?,
            tap: Some(Tap::attach(&self.tap)?),
            peer: &[127, 0, 0, 1],
            now: now()?,
            random: random::<RANDOM_LEN>()?,
            scratch: &mut self.scratch,
            disclosed: None,
        };
        Ok(call(&mut self.leg, &mut host))
    }

    /// Takes a datagram, if one has come: a response, or an INFO, which is answered. `seen` is shown what became of it.
    pub fn signal(&mut self, seen: impl FnOnce(&Handled<'_>)) -> Outcome<()> {
        let (mut datagram, mut envelope) = (vec![0; 65_536], vec![0; ENVELOPE_MAX]);
        let Ok((len, peer)) = self.signalling.recv_from(&mut datagram) else {
            return Ok(());
        };
        let datagram = &datagram[..len];
        self.peer = peer;
        if let Some(status) = response(datagram) {
            let table = Table::attach(&self.table)?;
            self.leg.handle_response(&table, status);
            return Ok(());
        }
        let status = match Info::parse_message(datagram) {
            Ok(info) => self.with(|leg, host| {
                let handled = leg.handle_info(host, &info, &mut envelope, &mut |_, _| ());
                seen(&handled);
                handled.status.code()
            })?,
            Err(_) => 400,
        };
        self.signalling.send_to(format!("{status:03}").as_bytes(), peer)?;
        Ok(())
    }

    /// Sends what the leg has to send.
    pub fn send_infos(&mut self) -> Outcome<()> {
        let mut buffer = [0; TRANSMIT_LEN];
        let table = Table::attach(&self.table)?;
        while let Some(sent) = self.leg.poll_transmit(&table, &mut buffer) {
            let datagram = [sent.info.headers.as_bytes(), b"\r\n", sent.info.body].concat();
            self.signalling.send_to(&datagram, self.peer)?;
        }
        Ok(())
    }

    /// Lets the leg end what has run out.
    pub fn tick(&mut self) -> Outcome<()> {
        let now = now()?;
        if self.leg.poll_timeout().is_some_and(|due| due <= now) {
            self.with(|leg, host| leg.handle_timeout(host))?;
        }
        Ok(())
    }
}

/// The status, if a datagram is a final response.
fn response(datagram: &[u8]) -> Option<u16> {
    let text = str::from_utf8(datagram).ok().filter(|text| text.len() == 3)?;
    text.parse().ok().filter(|status| (200..700).contains(status))
}
