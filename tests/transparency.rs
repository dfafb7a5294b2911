//! Transparency logs: proofs, signed notes, checkpoints, an envelope's entry, and the log in a folder; against third-party
//! suites and against those who would rewrite a log.

#[path = "suite/mod.rs"]
mod suite;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding as _};
use ohp::crypto::ed25519::SigningKey;
use ohp::trust::bundle::{Log, LogEntry};
use ohp::trust::transparency::anchor::{self, AnchorError};
use ohp::trust::transparency::anchored::Anchored;
use ohp::trust::transparency::checkpoint::Checkpoint;
use ohp::trust::transparency::local::{LocalLog, LogError};
use ohp::trust::transparency::merkle::{self, Hash, ProofError};
use ohp::trust::transparency::note::{self, NoteError, VerifierKey};
use suite::{Exception, Suite};

const ORIGIN: &str = "log.example/handoffs";

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

fn hash(text: &serde_json::Value) -> Option<Hash> {
    let mut bytes = [0; 32];
    let decoded = Base64::decode(text.as_str()?, &mut bytes).ok()?;
    (decoded.len() == 32).then_some(bytes)
}

fn proof(list: &serde_json::Value) -> Option<Vec<Hash>> {
    list.as_array()
        .map_or(Some(Vec::new()), |list| list.iter().map(hash).collect())
}

const NO_HASHES: &[Exception] = &[Exception {
    outcome: "false for true",
    reason: "the roots are texts of twelve bytes, and a hash is 32 bytes by its type here",
    cases: &["additional/sizes-are-equal-one-and-proof-is-empty.json"],
}];

/// Judges the cases of a suite of proofs; a hash of another length cannot even be said to this library.
fn judge(name: &'static str, exceptions: &[&[Exception]], holds: impl Fn(&serde_json::Value) -> Option<bool>) {
    let Some(mut suite) = Suite::open(name, exceptions) else {
        return;
    };
    for (case, bytes) in suite.files(&[".json"]) {
        let json: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        let wanted = json["wantErr"] != true;
        let outcome = holds(&json).unwrap_or(false);
        suite.case(&case, suite::same(&outcome, &wanted));
    }
    suite.end();
}

#[test]
fn inclusion_proofs_of_the_suite() {
    judge("merkle-inclusion", &[], |case| {
        let (index, size) = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
        let (leaf, root) = (hash(&case["leafHash"])?, hash(&case["root"])?);
        Some(merkle::verify_inclusion(&leaf, index, size, &proof(&case["proof"])?, &root).is_ok())
    });
}

#[test]
fn consistency_proofs_of_the_suite() {
    judge("merkle-consistency", &[NO_HASHES], |case| {
        let earlier = (case["size1"].as_u64()?, &hash(&case["root1"])?);
        let later = (case["size2"].as_u64()?, &hash(&case["root2"])?);
        Some(merkle::verify_consistency(earlier, later, &proof(&case["proof"])?).is_ok())
    });
}

/// A folder of its own for each test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("transparency")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn leaf(number: u64) -> Hash {
    merkle::leaf_hash(&[b"envelope ", &number.to_be_bytes()])
}

/// A bundle's entry, as one that has been anchored is written down.
fn in_bundle(log: &LocalLog, anchored: &Anchored) -> (Log, LogEntry) {
    let entry = LogEntry {
        leaf_hash: [0; 32],
        index: anchored.index,
        tree_size: anchored.tree_size,
        proof: anchored.proof.clone().into(),
        checkpoint: anchored.checkpoint.as_str().into(),
        body: None,
    };
    let keys = vec![log.verifier_key().expect("a name").into()];
    (Log::new(keys.into(), Box::new([])).expect("sorted"), entry)
}

#[test]
fn every_tree_of_seventy_leaves_proves_each_of_its_leaves_and_continues_each_before_it() {
    let mut log = LocalLog::open(&folder("seventy"), ORIGIN, key()).expect("a log");
    let mut roots = vec![merkle::empty_root()];
    for number in 0..70 {
        let anchored = log.append(&leaf(number)).expect("appended");
        assert_eq!((anchored.index, anchored.tree_size), (number, number + 1));
        let root = log.root(number + 1).expect("a root");
        roots.push(root);
        for each in 0..=number {
            let entry = log.entry(each).expect("an entry");
            assert_eq!(
                merkle::verify_inclusion(&leaf(each), each, number + 1, &entry.proof, &root),
                Ok(())
            );
        }
        for earlier in 0..=number + 1 {
            let proof = log.consistency(earlier).expect("a proof");
            let before = (earlier, &roots[usize::try_from(earlier).expect("small")]);
            assert_eq!(merkle::verify_consistency(before, (number + 1, &root), &proof), Ok(()));
        }
        let (known, entry) = in_bundle(&log, &anchored);
        assert_eq!(anchor::verify(&known, &entry, &leaf(number)), Ok(()));
    }
    log.verify().expect("all nodes");
}

