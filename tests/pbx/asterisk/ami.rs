//! A connection to Asterisk's manager interface: what the dialplan has come to is read there.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// One message: its fields in their order.
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<(String, String)>);

impl Message {
    /// The first field of that name; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every field of that name.
    pub fn all<'m>(&'m self, name: &str) -> impl Iterator<Item = &'m str> {
        self.0
            .iter()
            .filter(move |(called, _)| called.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether it is the user event `name`.
    pub fn is_user_event(&self, name: &str) -> bool {
        self.get("Event") == "UserEvent" && self.get("UserEvent") == name
    }
}

pub struct Ami {
    stream: TcpStream,
    messages: Receiver<Message>,
    /// Events that came while something else was waited for, and those that have been looked at.
    events: Vec<Message>,
    asked: u64,
}

impl Ami {
    /// Connects and logs in, as soon as Asterisk listens.
    pub fn connect(port: u16, secret: &str, end: Instant) -> Option<Self> {
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
                Err(_) => return None,
            }
        };
        let reader = BufReader::new(stream.try_clone().ok()?);
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            let mut message = Message::default();
            for line in reader.lines().map_while(Result::ok) {
                if !line.trim_end().is_empty() {
                    let (name, value) = line.split_once(':').unwrap_or(("", &line));
                    message.0.push((name.to_owned(), value.trim().to_owned()));
                } else if sender.send(std::mem::take(&mut message)).is_err() {
                    break;
                }
            }
        });
        let mut ami = Self {
            stream,
            messages,
            events: Vec::new(),
            asked: 0,
        };
        let login = ami.ask("Login", &[("Username", "test"), ("Secret", secret)], end)?;
        assert_eq!(login.get("Response"), "Success", "{login:?}");
        // Modules are loaded after the manager listens.
        ami.event(end, |event| event.get("Event") == "FullyBooted")?;
        Some(ami)
    }

    /// Asks for something and gives the response.
    pub fn ask(&mut self, action: &str, fields: &[(&str, &str)], end: Instant) -> Option<Message> {
        self.asked += 1;
        let id = self.asked.to_string();
        let mut text = format!("Action: {action}\r\nActionID: {id}\r\n");
        for (name, value) in fields {
            text += &format!("{name}: {value}\r\n");
        }
        self.stream.write_all(format!("{text}\r\n").as_bytes()).ok()?;
        loop {
            let message = self.receive(end)?;
            if message.get("Response").is_empty() {
                self.events.push(message);
            } else if message.get("ActionID") == id {
                return Some(message);
            }
        }
    }

    fn receive(&mut self, end: Instant) -> Option<Message> {
        let left = end.saturating_duration_since(Instant::now());
        self.messages.recv_timeout(left).ok()
    }

    /// The next event that is wanted, taken out of those that have come; the others stay.
    pub fn event(&mut self, end: Instant, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        let mut looked_at = 0;
        loop {
            if let Some(index) = self.events[looked_at..].iter().position(&wanted) {
                return Some(self.events.remove(looked_at + index));
            }
            looked_at = self.events.len();
            let message = self.receive(end)?;
            self.events.push(message);
        }
    }

    /// All events that have come and were not taken.
    pub fn events(&mut self) -> &[Message] {
        while let Ok(message) = self.messages.try_recv() {
            self.events.push(message);
        }
        &self.events
    }

    /// Forgets the events that have come.
    pub fn forget_events(&mut self) {
        self.events();
        self.events.clear();
    }
}
