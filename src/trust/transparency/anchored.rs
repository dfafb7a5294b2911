//! What a log gives for a leaf, whichever log it is: the leaf's place, and what proves it.

use std::string::String;
use std::vec::Vec;

use base64ct::{Base64, Encoding as _};

use super::merkle::Hash;
use crate::cbor::json::quote;

/// A leaf's place in a log, with what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// The leaf's number, from 0.
    pub index: u64,
    /// How many leaves the tree of the proof has.
    pub tree_size: u64,
    /// The inclusion path, lowest node first.
    pub proof: Vec<Hash>,
    /// The signed note of that tree.
    pub checkpoint: String,
    /// The log's own entry about the envelope, where that is the leaf and not the envelope's surface
    /// ([`super::rekor`]).
    pub body: Option<Vec<u8>>,
}

impl Anchored {
    /// The JSON object that a trust bundle lists under `logs.….entries`, by the envelope's `leafHash`.
    pub fn to_json(&self) -> String {
        let proof: Vec<String> = self.proof.iter().map(|hash| Base64::encode_string(hash)).collect();
        let mut json = std::format!(r#"{{"index":{},"treeSize":{},"proof":["#, self.index, self.tree_size);
        for (nth, hash) in proof.iter().enumerate() {
            json.push_str(if nth == 0 { "\"" } else { ",\"" });
            json.push_str(hash);
            json.push('"');
        }
        json.push_str(r#"],"checkpoint":"#);
        // INVARIANT: writing to a string does not fail.
        let _ = quote(&mut json, &self.checkpoint);
        if let Some(body) = &self.body {
            json.push_str(r#","body":""#);
            json.push_str(&Base64::encode_string(body));
            json.push('"');
        }
        json.push('}');
        json
    }
}
