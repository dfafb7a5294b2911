//! A telephone of these tests' own: it calls an Asterisk, sends INFO requests exactly as a test wants them, and keeps what
//! comes back. One thread; whatever arrives is looked at while something is waited for.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ohp::media::codec::Codec;
use ohp::media::tap::{Tap, TapConfig};

use crate::common::Random;
use crate::pbx::PATIENCE;

/// RFC 3261's T1: the first request is sent again after so long, and the next after twice that.
const T1: Duration = Duration::from_millis(500);

/// Codes of µ-law in 20 ms.
const PACKET: usize = 160;

/// A SIP message.
#[derive(Clone, Debug)]
pub struct Message {
    pub line: String,
    pub head: String,
    pub body: Vec<u8>,
}

impl Message {
    fn read(datagram: &[u8]) -> Option<Self> {
        let end = datagram.windows(4).position(|four| four == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&datagram[..end + 2]).ok()?;
        let (line, head) = text.split_once("\r\n")?;
        Some(Self {
            line: line.to_owned(),
            head: head.to_owned(),
            body: datagram[end + 4..].to_vec(),
        })
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        self.line.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    fn lines<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m str> {
        self.head.split("\r\n").filter(move |line| {
            line.split_once(':')
                .is_some_and(|(called, _)| called.trim().eq_ignore_ascii_case(name))
        })
    }

    /// The value of a header line; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        let values = self.head.split("\r\n").filter_map(|line| line.split_once(':'));
        let mut values = values.filter(|(called, _)| called.trim().eq_ignore_ascii_case(name));
        values.next().map_or("", |(_, value)| value.trim())
    }

    fn cseq(&self) -> (u32, &str) {
        let (number, method) = self.get("CSeq").split_once(' ').unwrap_or_default();
        (number.parse().unwrap_or_default(), method.trim())
    }
}

pub struct Phone {
    sip: UdpSocket,
    rtp: UdpSocket,
    pbx: SocketAddr,
    at: SocketAddr,
    pub call_id: String,
    from: String,
    to: String,
    target: String,
    cseq: u32,
    sound_to: Option<SocketAddr>,
    sent: u32,
    random: Random,
    tap: Vec<AtomicU64>,
    infos: VecDeque<Message>,
    /// Whether INFO requests are left without an answer.
    pub is_deaf: bool,
    /// Every INFO that has come, repeated ones as well.
    pub heard: usize,
    pub is_hung_up: bool,
}

