//! What holds for any frames: link, IP, fragments, UDP and TCP.
//!
//! The input is a run of records: one byte for the link type, one for the time since the frame before, two for the
//! length of the frame, the frame.

use spit_core::decode::{DecodeSettings, Decoder, Seen, Transport};
use spit_core::packet::link::LinkType;
use spit_core::packet::tcp::MAX_HELD_BYTES;
use spit_core::sip::message::Message;

/// Link types by the first byte of a record.
pub const LINKS: [u16; 8] = [1, 0, 101, 108, 113, 276, 1, 147];
const MAX_TCP_STREAMS: usize = 8;
const MAX_FRAGMENTS_BYTES: usize = 4096;

pub fn check(data: &[u8]) {
    let mut decoder = Decoder::new(DecodeSettings {
        max_tcp_streams: MAX_TCP_STREAMS,
        max_fragments_bytes: MAX_FRAGMENTS_BYTES,
        ..DecodeSettings::default()
    });
    let (mut rest, mut time_us, mut frames, mut bytes, mut emitted) = (data, 0, 0, 0, 0);
    while let [link, step, low, high, behind @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (frame, next) = behind.split_at(length.min(behind.len()));
        rest = next;
        time_us += i64::from(*step) * 10_000;
        (frames, bytes) = (frames + 1, bytes + frame.len() as u64);
        let before = (decoder.counters, decoder.fragments.counters.reassembled);
        let mut messages = 0;
        let mut all_within = true;
        let link = LinkType::of(LINKS[usize::from(*link) % LINKS.len()]);
        decoder.frame(
            time_us,
            link,
            frame,
            frame.len(),
            &mut |message: &Message<'_>, seen: &Seen| {
                messages += 1;
                assert_eq!(seen.time_us, time_us);
                all_within &= seen.transport != Transport::Udp || lies_within(message.body, frame);
            },
        );
        emitted += messages;
        let now = decoder.counters;
        assert_eq!((now.packets, now.bytes, now.messages), (frames, bytes, emitted));
        // A frame is of one kind, and one that is no SIP has no messages.
        let refused = now.not_ip + now.other_transport + now.not_sip
            - (before.0.not_ip + before.0.other_transport + before.0.not_sip);
        assert!(refused + u64::from(messages > 0) <= 1);
        assert!(
            all_within || decoder.fragments.counters.reassembled > before.1,
            "a slice of another packet"
        );
        assert!(decoder.fragments.held_bytes() <= MAX_FRAGMENTS_BYTES);
        assert!(decoder.streams.len() <= MAX_TCP_STREAMS);
        assert!(decoder.streams.held_bytes() <= MAX_HELD_BYTES);
    }
    decoder.flush(time_us, &mut |_: &Message<'_>, _: &Seen| emitted += 1);
    assert_eq!(decoder.counters.messages, emitted);
    assert_eq!((decoder.streams.len(), decoder.streams.held_bytes()), (0, 0));
}

fn lies_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}
