mod content;

use super::content::MAX_JUNK;
use super::stream::{MAX_DISTANCE, MAX_WAITING};
use super::*;
use crate::sip::header::HeaderId;

const A: &[u8] = b"REGISTER sip:a.example SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
const B: &[u8] = b"INVITE sip:b@a.example SIP/2.0\r\nCall-ID: 2\r\nl: 4\r\n\r\nv=0\n";
const C: &[u8] = b"SIP/2.0 180 Ringing\r\nCall-ID: 3\r\nContent-Length: 0\r\n\r\n";
const D: &[u8] = "SIP/2.0 486 Occup\u{e9}\nCall-ID: 4\nContent-Length: 0\n\n".as_bytes();

struct Harness {
    streams: Streams,
    table: HeaderTable,
    seen: Vec<String>,
    times: Vec<Micros>,
    now: Micros,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    syn: bool,
    fin: bool,
    rst: bool,
}

impl Harness {
    fn new() -> Self {
        Harness {
            streams: Streams::new(1000, 1 << 20),
            table: HeaderTable::default(),
            seen: Vec::new(),
            times: Vec::new(),
            now: 0,
        }
    }

    fn send(&mut self, port: u16, sequence: u32, payload: &[u8]) {
        self.send_with(port, sequence, payload, Flags::default());
    }

    fn send_with(&mut self, port: u16, sequence: u32, payload: &[u8], flags: Flags) {
        let segment = TcpSegment {
            source_port: port,
            destination_port: 5060,
            sequence,
            syn: flags.syn,
            fin: flags.fin,
            rst: flags.rst,
            payload,
        };
        let (seen, times) = (&mut self.seen, &mut self.times);
        self.streams.take(
            ([10, 0, 0, 1], port).into(),
            ([10, 0, 0, 2], 5060).into(),
            &segment,
            self.now,
            &mut self.table,
            &mut |carried, at| {
                times.push(at.time_us);
                seen.push(name(&carried));
            },
        );
    }

    fn syn(&mut self, port: u16, sequence: u32) {
        let syn = Flags {
            syn: true,
            ..Flags::default()
        };
        self.send_with(port, sequence, b"", syn);
    }

    fn fin(&mut self, port: u16, sequence: u32, payload: &[u8]) {
        let fin = Flags {
            fin: true,
            ..Flags::default()
        };
        self.send_with(port, sequence, payload, fin);
    }

    fn flush(&mut self) {
        let seen = &mut self.seen;
        self.streams
            .flush(&mut self.table, &mut |carried, _| seen.push(name(&carried)));
    }
}

fn name(carried: &Carried<'_>) -> String {
    match carried {
        Carried::Message(message) => {
            let id = message.header(HeaderId::CallId).unwrap();
            String::from_utf8(id.to_vec()).unwrap()
        }
        Carried::Hep(bytes, _) => format!("hep {}", bytes.len()),
    }
}

/// Numbers that only look random: a failure can be repeated (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// One unmasked or masked text frame.
fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match payload.len() {
        n if n < 126 => out.push(masked | n as u8),
        n => {
            out.push(masked | 126);
            out.extend((n as u16).to_be_bytes());
        }
    }
    let key = mask.unwrap_or_default();
    out.extend(mask.iter().flatten());
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    out
}

fn hep3(payload: &[u8]) -> Vec<u8> {
    let mut chunks = vec![0, 0, 0, 11, 0, 7, 1];
    chunks.extend([0, 0, 0, 15]);
    chunks.extend((payload.len() as u16 + 6).to_be_bytes());
    chunks.extend(payload);
    let mut out = b"HEP3".to_vec();
    out.extend((chunks.len() as u16 + 6).to_be_bytes());
    out.extend(chunks);
    out
}

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\
    Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Streams of every kind, and what is in them.
fn talks() -> Vec<(Vec<u8>, Vec<String>)> {
    let key = Some([0x37, 0xfa, 0x21, 0x3d]);
    let names = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let (left, right) = B.split_at(20);
    vec![
        ([A, B, b"\r\n\r\n", C, D, A].concat(), names(&["1", "2", "3", "4", "1"])),
        (
            [
                UPGRADE,
                &frame(0x81, key, A),
                &frame(0x01, key, left),
                &frame(0x89, key, b"ping"),
                &frame(0x80, key, right),
                &frame(0x82, None, C),
            ]
            .concat(),
            names(&["1", "2", "3"]),
        ),
        (
            [hep3(A), hep3(B), hep3(C)].concat(),
            [A, B, C].iter().map(|m| format!("hep {}", m.len() + 19)).collect(),
        ),
    ]
}

