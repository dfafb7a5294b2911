//! A small SIP user agent over UDP: calls in and out, INFO in both directions, RTP beside them, all in one thread.
//!
//! It knows nothing of handoffs: it carries INFO bodies and RTP packets and says what happened. It is the
//! demonstration's stand-in for a PBX's stack and does as much of RFC 3261 as a call over a lossy loopback needs; no
//! authentication, no proxies, no re-INVITE.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::dialog::{Dialog, DialogId, State};
use super::link::{DATAGRAM, Link, Tally, Weather};
use super::message::{self, Message, Start};
use super::random;
use super::sdp;
use super::spoken::Spoken;
use super::transaction::{Client, Due, LIFETIME, Resend, Server, T2};

/// Sockets are tried until one has an even port, as RTP has by custom (RFC 3550 §11).
const EVEN_PORT_TRIES: usize = 32;

/// The status of a request that belongs to no dialog, or to one that is over (RFC 3261 §21.4.19).
const NO_DIALOG: u16 = 481;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// Somebody calls; answer with [`UserAgent::accept`] or [`UserAgent::refuse`].
    Invited {
        dialog: DialogId,
        offer: Vec<u8>,
        /// The dialog of ours that the new one is to replace (RFC 3891).
        replaces: Option<DialogId>,
    },
    /// The call stands. The answer is empty on the side that was called.
    Confirmed { dialog: DialogId, answer: Vec<u8> },
    /// The call did not come about.
    Failed { dialog: DialogId, status: u16 },
    /// An INFO came; answer with [`UserAgent::respond`].
    Info { dialog: DialogId, request: Message },
    /// An INFO of ours has its final response (408 if nobody answered, 481 if the call ended before).
    InfoDone { dialog: DialogId, status: u16 },
    /// An RTP packet came.
    Rtp { dialog: DialogId, packet: Vec<u8> },
    /// The call is over; `by_peer` if the other side said BYE.
    Ended { dialog: DialogId, by_peer: bool },
}

/// The user agent.
pub struct UserAgent {
    name: String,
    spoken: Spoken,
    sip: Link,
    at: SocketAddr,
    weather: Weather,
    dialogs: Vec<Dialog>,
    clients: Vec<Client>,
    servers: Vec<Server>,
    events: VecDeque<Event>,
    buffer: Vec<u8>,
}

impl UserAgent {
    /// A user agent called `name`, listening at `address`, whose calls are to speak `spoken`.
    pub fn bind(name: &str, address: SocketAddr, spoken: Spoken, weather: Weather) -> io::Result<Self> {
        let sip = Link::bind(address, weather, 0)?;
        Ok(Self {
            name: name.to_owned(),
            spoken,
            at: sip.address()?,
            sip,
            weather,
            dialogs: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            events: VecDeque::new(),
            buffer: vec![0; DATAGRAM],
        })
    }

    /// Where it listens for SIP.
    pub fn address(&self) -> SocketAddr {
        self.at
    }

    /// The dialog's Call-ID.
    pub fn call_id(&self, dialog: DialogId) -> &str {
        &self.dialogs[dialog.0].call_id
    }

    /// What the weather did to everything sent so far.
    pub fn tally(&self) -> Tally {
        let mut sum = self.sip.tally();
        for dialog in &self.dialogs {
            let tally = dialog.media.tally();
            sum.sent += tally.sent;
            sum.lost += tally.lost;
            sum.held += tally.held;
        }
        sum
    }

    /// Whether requests or responses of ours still wait for an answer.
    pub fn is_busy(&self) -> bool {
        !self.clients.is_empty() || self.dialogs.iter().any(|dialog| dialog.unacknowledged.is_some())
    }

