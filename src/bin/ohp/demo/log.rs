//! The demonstration's transparency log: a third party that both sides reach over loopback TCP, and that keeps its leaves in
//! a folder of its own.
//!
//! One request a connection, one line each way: `append HEX` and `find HEX`, with the hash of a Merkle leaf, are answered
//! with the entry as a trust bundle holds it, or with nothing. Asking takes input and output, so whoever signals a call asks
//! on a thread of its own.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Duration;

use ohp::crypto::ed25519::{SEED_LEN, SigningKey};
use ohp::id::parse_hex;
use ohp::trust::transparency::local::LocalLog;
use ohp::trust::transparency::merkle::Hash;
use serde_json::{Value, json};

use super::random;
use crate::exit::Failure;

/// What `transparency.logId` says in the demonstration.
pub const LOG: &str = "log.example.org/handoffs";

/// Longest wait for either end of a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest line either way: an entry has a proof of a few hashes and a signed checkpoint.
const LINE_LIMIT: u64 = 64 * 1024;

/// The log. Its folder goes with it.
pub struct Log {
    folder: PathBuf,
    address: SocketAddr,
    key: String,
}

impl Log {
    /// Opens a log and begins to serve it.
    pub fn start() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("ohp-demo-log-{}", random::hex::<8>()));
        let key = SigningKey::from_seed(random::bytes::<SEED_LEN>());
        let mut log = LocalLog::open(&folder, LOG, key).map_err(Failure::new)?;
        // It has been in use for a while.
        for _ in 0..5 {
            log.append(&random::bytes()).map_err(Failure::new)?;
        }
        let key = log.verifier_key().unwrap_or_default();
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || serve(&listener, &mut log));
        Ok(Self { folder, address, key })
    }

    /// What each side is told of it.
    pub fn to_json(&self) -> Value {
        json!({ "address": self.address.to_string(), "key": self.key })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // A folder that stays behind in the temporary ones is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Serves one connection after another; nobody waits for the end of it.
fn serve(listener: &TcpListener, log: &mut LocalLog) {
    let mut places = HashMap::new();
    for stream in listener.incoming().map_while(Result::ok) {
        let _ = answer(stream, log, &mut places);
    }
}

fn answer(mut stream: TcpStream, log: &mut LocalLog, places: &mut HashMap<Hash, u64>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new((&stream).take(LINE_LIMIT)).read_line(&mut line)?;
    let entry = match line.trim_end().split_once(' ') {
        Some(("append", leaf)) => parse_hex(leaf).and_then(|leaf| {
            let entry = log.append(&leaf).ok()?;
            places.insert(leaf, entry.index);
            Some(entry)
        }),
        Some(("find", leaf)) => parse_hex(leaf)
            .and_then(|leaf: Hash| places.get(&leaf))
            .and_then(|index| log.entry(*index).ok()),
        _ => None,
    };
    let line = entry.map_or_else(String::new, |entry| entry.to_json());
    stream.write_all(format!("{line}\n").as_bytes())
}

/// A log as one side knows it.
#[derive(Clone)]
pub struct LogAt {
    address: SocketAddr,
    key: String,
}

impl LogAt {
    /// Reads what [`Log::to_json`] wrote.
    pub fn read(told: &Value) -> Option<Self> {
        Some(Self {
            address: told["address"].as_str()?.parse().ok()?,
            key: told["key"].as_str()?.to_owned(),
        })
    }

    /// Appends a leaf, on a thread of its own.
    pub fn append(&self, leaf: &Hash) -> Asked {
        self.ask("append", leaf)
    }

    /// Looks a leaf up, on a thread of its own.
    pub fn find(&self, leaf: &Hash) -> Asked {
        self.ask("find", leaf)
    }

    /// The member `logs` of a trust bundle that believes this log, with the entry of the envelope of that leaf hash.
    pub fn to_bundle(&self, leaf_hash: &str, entry: &Value) -> Value {
        json!({ (LOG): { "checkpointKeys": [self.key], "entries": { (leaf_hash): entry } } })
    }

    fn ask(&self, what: &str, leaf: &Hash) -> Asked {
        let hex: String = leaf.iter().map(|byte| format!("{byte:02x}")).collect();
        let (address, line) = (self.address, format!("{what} {hex}\n"));
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            // Whoever asked may be gone.
            let _ = sender.send(exchange(address, &line));
        });
        Asked(receiver)
    }
}

fn exchange(address: SocketAddr, line: &str) -> Option<Value> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(line.as_bytes()).ok()?;
    let mut answer = String::new();
    BufReader::new(stream.take(LINE_LIMIT)).read_line(&mut answer).ok()?;
    serde_json::from_str(&answer).ok()
}

/// A question that has been asked.
pub struct Asked(Receiver<Option<Value>>);

impl Asked {
    /// The answer, once it is there: the entry, or that there is none.
    pub fn poll(&self) -> Option<Option<Value>> {
        match self.0.try_recv() {
            Ok(entry) => Some(entry),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(None),
        }
    }
}
