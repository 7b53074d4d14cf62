//! What fuzzing found once, and what it begins with, through the invariants of its targets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_docs
)]

use std::path::Path;

#[path = "invariants/packet.rs"]
mod packet;
#[path = "invariants/sip_message.rs"]
mod sip_message;
#[path = "invariants/sip_stream.rs"]
mod sip_stream;
#[path = "invariants/tracker.rs"]
mod tracker;

/// Checks every file of a target and answers how many there were.
fn replay(target: &str, check: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/regressions")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in &files {
        println!("{}", file.display());
        check(&std::fs::read(file).unwrap());
    }
    files.len()
}

#[test]
fn packet_inputs_hold() {
    assert!(replay("packet", packet::check) > 0);
}

#[test]
fn sip_message_inputs_hold() {
    assert!(replay("sip_message", sip_message::check) > 0);
}

#[test]
fn sip_stream_inputs_hold() {
    assert!(replay("sip_stream", sip_stream::check) > 0);
}

#[test]
fn tracker_inputs_hold() {
    assert!(replay("tracker", tracker::check) > 0);
}