    /// Calls `peer`. With `replaces`, the new call is to take that dialog's place (RFC 3891).
    pub fn invite(&mut self, now: Instant, peer: SocketAddr, replaces: Option<DialogId>) -> io::Result<DialogId> {
        let call_id = format!("{}@{}", random::hex::<8>(), self.at.ip());
        let id = self.begin(call_id, format!("<sip:ohp@{peer}>"), format!("sip:ohp@{peer}"), peer)?;
        let replaces = replaces.map(|old| {
            let old = &self.dialogs[old.0];
            let remote_tag = old.remote_tag.as_deref().unwrap_or_default();
            format!("{};to-tag={remote_tag};from-tag={}", old.call_id, old.local_tag)
        });
        let sdp = self.description(id)?;
        let dialog = &mut self.dialogs[id.0];
        let (branch, written) = dialog.next_request("INVITE", self.at);
        dialog.invite_cseq = dialog.local_cseq;
        if let Some(wire) = message::text_request(&written.head(), &sdp, replaces.as_deref()) {
            self.start(now, id, "INVITE", branch, wire);
        }
        Ok(id)
    }

    /// Takes a call that [`Event::Invited`] announced; gives the answer's SDP.
    pub fn accept(&mut self, now: Instant, id: DialogId) -> io::Result<String> {
        let sdp = self.description(id)?;
        self.answer_invite(now, id, 200, &sdp);
        Ok(sdp)
    }

    /// Refuses a call that [`Event::Invited`] announced.
    pub fn refuse(&mut self, now: Instant, id: DialogId, status: u16) {
        self.answer_invite(now, id, status, "");
        self.dialogs[id.0].state = State::Ending;
    }

    /// Sends an INFO, after those before it have been answered. `lines` are header lines, each with its CRLF.
    pub fn send_info(&mut self, now: Instant, id: DialogId, lines: &str, body: &[u8]) {
        self.dialogs[id.0].waiting.push_back((lines.to_owned(), body.to_vec()));
        self.next_info(now, id);
    }

    /// Whether an INFO of ours waits for its answer in a dialog.
    pub fn has_info_outstanding(&self, id: DialogId) -> bool {
        self.dialogs[id.0].info_outstanding
    }

    /// Answers an INFO that [`Event::Info`] brought.
    pub fn respond(&mut self, now: Instant, id: DialogId, request: &Message, status: u16) {
        let tag = self.dialogs[id.0].local_tag.clone();
        self.answer(now, request, status, &tag, "");
    }

    /// Hangs up, if the call stands.
    pub fn bye(&mut self, now: Instant, id: DialogId) {
        let dialog = &mut self.dialogs[id.0];
        if dialog.state != State::Confirmed {
            return;
        }
        dialog.state = State::Ending;
        dialog.waiting.clear();
        let (branch, written) = dialog.next_request("BYE", self.at);
        if let Some(wire) = message::text_request(&written.head(), "", None) {
            self.start(now, id, "BYE", branch, wire);
        }
    }

    /// Sends an RTP packet to where the peer wants it; into the void while that is unknown.
    pub fn send_rtp(&mut self, now: Instant, id: DialogId, packet: &[u8]) {
        let dialog = &mut self.dialogs[id.0];
        if let (Some(to), State::Early | State::Confirmed) = (dialog.remote_media, dialog.state) {
            dialog.media.send(now, packet, to);
        }
    }

    /// Receives what has arrived, and sends what is due.
    pub fn step(&mut self, now: Instant) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut messages = Vec::new();
        while let Some((datagram, from)) = self.sip.receive(&mut buffer) {
            messages.extend(Message::read(datagram).map(|message| (message, from)));
        }
        // Sound first: what was sent before an INFO is heard before it.
        for (index, dialog) in self.dialogs.iter_mut().enumerate() {
            while let Some((packet, _)) = dialog.media.receive(&mut buffer) {
                if matches!(dialog.state, State::Early | State::Confirmed) {
                    self.events.push_back(Event::Rtp {
                        dialog: DialogId(index),
                        packet: packet.to_vec(),
                    });
                }
            }
            dialog.media.flush(now);
        }
        for (message, from) in messages {
            self.receive(now, message, from);
        }
        self.buffer = buffer;
        self.resend(now);
        self.sip.flush(now);
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn begin(&mut self, call_id: String, remote: String, target: String, peer: SocketAddr) -> io::Result<DialogId> {
        let id = DialogId(self.dialogs.len());
        let mut media = Link::bind(SocketAddr::new(self.at.ip(), 0), self.weather, id.0 as u64 + 1)?;
        for _ in 0..EVEN_PORT_TRIES {
            if media.address()?.port() % 2 == 0 {
                break;
            }
            media = Link::bind(SocketAddr::new(self.at.ip(), 0), self.weather, id.0 as u64 + 1)?;
        }
        self.dialogs.push(Dialog {
            state: State::Early,
            call_id,
            local_tag: random::hex::<6>(),
            remote_tag: None,
            local: format!("\"{}\" <sip:ohp@{}>", self.name, self.at),
            remote,
            target,
            peer,
            local_cseq: 0,
            remote_cseq: 0,
            invite_cseq: 0,
            ack: None,
            unacknowledged: None,
            invite: None,
            waiting: VecDeque::new(),
            info_outstanding: false,
            media,
            remote_media: None,
        });
        Ok(id)
    }