#[test]
fn split_at_every_byte_gives_the_same_messages() {
    for (stream, expected) in talks() {
        for cut in 1..stream.len() {
            for swapped in [false, true] {
                let mut h = Harness::new();
                h.syn(1, 99);
                let mut parts = [(0, &stream[..cut]), (cut, &stream[cut..])];
                if swapped {
                    parts.swap(0, 1);
                }
                for (at, part) in parts {
                    h.send(1, 100 + at as u32, part);
                }
                assert_eq!(h.seen, expected, "cut at {cut}, swapped {swapped}");
                assert_eq!(h.streams.held_bytes(), 0);
            }
        }
    }
}

#[test]
fn segments_of_any_size_in_any_order_with_copies_and_overlaps_give_the_same_messages() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for round in 0..2000 {
        let talks = talks();
        let (stream, expected) = &talks[round % talks.len()];
        let first = (numbers.below(1 << 32)) as u32;
        let mut segments = Vec::new();
        let mut at = 0;
        while at < stream.len() {
            let end = (at + 1 + numbers.below(90)).min(stream.len());
            let from = at.saturating_sub(if numbers.below(4) == 0 { numbers.below(30) } else { 0 });
            segments.push((from, end));
            if numbers.below(5) == 0 {
                segments.push((from, end));
            }
            at = end;
        }
        assert!(segments.len() <= MAX_WAITING);
        for i in (1..segments.len()).rev() {
            segments.swap(i, numbers.below(i + 1));
        }
        let mut h = Harness::new();
        h.syn(1, first.wrapping_sub(1));
        for (from, end) in segments {
            h.send(1, first.wrapping_add(from as u32), &stream[from..end]);
        }
        assert_eq!(&h.seen, expected, "round {round}");
        let counters = h.streams.counters;
        assert_eq!((counters.gaps, counters.conflicting, counters.restarted), (0, 0, 0));
        assert_eq!(h.streams.held_bytes(), 0);
    }
}

#[test]
fn one_byte_segments_and_sequence_wrap() {
    let mut h = Harness::new();
    let body = vec![b'v'; 5000];
    let head = format!(
        "INVITE sip:b@a SIP/2.0\r\nCall-ID: 5\r\nX: {}\r\nl: 5000\r\n\r\n",
        "y".repeat(4000)
    );
    let stream = [A, head.as_bytes(), &body, B].concat();
    for (i, b) in stream.iter().enumerate() {
        h.send(1, (u32::MAX - 20).wrapping_add(i as u32), &[*b]);
    }
    assert_eq!(h.seen, ["1", "5", "2"]);
}

#[test]
fn reordered_repeated_and_overlapping_segments() {
    let stream = [A, B].concat();
    let mut h = Harness::new();
    h.send(1, 0, &stream[..10]);
    h.send(1, 40, &stream[40..]);
    h.send(1, 40, &stream[40..]);
    h.send(1, 0, &stream[..10]);
    h.send(1, 5, &stream[5..60]);
    assert_eq!(h.seen, ["1", "2"]);
    let counters = h.streams.counters;
    assert_eq!((counters.gaps, counters.retransmitted, counters.conflicting), (0, 2, 0));
}

#[test]
fn of_bytes_that_contradict_each_other_the_first_copy_counts() {
    let stream = [A, B].concat();
    let mut forged = stream.clone();
    let at = forged.iter().rposition(|b| *b == b'2').unwrap();
    let id = stream[..at].windows(9).rposition(|w| w == b"Call-ID: ").unwrap() + 9;
    forged[id] = b'9';
    let mut h = Harness::new();
    h.send(1, 0, &stream[..10]);
    h.send(1, 60, &stream[60..]);
    h.send(1, 10, &forged[10..]);
    assert_eq!(h.seen, ["1", "2"]);
    assert_eq!(h.streams.counters.conflicting, 1);
}

#[test]
fn a_gap_is_counted_and_the_stream_goes_on_at_a_start_line() {
    let mut h = Harness::new();
    let stream = [A, B, A].concat();
    h.send(1, 0, &stream[..30]);
    let second = A.len() + 20;
    h.now = 1;
    h.send(1, second as u32, &stream[second..]);
    h.now = GAP_TIMEOUT_US + 2;
    h.send(1, stream.len() as u32, B);
    assert_eq!(h.seen, ["1", "2"]);
    assert_eq!(h.times, [1, GAP_TIMEOUT_US + 2], "the time is that of the segment");
    assert_eq!(h.streams.counters.gaps, 1);
    assert_eq!(h.streams.counters.junk_bytes, (30 + B.len() - 20) as u64);
}

#[test]
fn a_gap_is_given_up_although_its_stream_is_silent() {
    let mut h = Harness::new();
    h.send(1, 0, b"INVITE sip:");
    h.send(1, 500, C);
    h.now = GAP_TIMEOUT_US + 1;
    h.send(2, 0, A);
    assert_eq!(h.seen, ["3", "1"]);
    assert_eq!(h.times, [0, GAP_TIMEOUT_US + 1]);
    assert!(h.streams.gaps.is_empty());
}