#[test]
fn entry_of_other_content_or_another_tree_proves_nothing() {
    let mut log = LocalLog::open(&folder("attacks"), ORIGIN, key()).expect("a log");
    for number in 0..9 {
        log.append(&leaf(number)).expect("appended");
    }
    let anchored = log.entry(4).expect("an entry");
    let (known, entry) = in_bundle(&log, &anchored);
    let other_root = Err(AnchorError::Proof(ProofError::OtherRoot));
    assert_eq!(anchor::verify(&known, &entry, &leaf(5)), other_root);

    let changed = |change: &dyn Fn(&mut Anchored)| {
        let mut anchored = anchored.clone();
        change(&mut anchored);
        anchor::verify(&known, &in_bundle(&log, &anchored).1, &leaf(4))
    };
    assert_eq!(changed(&|_| ()), Ok(()));
    assert_eq!(changed(&|entry| entry.tree_size = 8), Err(AnchorError::OtherSize(9, 8)));
    assert_eq!(
        changed(&|entry| entry.index = 9),
        Err(AnchorError::Proof(ProofError::IndexOutsideTree))
    );
    assert_eq!(changed(&|entry| entry.index = 3), other_root);
    assert_eq!(
        changed(&|entry| entry.proof.truncate(2)),
        Err(AnchorError::Proof(ProofError::Length))
    );
}

#[test]
fn checkpoint_without_signature_or_with_anothers_proves_nothing() {
    let mut log = LocalLog::open(&folder("unsigned"), ORIGIN, key()).expect("a log");
    for number in 0..9 {
        log.append(&leaf(number)).expect("appended");
    }
    let anchored = log.entry(4).expect("an entry");
    let known = in_bundle(&log, &anchored).0;
    let changed = |change: &dyn Fn(&mut Anchored)| {
        let mut anchored = anchored.clone();
        change(&mut anchored);
        anchor::verify(&known, &in_bundle(&log, &anchored).1, &leaf(4))
    };
    assert_eq!(changed(&|_| ()), Ok(()));
    let text = anchored.checkpoint.split("\n\n").next().expect("a text").to_owned();
    assert_eq!(
        changed(&|entry| entry.checkpoint = format!("{text}\n")),
        Err(AnchorError::Note(NoteError::Form))
    );
    assert_eq!(
        changed(&|entry| entry.checkpoint = format!("{text}\n\n")),
        Err(AnchorError::Note(NoteError::Form))
    );
    let mut forged = String::new();
    note::sign(
        &format!("{text}\n"),
        ORIGIN,
        &SigningKey::from_seed([8; 32]),
        &mut forged,
    )
    .expect("a note");
    assert_eq!(
        changed(&|entry| entry.checkpoint.clone_from(&forged)),
        Err(AnchorError::Note(NoteError::NotSigned))
    );
    assert_eq!(
        changed(&|entry| entry.checkpoint = entry.checkpoint.replace("\n9\n", "\n8\n")),
        Err(AnchorError::Note(NoteError::Signature))
    );
}

#[test]
fn witness_does_not_sign_for_the_log() {
    let witness = SigningKey::from_seed([9; 32]);
    let mut log = LocalLog::open(&folder("witness"), ORIGIN, key()).expect("a log");
    let anchored = log.append(&leaf(0)).expect("appended");
    let text = anchored.checkpoint.split("\n\n").next().expect("a text").to_owned() + "\n";
    let mut note = String::new();
    note::sign(&text, "witness.example", &witness, &mut note).expect("a note");
    let keys: Vec<Box<str>> = vec![
        log.verifier_key().expect("a name").into(),
        format!(
            "{}",
            VerifierKey::new("witness.example", witness.public()).expect("a name")
        )
        .into(),
    ];
    let known = Log::new(keys.into(), Box::new([])).expect("sorted");
    let by_witness = Anchored {
        checkpoint: note,
        ..anchored.clone()
    };
    let entry = in_bundle(&log, &by_witness).1;
    assert_eq!(
        anchor::verify(&known, &entry, &leaf(0)),
        Err(AnchorError::Note(NoteError::NotSigned))
    );
    // Beside the log's own signature a witness's is welcome.
    let line = by_witness.checkpoint.split("\n\n").nth(1).expect("a line").to_owned();
    let both = Anchored {
        checkpoint: anchored.checkpoint.clone() + &line,
        ..anchored
    };
    assert_eq!(anchor::verify(&known, &in_bundle(&log, &both).1, &leaf(0)), Ok(()));
}

/// The key and the note are the ones that the format's own text shows.
#[test]
fn verifier_key_and_note_in_the_formats_own_words() {
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key = VerifierKey::parse(text).expect("a key");
    assert_eq!((key.name(), key.to_string().as_str()), ("PeterNeumann", text));
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\n\
                \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let signed = note::verify(note, [key].into_iter()).expect("it holds");
    assert!(signed.ends_with("your problem is.\n"));
    let changed = note.replace("answer", "question");
    assert_eq!(note::verify(&changed, [key].into_iter()), Err(NoteError::Signature));
    for wrong in [
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "a+b",
        "",
        "+c74f20a3+AR",
    ] {
        assert_eq!(VerifierKey::parse(wrong).err(), Some(NoteError::Key), "{wrong}");
    }
}