    /// What this side offers or answers in a dialog.
    pub fn description(&self, id: DialogId) -> io::Result<String> {
        Ok(sdp::description(
            &self.name,
            self.spoken,
            self.dialogs[id.0].media.address()?,
        ))
    }

    fn start(&mut self, now: Instant, dialog: DialogId, method: &'static str, branch: String, wire: Vec<u8>) {
        let peer = self.dialogs[dialog.0].peer;
        self.sip.send(now, &wire, peer);
        let longest = if method == "INVITE" { LIFETIME } else { T2 };
        let resend = Resend::new(now, wire, peer, longest);
        self.clients.push(Client {
            branch,
            method,
            dialog,
            resend,
        });
    }

    fn next_info(&mut self, now: Instant, id: DialogId) {
        let dialog = &mut self.dialogs[id.0];
        if dialog.info_outstanding {
            return;
        }
        let Some((lines, body)) = dialog.waiting.pop_front() else {
            return;
        };
        dialog.info_outstanding = true;
        let (branch, written) = dialog.next_request("INFO", self.at);
        let wire = message::info_request(&written.head(), &lines, &body);
        self.start(now, id, "INFO", branch, wire);
    }

    fn answer_invite(&mut self, now: Instant, id: DialogId, status: u16, sdp: &str) {
        let Some(invite) = self.dialogs[id.0].invite.clone() else {
            return;
        };
        let (tag, peer) = (self.dialogs[id.0].local_tag.clone(), self.dialogs[id.0].peer);
        if let Some(wire) = self.answer(now, &invite, status, &tag, sdp) {
            self.dialogs[id.0].unacknowledged = Some(Resend::new(now, wire, peer, T2));
        }
    }

    /// Sends a response and keeps it for the request's retransmissions.
    fn answer(&mut self, now: Instant, request: &Message, status: u16, tag: &str, sdp: &str) -> Option<Vec<u8>> {
        let key = transaction_key(request)?;
        let server = self.servers.iter_mut().find(|server| server.key == key)?;
        let wire = message::response(request, status, tag, &format!("<sip:ohp@{}>", self.at), sdp)?;
        self.sip.send(now, &wire, server.to);
        server.response = Some(wire.clone());
        Some(wire)
    }

    fn receive(&mut self, now: Instant, message: Message, from: SocketAddr) {
        match message.start.clone() {
            Start::Response(status) => self.on_response(now, status, message),
            Start::Request(method) if method == "ACK" => self.on_ack(&message),
            Start::Request(method) => {
                let Some(key) = transaction_key(&message) else { return };
                if let Some(server) = self.servers.iter().find(|server| server.key == key) {
                    if let Some(response) = &server.response {
                        self.sip.send(now, response, server.to);
                    }
                    return;
                }
                self.servers.push(Server {
                    key,
                    response: None,
                    to: from,
                    until: now + LIFETIME,
                });
                self.on_request(now, &method, message, from);
            }
        }
    }

