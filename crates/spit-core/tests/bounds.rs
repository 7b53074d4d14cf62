//! The decoder's state under floods, each bound by its name. Those of the tracker stand beside it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_docs,
    dead_code
)]

mod wire;

use spit_core::anomaly::Anomalies;
use spit_core::decode::DecodeSettings;
use spit_core::packet::defrag::MAX_PIECES;
use spit_core::packet::tcp::MAX_HELD_BYTES;
use spit_core::sip::framing::{datagram, MAX_HEAD, MAX_MESSAGE};
use spit_core::sip::head::{HeaderTable, MAX_HEADERS};
use spit_core::sip::header::HeaderId;
use spit_core::sip::start_line::MAX_START_LINE;
use wire::{fragment, tcp, Wire, UDP};

const MESSAGE: &[u8] = b"OPTIONS sip:b@h SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
const SEGMENT: usize = 1400;

/// Sends bytes in segments on a connection; answers the sequence number behind them.
fn send(wire: &mut Wire, port: u16, mut sequence: u32, bytes: &[u8]) -> u32 {
    for payload in bytes.chunks(SEGMENT) {
        wire.frame(0, &tcp(port, sequence, payload));
        sequence = sequence.wrapping_add(payload.len() as u32);
    }
    sequence
}

#[test]
fn half_open_streams_stay_below_max_tcp_streams() {
    let max_tcp_streams = 500;
    let mut wire = Wire::with(DecodeSettings {
        max_tcp_streams,
        ..DecodeSettings::default()
    });
    for port in 1..=10_000 {
        wire.frame(i64::from(port), &tcp(port, 0, b"INVITE sip:half"));
        assert!(wire.decoder.streams.len() <= max_tcp_streams);
    }
    assert_eq!(wire.decoder.streams.counters.evicted, 9_500);
    wire.frame(20_000, &tcp(20_000, 0, MESSAGE));
    assert_eq!(wire.messages.len(), 1, "a new stream is still read");
}

#[test]
fn streams_that_wait_for_their_bodies_stay_below_max_held_bytes() {
    let mut wire = Wire::new();
    let head = format!(
        "INVITE sip:b@h SIP/2.0\r\nCall-ID: 1\r\nContent-Length: {}\r\n\r\n",
        MAX_MESSAGE - 1000
    );
    let part = [head.as_bytes(), &vec![b'x'; MAX_MESSAGE - 2000]].concat();
    let streams = MAX_HELD_BYTES / MAX_MESSAGE + 20;
    for port in 1..=streams {
        send(&mut wire, port as u16, 0, &part);
        assert!(wire.decoder.streams.held_bytes() <= MAX_HELD_BYTES);
    }
    assert!(wire.decoder.streams.counters.evicted > 0);
    assert!(wire.decoder.streams.held_bytes() > MAX_HELD_BYTES / 2);
}

#[test]
fn a_content_length_without_end_is_passed_over_beyond_max_message() {
    for length in [MAX_MESSAGE.to_string(), "9".repeat(18), "9".repeat(40), "-1".into()] {
        let mut wire = Wire::new();
        let lie = format!("INVITE sip:b@h SIP/2.0\r\nCall-ID: 2\r\nContent-Length: {length}\r\n\r\n");
        send(&mut wire, 1, 0, &[lie.as_bytes(), MESSAGE].concat());
        assert_eq!(
            wire.messages.last().unwrap().split(' ').next(),
            Some("OPTIONS"),
            "{length}"
        );
        assert_eq!(wire.decoder.streams.held_bytes(), 0);
    }
}

#[test]
fn headers_without_end_hold_no_more_than_max_head() {
    let mut wire = Wire::new();
    let mut sequence = send(&mut wire, 1, 0, b"INVITE sip:b@h SIP/2.0\r\nCall-ID: 2\r\n");
    for _ in 0..4 * MAX_HEAD / SEGMENT {
        sequence = send(&mut wire, 1, sequence, &b"X: y\r\n".repeat(SEGMENT / 6));
        assert!(wire.decoder.streams.held_bytes() <= 2 * MAX_HEAD + SEGMENT);
    }
    assert_eq!(wire.decoder.streams.counters.not_sip, 1, "it is given up");
    send(&mut wire, 1, sequence, MESSAGE);
    assert_eq!(wire.messages.len(), 1, "a later message is still read");
}

#[test]
fn a_start_line_without_end_holds_no_more_than_max_start_line() {
    let mut wire = Wire::new();
    let mut sequence = send(&mut wire, 1, 0, b"INVITE sip:b@h");
    for _ in 0..10 * MAX_START_LINE / SEGMENT {
        sequence = send(&mut wire, 1, sequence, &[b'x'; SEGMENT]);
        assert!(wire.decoder.streams.held_bytes() <= 2 * (MAX_START_LINE + SEGMENT));
    }
    assert_eq!(wire.decoder.streams.counters.not_sip, 1, "it is given up");
    send(&mut wire, 1, sequence, MESSAGE);
    assert_eq!(wire.messages.len(), 1);
}

#[test]
fn fragments_without_an_end_stay_below_max_fragments_bytes() {
    let max_fragments_bytes = 64 * 1024;
    let mut wire = Wire::with(DecodeSettings {
        max_fragments_bytes,
        ..DecodeSettings::default()
    });
    for id in 0..5000 {
        wire.frame(i64::from(id), &fragment(UDP, id, 0, true, &[0; 800]));
        assert!(wire.decoder.fragments.held_bytes() <= max_fragments_bytes);
    }
    assert!(wire.decoder.fragments.counters.evicted > 4900);
}

#[test]
fn a_packet_in_crumbs_has_no_more_than_max_pieces() {
    let mut wire = Wire::new();
    for offset in (8..8 * 4000).step_by(8) {
        wire.frame(0, &fragment(UDP, 1, offset, true, &[0; 8]));
    }
    let rejected = wire.decoder.fragments.counters.rejected;
    assert_eq!(rejected, 3999 - MAX_PIECES as u64);
    assert!(wire.decoder.fragments.held_bytes() < 64 * MAX_PIECES + 1024);
}

#[test]
fn headers_beyond_max_headers_are_marked_and_hide_no_known_one() {
    let mut table = HeaderTable::default();
    for junk in ["X-Junk: 1\r\n", "Via: SIP/2.0/UDP h\r\n"] {
        let flood = junk.repeat(2 * MAX_HEADERS);
        let bytes = format!(
            "INVITE sip:b@h SIP/2.0\r\nMax-Forwards: 70\r\n{flood}Call-ID: 1\r\nCSeq: 1 INVITE\r\nFrom: <sip:a@h>\r\n\
             To: <sip:b@h>\r\nCall-ID: 2\r\nContent-Length: 3\r\n\r\nabc"
        );
        let found = datagram(bytes.as_bytes(), false, &mut table, |message| {
            assert!(message.anomalies.has(Anomalies::TOO_MANY_HEADERS));
            assert_eq!(message.headers().count(), MAX_HEADERS);
            let value = |id| message.header(id).map(|v| v.escape_ascii().to_string());
            assert_eq!(value(HeaderId::CallId).as_deref(), Some("1"));
            assert_eq!(value(HeaderId::From).as_deref(), Some("<sip:a@h>"));
            assert_eq!(value(HeaderId::MaxForwards).as_deref(), Some("70"));
            assert_eq!(message.cseq(), Some((1, &b"INVITE"[..])));
            assert_eq!(message.body, b"abc");
        });
        assert!(found);
    }
}