#[test]
fn checkpoints_are_read_strictly() {
    let mut root = [0; 44];
    let root = Base64::encode(&[5; 32], &mut root).expect("room");
    let good = format!("{ORIGIN}\n12\n{root}\nextension\n");
    let checkpoint = Checkpoint::parse(&good).expect("a checkpoint");
    assert_eq!(
        (checkpoint.origin, checkpoint.size, checkpoint.root),
        (ORIGIN, 12, [5; 32])
    );
    assert_eq!(checkpoint.to_string(), format!("{ORIGIN}\n12\n{root}\n"));
    for wrong in [
        format!("{ORIGIN}\n012\n{root}\n"),
        format!("{ORIGIN}\n+12\n{root}\n"),
        format!("{ORIGIN}\n12\n{root}"),
        format!("\n12\n{root}\n"),
        format!("{ORIGIN}\n12\n{}\n", &root[4..]),
        format!("{ORIGIN}\n99999999999999999999\n{root}\n"),
        format!("{ORIGIN}\n12\n{root}\n\nextension\n"),
    ] {
        assert!(Checkpoint::parse(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn log_that_lost_a_signed_leaf_or_was_changed_is_not_opened() {
    let folder = folder("tampered");
    let mut log = LocalLog::open(&folder, ORIGIN, key()).expect("a log");
    for number in 0..5 {
        log.append(&leaf(number)).expect("appended");
    }
    assert!(matches!(LocalLog::open(&folder, ORIGIN, key()), Err(LogError::Busy)));
    drop(log);
    let whole = std::fs::read(folder.join("hashes")).expect("hashes");
    let open_with = |hashes: &[u8]| {
        std::fs::write(folder.join("hashes"), hashes).expect("written");
        LocalLog::open(&folder, ORIGIN, key())
    };
    assert!(matches!(open_with(&whole[..whole.len() - 1]), Err(LogError::Shrunk)));
    let mut changed = whole.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    assert!(matches!(open_with(&changed), Err(LogError::Corrupt)));
    // A node that the newest root does not need is found by the long check.
    let mut changed = whole.clone();
    changed[0] ^= 1;
    let mut opened = open_with(&changed).expect("the root still holds");
    assert!(matches!(opened.verify(), Err(LogError::Corrupt)));
    drop(opened);
    // What stands behind the signed tree was promised to nobody, however whole it looks.
    let mut torn = whole.clone();
    torn.extend_from_slice(&[3; 64]);
    let log = open_with(&torn).expect("a log");
    assert_eq!(
        log.size(),
        5,
        "a sixth leaf with its node, which no checkpoint has signed for"
    );
    drop(log);
    let other = LocalLog::open(&folder, ORIGIN, SigningKey::from_seed([1; 32]));
    assert!(matches!(other, Err(LogError::Note(_))));
}

/// How often a writer is killed.
fn kills() -> u64 {
    std::env::var("OHP_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(10)
}

/// Child processes append and say each leaf that has been acknowledged; they are killed, and each such leaf is there.
#[test]
fn leaves_acknowledged_before_a_kill_are_there_after_it() {
    use std::io::{BufRead as _, BufReader};
    if let Some(folder) = std::env::var_os("OHP_TEST_LOG") {
        let mut log = LocalLog::open(&PathBuf::from(folder), ORIGIN, key()).expect("a log");
        loop {
            let anchored = log.append(&leaf(log.size())).expect("appended");
            println!("anchored {}", anchored.index);
        }
    }
    let folder = folder("killed");
    let mut acknowledged = None;
    for kill in 0..kills() {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args([
                "--exact",
                "leaves_acknowledged_before_a_kill_are_there_after_it",
                "--nocapture",
            ])
            .env("OHP_TEST_LOG", &folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"))
            .lines()
            .map_while(Result::ok);
        let newest = |line: String| line.strip_prefix("anchored ")?.parse::<u64>().ok();
        for _ in 0..=kill % 7 {
            acknowledged = lines.by_ref().find_map(newest).or(acknowledged);
        }
        child.kill().expect("killed");
        acknowledged = lines.filter_map(newest).last().or(acknowledged);
        child.wait().expect("ended");
    }
    let mut log = LocalLog::open(&folder, ORIGIN, key()).expect("a log");
    let newest = acknowledged.expect("at least one leaf");
    assert!(
        log.size() > newest,
        "{} leaves, and {newest} was acknowledged",
        log.size()
    );
    log.verify().expect("all nodes");
    let root = log.root(log.size()).expect("a root");
    for each in 0..=newest {
        let entry = log.entry(each).expect("an entry");
        assert_eq!(
            merkle::verify_inclusion(&leaf(each), each, entry.tree_size, &entry.proof, &root),
            Ok(())
        );
    }
}