    fn on_request(&mut self, now: Instant, method: &str, request: Message, from: SocketAddr) {
        let known = self.dialog_of(&request);
        match (method, known) {
            ("INVITE", None) if request.tag_in_to().is_none() => self.on_invite(now, request, from),
            ("INVITE", Some(_)) => {
                self.answer(now, &request, 488, "", "");
            }
            ("OPTIONS", _) => {
                self.answer(now, &request, 200, &random::hex::<6>(), "");
            }
            ("INFO" | "BYE", Some(id)) => {
                let cseq = request.cseq().map_or(0, |(number, _)| number);
                let dialog = &mut self.dialogs[id.0];
                if cseq < dialog.remote_cseq {
                    self.answer(now, &request, 500, "", "");
                    return;
                }
                dialog.remote_cseq = cseq;
                if dialog.state == State::Early && dialog.unacknowledged.is_some() {
                    self.confirm(id);
                }
                if method == "INFO" {
                    self.events.push_back(Event::Info { dialog: id, request });
                } else {
                    self.answer(now, &request, 200, "", "");
                    self.end(id, true);
                }
            }
            ("INFO" | "BYE" | "INVITE", None) => {
                self.answer(now, &request, NO_DIALOG, &random::hex::<6>(), "");
            }
            _ => {
                self.answer(now, &request, 501, &random::hex::<6>(), "");
            }
        }
    }

    fn on_invite(&mut self, now: Instant, request: Message, from: SocketAddr) {
        let (Some(call_id), Some(tag)) = (request.call_id(), request.tag_in_from()) else {
            return;
        };
        let remote = request.header("From", "f").unwrap_or_default();
        let remote = remote.split(";tag=").next().unwrap_or_default().to_owned();
        let target = request.contact().unwrap_or_else(|| format!("sip:{from}"));
        let Ok(id) = self.begin(call_id.to_owned(), remote, target, from) else {
            self.answer(now, &request, 503, &random::hex::<6>(), "");
            return;
        };
        let replaces = request.replaces().and_then(|(call_id, local_tag, remote_tag)| {
            self.dialogs.iter().position(|dialog| {
                dialog.state == State::Confirmed
                    && dialog.call_id == call_id
                    && dialog.local_tag == local_tag
                    && dialog.remote_tag.as_ref() == Some(&remote_tag)
            })
        });
        let dialog = &mut self.dialogs[id.0];
        dialog.remote_tag = Some(tag);
        dialog.remote_cseq = request.cseq().map_or(0, |(number, _)| number);
        dialog.remote_media = sdp::media_address(&request.body);
        dialog.invite = Some(request.clone());
        let tag = dialog.local_tag.clone();
        self.answer(now, &request, 180, &tag, "");
        self.events.push_back(Event::Invited {
            dialog: id,
            offer: request.body,
            replaces: replaces.map(DialogId),
        });
    }

    fn on_ack(&mut self, ack: &Message) {
        let Some(id) = self.dialog_of(ack) else { return };
        match self.dialogs[id.0].state {
            State::Early => self.confirm(id),
            // The acknowledgement of a refusal.
            State::Ending if self.dialogs[id.0].local_cseq == 0 => {
                self.dialogs[id.0].unacknowledged = None;
                self.dialogs[id.0].state = State::Over;
            }
            _ => self.dialogs[id.0].unacknowledged = None,
        }
    }

    /// The peer has our 200: its ACK says so, and so does any request that came while its ACK was lost.
    fn confirm(&mut self, id: DialogId) {
        let dialog = &mut self.dialogs[id.0];
        dialog.unacknowledged = None;
        dialog.state = State::Confirmed;
        self.events.push_back(Event::Confirmed {
            dialog: id,
            answer: Vec::new(),
        });
    }

    fn on_response(&mut self, now: Instant, status: u16, response: Message) {
        let (Some(branch), Some((_, method))) = (response.branch(), response.cseq()) else {
            return;
        };
        let place = self
            .clients
            .iter()
            .position(|client| client.branch == branch && client.method == method);
        let Some(place) = place else {
            self.acknowledge_again(now, status, &method, &response);
            return;
        };
        if status < 200 {
            if method == "INVITE" {
                self.clients[place].resend.silence();
            }
            return;
        }
        let client = self.clients.remove(place);
        match client.method {
            "INVITE" => self.on_invite_answered(now, &client, status, response),
            "INFO" => self.info_done(now, client.dialog, status),
            _ => self.end(client.dialog, false),
        }
    }