#[test]
fn a_syn_that_came_twice_and_data_that_came_before_their_time() {
    let mut h = Harness::new();
    h.syn(1, 99);
    h.send(1, 100 + A.len() as u32, B);
    h.syn(1, 99);
    h.send(1, 100, A);
    assert_eq!(h.seen, ["1", "2"]);
}

#[test]
fn the_end_of_a_stream_may_come_before_its_data_and_its_copies_after_it() {
    let mut h = Harness::new();
    h.send(1, 0, &A[..5]);
    h.fin(1, A.len() as u32, B);
    h.send(1, 5, &A[5..]);
    assert_eq!(h.seen, ["1", "2"]);
    h.send(1, 5, &A[5..]);
    h.fin(1, A.len() as u32, B);
    assert_eq!(h.seen, ["1", "2"]);
    assert_eq!(h.streams.counters.retransmitted, 2);
}

#[test]
fn ports_used_again_begin_anew_with_and_without_a_syn() {
    let mut h = Harness::new();
    h.fin(1, 0, A);
    h.syn(1, 5_000);
    h.send(1, 5_001, B);
    h.send(1, 5_001 + B.len() as u32 + MAX_DISTANCE + 1, C);
    h.send(1, 77, D);
    assert_eq!(h.seen, ["1", "2", "3", "4"]);
    assert_eq!(h.streams.counters.restarted, 2);
}

#[test]
fn a_reset_counts_only_near_the_place_in_the_stream() {
    let rst = Flags {
        rst: true,
        ..Flags::default()
    };
    let mut h = Harness::new();
    h.send(1, 0, &A[..20]);
    h.send_with(1, 1_000_000, b"", rst);
    h.send(1, 20, &A[20..]);
    assert_eq!(h.seen, ["1"]);
    h.send(1, A.len() as u32, &B[..20]);
    h.send_with(1, A.len() as u32 + 20, b"go away", rst);
    assert_eq!(h.streams.held_bytes(), 0);
    h.send(1, A.len() as u32 + 5_000, C);
    assert_eq!(h.seen, ["1", "3"]);
}

#[test]
fn other_protocols_are_given_up_and_a_later_start_line_is_seen() {
    let mut h = Harness::new();
    let noise = vec![0x17u8; 4096];
    let mut sequence = 0u32;
    for _ in 0..40 {
        h.send(1, sequence, &noise);
        sequence += noise.len() as u32;
    }
    assert!(40 * noise.len() > MAX_JUNK);
    assert_eq!(h.streams.counters.not_sip, 1);
    // What is missing in such a stream is not waited for.
    h.send(1, sequence + 9, &noise);
    assert_eq!(h.streams.held_bytes(), 0);
    h.send(1, sequence + 9 + 4096 + 9, A);
    assert_eq!(h.seen, ["1"]);
}

#[test]
fn a_flood_of_streams_stays_below_the_bound() {
    let mut h = Harness::new();
    for port in 1..20_000 {
        h.now += 1;
        h.send(port, 0, b"INVITE sip:half");
        assert!(h.streams.len() <= 1000);
        assert!(h.streams.order.len() <= 2001);
    }
    assert!(h.streams.counters.evicted > 18_000);
}

#[test]
fn a_flood_of_half_messages_and_of_gaps_stays_below_the_bound_in_bytes() {
    let mut h = Harness::new();
    let half = [b"INVITE sip:b@a SIP/2.0\r\nX: ".as_slice(), &vec![b'x'; 9_000]].concat();
    for port in 1..2_000 {
        h.now += 1;
        h.send(port, 0, &half);
        h.send(port, 20_000, &half);
        assert!(h.streams.held_bytes() <= 1 << 20);
        assert!(h.streams.gaps.len() <= 2001);
    }
    assert!(h.streams.counters.evicted > 1_000);
    h.flush();
    assert_eq!(h.streams.held_bytes(), 0);
}

#[test]
fn streams_that_begin_again_and_again_leave_nothing_behind() {
    let mut h = Harness::new();
    let syn = Flags {
        syn: true,
        ..Flags::default()
    };
    // Two connections in turn: while one begins again, the other goes on.
    for sequence in 0..4000u16 {
        h.send_with(1 + sequence % 2, u32::from(sequence) << 16, b"INVITE sip:half", syn);
    }
    for port in 3..=500 {
        h.send(port, 0, b"INVITE sip:half");
    }
    assert_eq!(h.streams.len(), 500);
    assert!(h.streams.order.len() <= 1000, "{}", h.streams.order.len());
    assert_eq!(h.streams.counters.evicted, 0);
}

#[test]
fn a_flood_of_syns_stays_below_the_bound_and_touches_no_stream() {
    let mut h = Harness::new();
    h.send(1, 0, &A[..10]);
    for i in 0..40_000u32 {
        h.syn((i % 60_000) as u16 + 2, i);
    }
    assert!(h.streams.opening.len() <= MAX_OPENING && h.streams.opening_order.len() <= MAX_OPENING);
    h.send(1, 10, &A[10..]);
    assert_eq!(h.seen, ["1"]);
}
