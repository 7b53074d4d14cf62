//! A message is the same wherever a segment ends, and in a datagram.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_docs,
    dead_code
)]

mod wire;

use spit_core::sip::framing::{framed, next_frame, Frame};
use spit_core::sip::head::HeaderTable;
use wire::{tcp, udp, Wire};

/// Messages that end with their Content-Length.
fn fixtures() -> Vec<Vec<u8>> {
    let plain = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
                 To: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 7\r\n\r\nv=0\r\nx\n";
    [
        plain,
        // A body that looks like a message, and an empty line in it.
        "MESSAGE sip:b@h SIP/2.0\r\nCall-ID: 2\r\nl: 39\r\n\r\n\r\nBYE sip:b@h SIP/2.0\r\nCall-ID: 9\r\n\r\nab",
        // Folds, compact forms, bare LF.
        "INVITE sip:b@h SIP/2.0\nv: SIP/2.0/TCP h\n ;branch=z9hG4bK3\nf: a\n\t<sip:a@h>;tag=1\ni: 3\nl:\n 0\n\n",
        "SIP/2.0 200 OK\r\nCall-ID: 4\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
        // RFC 3261 allows UTF-8 in a reason phrase; some senders write it into the Request-URI too.
        "SIP/2.0 200 \u{434}\u{430}\r\nCall-ID: 5\r\nContent-Length: 2\r\n\r\n\u{434}",
        "INVITE sip:\u{e9}l\u{e8}ve@h SIP/2.0\r\nCall-ID: 6\r\nContent-Length: 0\r\n\r\n",
        "SIP/2.0 100\u{20}\r\nCall-ID: 7\r\nContent-Length: 0\r\n\r\n",
        "OPTIONS  sip:b@h  SIP/2.0 \r\nCall-ID: 8\r\nno colon\r\nContent-Length: 0\r\n\r\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}

fn through_tcp(segments: &[&[u8]]) -> Vec<String> {
    let mut wire = Wire::new();
    let mut sequence = u32::MAX - 50;
    for segment in segments {
        wire.frame(0, &tcp(5062, sequence, segment));
        sequence = sequence.wrapping_add(segment.len() as u32);
    }
    assert_eq!(wire.decoder.streams.counters.junk_bytes, 0);
    wire.messages
}

fn in_datagram(message: &[u8]) -> String {
    let mut wire = Wire::new();
    wire.frame(0, &udp(message));
    assert_eq!(wire.messages.len(), 1, "{}", message.escape_ascii());
    wire.messages.remove(0)
}

#[test]
fn every_message_split_at_every_byte_is_that_of_a_datagram() {
    for message in fixtures() {
        let whole = in_datagram(&message);
        for cut in 0..message.len() {
            let (a, b) = message.split_at(cut);
            assert_eq!(through_tcp(&[a, b]), [whole.as_str()], "cut at {cut}");
        }
    }
}

#[test]
fn every_message_split_at_every_two_bytes_is_the_same() {
    // The pairs of a long message add nothing but time.
    for message in fixtures().into_iter().filter(|message| message.len() < 100) {
        let whole = in_datagram(&message);
        for first in 0..message.len() {
            for second in first..message.len() {
                let parts = [&message[..first], &message[first..second], &message[second..]];
                assert_eq!(through_tcp(&parts), [whole.as_str()], "cuts at {first} and {second}");
            }
        }
    }
}

#[test]
fn a_stream_of_all_messages_split_at_every_byte_and_into_bytes_is_the_same() {
    let fixtures = fixtures();
    let whole: Vec<String> = fixtures.iter().map(|message| in_datagram(message)).collect();
    // Keep-alives between them (RFC 5626 section 4.4.1).
    let stream = fixtures.join(&b"\r\n\r\n"[..]);
    for cut in 0..stream.len() {
        let (a, b) = stream.split_at(cut);
        assert_eq!(through_tcp(&[a, b]), whole, "cut at {cut}");
    }
    for size in 1..20 {
        assert_eq!(
            through_tcp(&stream.chunks(size).collect::<Vec<_>>()),
            whole,
            "segments of {size}"
        );
    }
}

#[test]
fn framing_takes_exactly_the_message_and_waits_for_all_of_it() {
    let mut table = HeaderTable::default();
    for message in fixtures() {
        let stream = [&message[..], b"INVITE"].concat();
        assert_eq!(next_frame(&stream, &mut table), Frame::Message { len: message.len() });
        let found = framed(&message, &mut table).unwrap();
        assert!(message.ends_with(found.body));
        for cut in 1..message.len() {
            let frame = next_frame(&message[..cut], &mut table);
            assert!(matches!(frame, Frame::Incomplete(_)), "cut at {cut}: {frame:?}");
        }
    }
}