    fn on_invite_answered(&mut self, now: Instant, client: &Client, status: u16, response: Message) {
        let dialog = &mut self.dialogs[client.dialog.0];
        dialog.remote_tag = response.tag_in_to();
        let accepted = status < 300;
        let written = if accepted {
            if let Some(contact) = response.contact() {
                dialog.target = contact;
            }
            dialog.state = State::Confirmed;
            dialog.remote_media = sdp::media_address(&response.body);
            dialog.request("ACK", dialog.invite_cseq, self.at).1
        } else {
            dialog.state = State::Over;
            dialog.request_on("ACK", dialog.invite_cseq, self.at, &client.branch)
        };
        dialog.ack = message::text_request(&written.head(), "", None);
        if let Some(ack) = &dialog.ack {
            self.sip.send(now, ack, dialog.peer);
        }
        self.events.push_back(if accepted {
            Event::Confirmed {
                dialog: client.dialog,
                answer: response.body,
            }
        } else {
            Event::Failed {
                dialog: client.dialog,
                status,
            }
        });
    }

    /// A final response to an INVITE that has one already: our ACK was lost.
    fn acknowledge_again(&mut self, now: Instant, status: u16, method: &str, response: &Message) {
        if method != "INVITE" || status < 200 {
            return;
        }
        let dialog = self.dialogs.iter().find(|dialog| {
            Some(dialog.call_id.as_str()) == response.call_id()
                && Some(&dialog.local_tag) == response.tag_in_from().as_ref()
        });
        if let Some((ack, peer)) = dialog.and_then(|dialog| Some((dialog.ack.as_ref()?, dialog.peer))) {
            self.sip.send(now, ack, peer);
        }
    }

    fn info_done(&mut self, now: Instant, id: DialogId, status: u16) {
        self.dialogs[id.0].info_outstanding = false;
        self.events.push_back(Event::InfoDone { dialog: id, status });
        self.next_info(now, id);
    }

    fn end(&mut self, id: DialogId, by_peer: bool) {
        let dialog = &mut self.dialogs[id.0];
        if dialog.state == State::Over {
            return;
        }
        dialog.state = State::Over;
        dialog.unacknowledged = None;
        dialog.waiting.clear();
        self.clients.retain(|client| client.dialog != id);
        if std::mem::take(&mut dialog.info_outstanding) {
            self.events.push_back(Event::InfoDone {
                dialog: id,
                status: NO_DIALOG,
            });
        }
        self.events.push_back(Event::Ended { dialog: id, by_peer });
    }

    fn resend(&mut self, now: Instant) {
        let mut over = Vec::new();
        for client in &mut self.clients {
            match client.resend.due(now) {
                Due::Again(wire, to) => self.sip.send(now, wire, to),
                Due::Over => over.push((client.dialog, client.method)),
                Due::Nothing => {}
            }
        }
        for (id, method) in over {
            self.clients
                .retain(|client| client.dialog != id || client.method != method);
            match method {
                "INVITE" => {
                    self.dialogs[id.0].state = State::Over;
                    self.events.push_back(Event::Failed {
                        dialog: id,
                        status: 408,
                    });
                }
                "INFO" => self.info_done(now, id, 408),
                _ => self.end(id, false),
            }
        }
        for index in 0..self.dialogs.len() {
            let due = self.dialogs[index]
                .unacknowledged
                .as_mut()
                .map(|resend| resend.due(now));
            match due {
                Some(Due::Again(wire, to)) => self.sip.send(now, wire, to),
                Some(Due::Over) => self.end(DialogId(index), false),
                Some(Due::Nothing) | None => {}
            }
        }
        self.servers.retain(|server| server.until > now);
    }

    fn dialog_of(&self, request: &Message) -> Option<DialogId> {
        let (to_tag, from_tag) = (request.tag_in_to()?, request.tag_in_from());
        let place = self.dialogs.iter().position(|dialog| {
            dialog.state != State::Over
                && Some(dialog.call_id.as_str()) == request.call_id()
                && dialog.local_tag == to_tag
                && dialog.remote_tag == from_tag
        })?;
        Some(DialogId(place))
    }
}

fn transaction_key(request: &Message) -> Option<(String, String)> {
    let Start::Request(method) = &request.start else {
        return None;
    };
    Some((request.branch()?, method.clone()))
}

#[cfg(test)]
mod tests;
