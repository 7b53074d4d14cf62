//! What fuzzing begins with and what it found once, through the invariants of its targets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_docs
)]

use std::path::Path;

#[path = "invariants/hep.rs"]
mod hep;
#[path = "invariants/packet.rs"]
mod packet;
#[path = "invariants/sip_message.rs"]
mod sip_message;
#[path = "invariants/sip_stream.rs"]
mod sip_stream;
#[path = "invariants/tracker.rs"]
mod tracker;

/// Checks every seed and every find of a target.
fn replay(target: &str, check: fn(&[u8])) {
    for kind in ["seeds", "regressions"] {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
        let folder = fuzz.join(kind).join(target);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "{}", folder.display());
        files.sort();
        for file in files {
            // Shown when the check fails.
            println!("{}", file.display());
            check(&std::fs::read(file).unwrap());
        }
    }
}

#[test]
fn hep_inputs_hold() {
    replay("hep", hep::check);
}

#[test]
fn packet_inputs_hold() {
    replay("packet", packet::check);
}

#[test]
fn sip_message_inputs_hold() {
    replay("sip_message", sip_message::check);
}

#[test]
fn sip_stream_inputs_hold() {
    replay("sip_stream", sip_stream::check);
}

#[test]
fn tracker_inputs_hold() {
    replay("tracker", tracker::check);
}
