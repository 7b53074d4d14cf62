//! What holds for any frames: link, tunnels, IP, fragments, UDP and TCP.
//!
//! The input is a run of records: one byte for the link type, one for the time since the frame before, two for the
//! length of the frame, the frame.

use spit_core::decode::{DecodeCounters, DecodeSettings, Decoder, Seen, Transport};
use spit_core::packet::link::LinkType;
use spit_core::packet::tcp::MAX_HELD_BYTES;
use spit_core::packet::tunnel::MAX_LAYERS;
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
        let (mut all_within, mut on_time, mut latest) = (true, true, i64::MIN);
        let link = LinkType::of(LINKS[usize::from(*link) % LINKS.len()]);
        decoder.frame(
            time_us,
            link,
            frame,
            frame.len(),
            &mut |message: &Message<'_>, seen: &Seen| {
                messages += 1;
                all_within &= seen.transport != Transport::Udp || lies_within(message.body, frame);
                latest = latest.max(seen.time_us);
                on_time &= seen.transport != Transport::Udp || seen.time_us == time_us;
            },
        );
        emitted += messages;
        let now = decoder.counters;
        assert_eq!((now.packets, now.bytes, now.messages), (frames, bytes, emitted));
        // A frame is of one kind, and one that is passed over has no messages.
        let passed_over = passed_over(&now) - passed_over(&before.0);
        assert!(passed_over + u64::from(messages > 0) <= 1);
        assert!(now.tunnelled - before.0.tunnelled <= u64::from(MAX_LAYERS));
        // HEP brings messages of its own time, and perhaps inflated ones.
        let hep = now.hep_packets > before.0.hep_packets;
        let whole = decoder.fragments.counters.reassembled > before.1;
        assert!(all_within || whole || hep, "a slice of another packet");
        assert!(hep || (on_time && latest <= time_us), "a message before its packet");
        assert!(decoder.fragments.held_bytes() <= MAX_FRAGMENTS_BYTES);
        assert!(decoder.streams.len() <= MAX_TCP_STREAMS);
        assert!(decoder.streams.held_bytes() <= MAX_HELD_BYTES);
    }
    decoder.flush(time_us, &mut |_: &Message<'_>, _: &Seen| emitted += 1);
    assert_eq!(decoder.counters.messages, emitted);
    assert_eq!((decoder.streams.len(), decoder.streams.held_bytes()), (0, 0));
}

/// Frames that held nothing to read, by every reason.
fn passed_over(counters: &DecodeCounters) -> u64 {
    let damaged = counters.not_ip + counters.bad_tunnel + counters.too_deep;
    let other = counters.icmp + counters.other_transport + counters.keep_alives + counters.not_sip;
    damaged + other + counters.duplicates
}

fn lies_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}
