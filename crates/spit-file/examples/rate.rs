//! Decodes a capture and tracks its calls without Python, for profilers: `rate FILE [rounds]`.

use std::time::{Duration, Instant};

use spit_core::call::{CallView, Digester, Digests, EventKind, IdentitySettings, TrackSettings, Tracker};
use spit_core::decode::{DecodeSettings, Decoder};
use spit_core::Micros;
use spit_file::{Captures, Next, Pipeline};

fn main() {
    let mut args = std::env::args().skip(1);
    let Some(path) = args.next() else {
        eprintln!("usage: rate FILE [rounds] [read|decode|track|pipeline]");
        std::process::exit(2);
    };
    let rounds: u32 = args.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let what = args.next().unwrap_or_else(|| "track".into());
    for _ in 0..rounds {
        if what == "pipeline" {
            pipeline(&path);
            continue;
        }
        let started = Instant::now();
        let mut captures = Captures::open(std::slice::from_ref(&path));
        let mut decoder = Decoder::of_calls(DecodeSettings::default());
        let mut tracker = Tracker::new(TrackSettings::default());
        let digester = Digester::new(1, IdentitySettings::default());
        let mut digests = Digests::default();
        let mut ends = 0u64;
        let mut sink = |kind: EventKind, _: Micros, _: &CallView<'_>| ends += u64::from(kind == EventKind::End);
        let mut packets = 0u64;
        while let Some(packet) = captures.next_packet() {
            packets += 1;
            if what == "read" {
                continue;
            }
            decoder.frame(
                packet.time_us,
                packet.link,
                packet.data,
                packet.original_len,
                &mut |message, seen| {
                    if what == "track" {
                        digests.push(&digester, message, seen);
                        if digests.len() >= 256 {
                            tracker.take_all(&digests, &mut sink);
                            digests.clear();
                        }
                    }
                },
            );
        }
        tracker.take_all(&digests, &mut sink);
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{packets} packets, {} messages, {ends} calls, {seconds:.3} s, {:.0} messages/s",
            decoder.counters.messages,
            decoder.counters.messages as f64 / seconds
        );
    }
}

/// As `track`, with the decoder in a thread of its own.
fn pipeline(path: &str) {
    let started = Instant::now();
    let captures = Captures::open(&[path.to_owned()]);
    let digester = Digester::new(1, IdentitySettings::default());
    let Ok(mut pipeline) = Pipeline::start(captures, DecodeSettings::default(), digester, false) else {
        eprintln!("the system refuses another thread");
        std::process::exit(1);
    };
    let mut tracker = Tracker::new(TrackSettings::default());
    let mut ends = 0u64;
    let mut tracking = Duration::ZERO;
    while let Next::Batch(batch) = pipeline.next_batch(Duration::from_secs(60)) {
        let began = Instant::now();
        tracker.take_all(&batch.digests, &mut |kind: EventKind, _, _: &CallView<'_>| {
            ends += u64::from(kind == EventKind::End);
        });
        tracking += began.elapsed();
        if batch.last {
            let seconds = started.elapsed().as_secs_f64();
            let messages = batch.counters.decode.messages;
            println!(
                "{messages} messages, {ends} calls, {seconds:.3} s ({:.3} s of it tracking), {:.0} messages/s",
                tracking.as_secs_f64(),
                messages as f64 / seconds
            );
            return;
        }
        pipeline.recycle(*batch);
    }
}