/// Tags and branches differ within a run.
fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Phone {
    /// Calls the extension from that loopback address, and waits until the call stands.
    pub fn call(pbx: SocketAddr, from: &str, extension: &str, call_id: &str) -> Self {
        let socket = || UdpSocket::bind((from, 0)).expect("a socket");
        let (sip, rtp) = (socket(), socket());
        let at = sip.local_addr().expect("an address");
        let config = TapConfig {
            codec: Codec::Pcmu,
            seconds: 10,
        };
        let tap: Vec<_> = (0..config.words().expect("a size"))
            .map(|_| AtomicU64::new(0))
            .collect();
        Tap::init(&tap, &config).expect("a tap");
        let mut phone = Self {
            from: format!("<sip:phone@{at}>;tag=p{}", number()),
            to: format!("<sip:{extension}@{pbx}>"),
            target: format!("sip:{extension}@{pbx}"),
            random: Random::new(u64::from(at.port()) << 32 | u64::from(number())),
            call_id: call_id.to_owned(),
            sip,
            rtp,
            pbx,
            at,
            cseq: 0,
            sound_to: None,
            sent: 0,
            tap,
            infos: VecDeque::new(),
            is_deaf: false,
            heard: 0,
            is_hung_up: false,
        };
        let answer = phone.invite("sendrecv");
        assert_eq!(answer.status(), Some(200), "{answer:?}");
        phone
    }

    /// INVITEs, or re-INVITEs, with µ-law in that direction; the final response.
    pub fn invite(&mut self, direction: &str) -> Message {
        let port = self.rtp.local_addr().expect("an address").port();
        let ip = self.at.ip();
        let sdp = format!(
            "v=0\r\no=phone 1 {} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n\
             a=rtpmap:0 PCMU/8000\r\na={direction}\r\n",
            self.cseq + 1,
        );
        let answer = self.request(
            "INVITE",
            "Content-Type: application/sdp\r\nRecv-Info: ohp\r\n",
            sdp.as_bytes(),
        );
        let ack = self.written("ACK", answer.cseq().0, "", b"");
        self.send(&ack);
        let sdp = String::from_utf8_lossy(&answer.body).into_owned();
        let port = sdp
            .lines()
            .find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()?.parse().ok());
        self.sound_to = port.map(|port: u16| SocketAddr::new(self.pbx.ip(), port));
        answer
    }

    /// A request in this dialog as bytes.
    fn written(&self, method: &str, cseq: u32, lines: &str, body: &[u8]) -> Vec<u8> {
        let Self {
            target,
            at,
            from,
            to,
            call_id,
            ..
        } = self;
        let mut bytes = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{}\r\nMax-Forwards: 70\r\nFrom: {from}\r\n\
             To: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:phone@{at}>\r\n{lines}\
             Content-Length: {}\r\n\r\n",
            number(),
            body.len()
        )
        .into_bytes();
        bytes.extend(body);
        bytes
    }

    /// The next request of this dialog, not yet sent.
    pub fn prepare(&mut self, method: &str, lines: &str, body: &[u8]) -> Vec<u8> {
        self.cseq += 1;
        self.written(method, self.cseq, lines, body)
    }

    pub fn send(&self, bytes: &[u8]) {
        self.sip.send_to(bytes, self.pbx).expect("it is sent");
    }

    /// Sends a request, again until it is answered; the final response.
    pub fn request(&mut self, method: &str, lines: &str, body: &[u8]) -> Message {
        let bytes = self.prepare(method, lines, body);
        self.send(&bytes);
        self.answer_to(&bytes)
    }

    /// Waits for the final response to the last request, which is sent again meanwhile.
    pub fn answer_to(&mut self, bytes: &[u8]) -> Message {
        let answer = self.answer_within(bytes, PATIENCE);
        answer.unwrap_or_else(|| panic!("no answer to {}", String::from_utf8_lossy(bytes)))
    }

    /// The same; `None` if nothing has come in that time.
    pub fn answer_within(&mut self, bytes: &[u8], time: Duration) -> Option<Message> {
        let end = Instant::now() + time;
        let (mut wait, mut again) = (T1, Instant::now() + T1);
        loop {
            match self.receive(again.min(end)) {
                Some(message) => {
                    let is_ours = message.cseq().0 == self.cseq && message.status().is_some_and(|status| status >= 200);
                    if is_ours {
                        self.learn(&message);
                        return Some(message);
                    }
                    if message.cseq().0 == self.cseq && message.status().is_some() {
                        again = end;
                    }
                }
                None if Instant::now() >= end => return None,
                None => {
                    self.send(bytes);
                    wait *= 2;
                    again = Instant::now() + wait;
                }
            }
        }
    }

    /// Takes the dialog's other half from the answer to the INVITE.
    fn learn(&mut self, answer: &Message) {
        if answer.cseq().1 == "INVITE" && answer.status() == Some(200) {
            self.to = answer.get("To").to_owned();
            let contact = answer.get("Contact");
            let uri = contact.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
            self.target = uri.map_or(contact, |(uri, _)| uri).to_owned();
        }
    }

    /// One response that has come by then. Requests are answered and kept.
    fn receive(&mut self, until: Instant) -> Option<Message> {
        let mut buffer = [0; 65_536];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.sip.set_read_timeout(Some(left)).expect("a time limit");
            let Ok((len, _)) = self.sip.recv_from(&mut buffer) else {
                continue;
            };
            let Some(message) = Message::read(&buffer[..len]) else {
                continue;
            };
            if message.status().is_some() {
                return Some(message);
            }
            self.take(message);
        }
    }

    fn take(&mut self, request: Message) {
        let method = request.line.split(' ').next().unwrap_or_default();
        match method {
            "INFO" => {
                self.heard += 1;
                if self.is_deaf {
                    return;
                }
                if self.infos.iter().all(|known| known.cseq() != request.cseq()) {
                    self.infos.push_back(request.clone());
                }
            }
            "BYE" => self.is_hung_up = true,
            "ACK" => return,
            _ => {}
        }
        let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for line in request.lines(name) {
                answer += &format!("{line}\r\n");
            }
        }
        self.send(format!("{answer}Content-Length: 0\r\n\r\n").as_bytes());
    }

    /// Looks at what comes for that long.
    pub fn listen(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while self.receive(end).is_some() {}
    }

    /// The next INFO; it has been answered with 200.
    pub fn next_info(&mut self) -> Message {
        let end = Instant::now() + PATIENCE;
        while self.infos.is_empty() {
            assert!(Instant::now() < end, "no INFO comes");
            self.listen(Duration::from_millis(20));
        }
        self.infos.pop_front().expect("there is one")
    }

    /// INFO requests that have come and were not taken.
    pub fn infos(&self) -> usize {
        self.infos.len()
    }

    /// Says so many packets of a sound that never repeats, in real time.
    pub fn talk(&mut self, packets: u32) {
        let tap = Tap::attach(&self.tap).expect("a tap");
        let to = self.sound_to.expect("the call stands");
        for _ in 0..packets {
            let mut packet = [0; 12 + PACKET];
            packet[0] = 0x80;
            packet[2..4].copy_from_slice(&(self.sent as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(self.sent * PACKET as u32).to_be_bytes());
            packet[8..12].copy_from_slice(&u32::from(self.at.port()).to_be_bytes());
            packet[12..]
                .iter_mut()
                .for_each(|byte| *byte = self.random.next() as u8);
            tap.write_rtp(&packet);
            self.rtp.send_to(&packet, to).expect("it is sent");
            self.sent += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Likewise; whether some of it comes back.
    pub fn talk_and_hear(&mut self, packets: u32) -> bool {
        self.rtp.set_nonblocking(true).expect("a socket");
        let mut buffer = [0; 2_048];
        while self.rtp.recv(&mut buffer).is_ok() {}
        self.talk(packets);
        self.rtp.recv(&mut buffer).is_ok()
    }

    /// The fingerprint of what was said last.
    pub fn fingerprint(&self) -> String {
        let tap = Tap::attach(&self.tap).expect("a tap");
        let sample = ohp::media::exact::newest(&tap).expect("usable sound");
        String::from_utf8(sample.fingerprint.to_text().to_vec()).expect("text")
    }

    pub fn random_byte(&mut self) -> u8 {
        self.random.next() as u8
    }

    pub fn hang_up(mut self) {
        let answer = self.request("BYE", "", b"");
        assert_eq!(answer.status(), Some(200), "{answer:?}");
    }
}
