//! Decoding beside tracking and in the same thread: the same events either way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use spit_core::call::event::Text;
use spit_core::call::{CallView, Digester, EventKind, IdentitySettings, TrackSettings, Tracker};
use spit_core::decode::DecodeSettings;
use spit_core::Micros;
use spit_file::{Captures, Next, Pipeline};

/// A packet of raw IP with a UDP datagram, as a record of a pcap file.
fn record(second: u32, payload: &[u8]) -> Vec<u8> {
    let len = 28 + payload.len();
    let mut out = Vec::new();
    for word in [second, 0, len as u32, len as u32] {
        out.extend(word.to_le_bytes());
    }
    out.extend([0x45, 0]);
    out.extend((len as u16).to_be_bytes());
    out.extend([
        0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x13, 0xc4, 0x13, 0xc4,
    ]);
    out.extend((8 + payload.len() as u16).to_be_bytes());
    out.extend([0, 0]);
    out.extend(payload);
    out
}

/// More calls than fit the batches that may wait, each refused at once.
fn capture() -> Vec<u8> {
    let mut out = vec![
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0,
    ];
    for call in 0..10_000_u32 {
        let head =
            format!("Call-ID: {call}@h\r\nCSeq: 1 INVITE\r\nFrom: <sip:+49{call}@h>;tag=a\r\nTo: <sip:b@h>\r\n\r\n");
        out.extend(record(
            call / 100,
            format!("INVITE sip:b@h SIP/2.0\r\n{head}").as_bytes(),
        ));
        out.extend(record(call / 100, format!("SIP/2.0 486 Busy\r\n{head}").as_bytes()));
    }
    out
}

/// Every event and its caller.
fn events(mut pipeline: Pipeline) -> Vec<(EventKind, Micros, Vec<u8>)> {
    let mut tracker = Tracker::new(TrackSettings::default());
    let mut events = Vec::new();
    loop {
        let batch = match pipeline.next_batch(Duration::from_secs(60)) {
            Next::Batch(batch) => batch,
            Next::NotYet => continue,
            Next::Gone => panic!("the last batch was not marked"),
        };
        let mut sink = |kind, time_us, call: &CallView<'_>| {
            events.push((kind, time_us, call.text(Text::Caller).unwrap().to_vec()));
        };
        tracker.take_all(&batch.digests, &mut sink);
        assert!(batch.last || !batch.digests.is_empty());
        if batch.last {
            assert_eq!(batch.counters.decode.messages, 20_000);
            assert!(matches!(pipeline.next_batch(Duration::from_secs(60)), Next::Gone));
            return events;
        }
        pipeline.recycle(*batch);
    }
}

#[test]
fn events_are_the_same_in_one_thread_and_in_two() {
    let path = std::env::temp_dir().join(format!("spit-pipeline-{}.pcap", std::process::id()));
    std::fs::write(&path, capture()).unwrap();
    let captures = || Captures::open(&[path.to_str().unwrap().to_owned()]);
    let digester = Digester::new(1, IdentitySettings::default());
    let here = Pipeline::in_this_thread(captures(), DecodeSettings::default(), digester.clone());
    let here = events(here);
    assert_eq!(here.len(), 20_000);
    for live in [false, true] {
        let beside = Pipeline::start(captures(), DecodeSettings::default(), digester.clone(), live).unwrap();
        assert!(events(beside) == here);
    }
    std::fs::remove_file(&path).unwrap();
}
