//! What holds for any bytes of a TCP stream, however they are cut into segments.

use std::net::SocketAddr;

use spit_core::packet::tcp::{Carried, Streams, TcpCounters, MAX_HELD_BYTES};
use spit_core::packet::transport::TcpSegment;
use spit_core::sip::framing::{datagram, framed, next_frame, Frame};
use spit_core::sip::head::HeaderTable;
use spit_core::sip::message::Message;

/// Bytes of the input that say where to cut; the rest is the stream.
const CUTS: usize = 8;

pub fn check(data: &[u8]) {
    let (cuts, stream) = data.split_at(data.len().min(CUTS));
    let (mut wanted, mut unfinished) = frames(stream);
    if unfinished.is_none() {
        // Whole HEP packets and WebSocket messages are the same for every cut too.
        let (alone, counters, _) = through_tcp(&[stream], false);
        if counters.junk_bytes == 0 {
            (wanted, unfinished) = (alone, Some(0));
        }
    }
    // The bytes between two cuts; 0 stands for the rest.
    let mut lengths = cuts.iter().cycle().map(|n| usize::from(*n));
    let (mut segments, mut rest) = (Vec::new(), stream);
    while !rest.is_empty() {
        let length = lengths.next().filter(|n| *n > 0).unwrap_or(rest.len());
        let (segment, behind) = rest.split_at(length.min(rest.len()));
        segments.push(segment);
        rest = behind;
    }
    same(&[stream], false, &wanted, unfinished);
    same(&segments, false, &wanted, unfinished);
    same(&segments, true, &wanted, unfinished);
    if stream.len() < 512 {
        same(&stream.chunks(1).collect::<Vec<_>>(), false, &wanted, unfinished);
    }
}

/// The messages of a stream that is there at once, and the bytes of an unfinished one behind them. Behind junk the
/// end of a segment is a hint where the next message begins, so only what stands before is the same for every cut: `None`.
fn frames(stream: &[u8]) -> (Vec<String>, Option<usize>) {
    let mut table = HeaderTable::default();
    let (mut messages, mut at) = (Vec::new(), 0);
    loop {
        let rest = &stream[at..];
        if matches!(rest.first(), Some(b'G' | b'H' | 0x01 | 0x02 | 0x81 | 0x82)) {
            // Perhaps a WebSocket or HEP.
            return (messages, None);
        }
        let len = match next_frame(rest, &mut table) {
            Frame::Message { len } => {
                let message = framed(&rest[..len], &mut table).expect("it was framed");
                let alone = shown(&message);
                let mut in_datagram = None;
                let mut other = HeaderTable::default();
                datagram(&rest[..len], false, &mut other, |m| {
                    in_datagram = in_datagram.take().or(Some(shown(m)));
                });
                assert_eq!(in_datagram.as_ref(), Some(&alone), "stream and datagram");
                messages.push(alone);
                len
            }
            Frame::LineEnds(n) => n,
            Frame::Junk(n) => {
                assert!(n > 0 && n <= rest.len());
                return (messages, None);
            }
            Frame::Incomplete(_) => return (messages, Some(rest.len())),
        };
        assert!(len > 0 && len <= rest.len());
        at += len;
    }
}

fn shown(message: &Message<'_>) -> String {
    let headers: Vec<String> = message
        .headers()
        .map(|h| format!("{:?} {} {}", h.id, h.name.escape_ascii(), h.value.escape_ascii()))
        .collect();
    format!("{:?} {headers:?} {}", message.start, message.body.escape_ascii())
}

fn same(segments: &[&[u8]], swapped: bool, wanted: &[String], unfinished: Option<usize>) {
    let (messages, counters, held) = through_tcp(segments, swapped);
    assert_eq!(held, 0, "a stream that has ended holds nothing");
    if let Some(unfinished) = unfinished {
        assert_eq!(messages, wanted, "{segments:?}");
        assert_eq!((counters.junk_bytes, counters.gaps), (unfinished as u64, 0));
    } else {
        assert!(messages.len() >= wanted.len(), "{segments:?}");
        assert_eq!(messages[..wanted.len()], *wanted);
    }
}

/// The messages of segments in order, or with the neighbours behind the first swapped.
fn through_tcp(segments: &[&[u8]], swapped: bool) -> (Vec<String>, TcpCounters, usize) {
    let mut sequence = u32::MAX - 100;
    let mut numbered: Vec<(u32, &[u8])> = Vec::new();
    for segment in segments {
        numbered.push((sequence, segment));
        sequence = sequence.wrapping_add(segment.len() as u32);
    }
    if swapped {
        for pair in numbered.iter_mut().skip(1).collect::<Vec<_>>().chunks_exact_mut(2) {
            let [a, b] = pair else { continue };
            std::mem::swap(*a, *b);
        }
    }
    let (source, destination) = ends();
    let mut streams = Streams::new(4, MAX_HELD_BYTES);
    let mut table = HeaderTable::default();
    let mut messages = Vec::new();
    for (sequence, payload) in numbered {
        let segment = TcpSegment {
            source_port: source.port(),
            destination_port: destination.port(),
            sequence,
            syn: false,
            fin: false,
            rst: false,
            payload,
        };
        streams.take(source, destination, &segment, 0, &mut table, &mut |carried, _| {
            messages.push(carried_shown(carried));
        });
    }
    let before = messages.len();
    streams.flush(&mut table, &mut |carried, _| messages.push(carried_shown(carried)));
    assert_eq!(messages.len(), before, "nothing waited behind a gap");
    (messages, streams.counters, streams.held_bytes())
}

fn carried_shown(carried: Carried<'_>) -> String {
    match carried {
        Carried::Message(message) => shown(message),
        Carried::Hep(bytes, _) => format!("HEP of {} bytes", bytes.len()),
    }
}

fn ends() -> (SocketAddr, SocketAddr) {
    (([10, 0, 0, 1], 5060).into(), ([10, 0, 0, 2], 5060).into())
}
