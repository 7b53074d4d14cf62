//! Memory for each live call: makes that many calls, none of which ends, and prints what the process grew by.
//! `memory [calls]`; Linux only, for it asks /proc.

use spit_core::call::{CallView, Digester, Digests, EventKind, IdentitySettings, TrackSettings, Tracker};
use spit_core::decode::{Seen, Transport};
use spit_core::sip::framing::datagram;
use spit_core::sip::head::HeaderTable;

fn main() {
    let calls: usize = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000_000);
    let mut tracker = Tracker::new(TrackSettings {
        max_calls: calls,
        ..TrackSettings::default()
    });
    let digester = Digester::new(1, IdentitySettings::default());
    let mut table = HeaderTable::default();
    let mut digests = Digests::default();
    let mut attempts = 0usize;
    let before = resident_bytes();
    for i in 0..calls {
        // A second of event time for every thousand calls; each rings, so that nothing ends.
        let time_us = i as i64 * 1000;
        let seen = Seen {
            time_us,
            source: ([198, 51, 100, 10], 5060).into(),
            destination: ([203, 0, 113, 20], 5060).into(),
            transport: Transport::Udp,
        };
        for message in [invite(i), answer(i)] {
            datagram(&message, false, &mut table, |m| {
                digests.push(&digester, m, &seen);
            });
        }
        tracker.take_all(&digests, &mut |kind: EventKind, _: i64, _: &CallView<'_>| {
            attempts += usize::from(kind == EventKind::Attempt);
        });
        digests.clear();
    }
    let grown = resident_bytes().saturating_sub(before);
    let live = tracker.len();
    println!(
        "{attempts} attempts, {live} live calls, {} bytes a call",
        grown / live.max(1)
    );
}

fn invite(i: usize) -> Vec<u8> {
    format!(
        "INVITE sip:+4989{i:08}@sip.example.net;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bK{i:016x};rport\r\n\
         From: \"+4930{i:08}\" <sip:+4930{i:08}@sip.example.net>;tag={i:010x}\r\n\
         To: <sip:+4989{i:08}@sip.example.net>\r\n\
         Call-ID: {i:024x}-0@198.51.100.10\r\n\
         CSeq: 101 INVITE\r\n\
         P-Asserted-Identity: <sip:+4930{i:08}@sip.example.net;user=phone>\r\n\
         User-Agent: Grandstream GXP2170 1.0.11.64\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: 56\r\n\r\n\
         v=0\r\ns=-\r\nc=IN IP4 198.51.100.10\r\nm=audio 4000 RTP/AVP 8\r\n"
    )
    .into_bytes()
}

fn answer(i: usize) -> Vec<u8> {
    format!(
        "SIP/2.0 200 OK\r\n\
         Via: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bK{i:016x};rport\r\n\
         From: \"+4930{i:08}\" <sip:+4930{i:08}@sip.example.net>;tag={i:010x}\r\n\
         To: <sip:+4989{i:08}@sip.example.net>;tag=b{i:x}\r\n\
         Call-ID: {i:024x}-0@198.51.100.10\r\n\
         CSeq: 101 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    pages * 4096
}
