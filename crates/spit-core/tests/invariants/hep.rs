//! What holds for any bytes that are read as HEP: one packet, packets in a datagram, a stream of packets.

use std::borrow::Cow;

use spit_core::decode::{DecodeSettings, Decoder, Seen};
use spit_core::hep::{decode, frame_len, is_hep, resynchronise, FrameLen, HepError, MAX_INFLATED};
use spit_core::sip::message::Message;

const KEY: &[u8] = b"key";
const RECEIVED_US: i64 = 1_700_000_000_000_000;
/// How far from the time of receipt the time of a packet may lie: ahead, and behind.
const SPAN_US: std::ops::RangeInclusive<i64> = -3_600_000_000..=10_000_000;

pub fn check(data: &[u8]) {
    let open = decode(data, None);
    assert!(open.is_err() || is_hep(data));
    match &open {
        Ok(packet) => {
            assert!(packet.len > 0 && packet.len <= data.len());
            assert!(packet.time_us >= 0 && packet.payload.len() <= MAX_INFLATED.max(data.len()));
            if let Cow::Borrowed(payload) = packet.payload {
                assert!(lies_within(payload, data));
            }
            assert!(packet.correlation_id.is_none_or(|id| lies_within(id, data)));
            // Version 3 says its length: what follows is not read. Version 2 ends with the datagram.
            if let FrameLen::Len(len) = frame_len(data) {
                assert_eq!(len, packet.len);
                let longer = [&data[..len], b"HEP3\0\x06"].concat();
                assert_eq!(decode(&longer, None).as_ref(), Ok(packet));
            }
        }
        // A message for a person.
        Err(error) => assert!(error.to_string().starts_with("HEP: expected ")),
    }
    with_a_key(data, open.is_ok());
    stream(data);
    received(data);
}

/// A key lets no packet through that is refused without one, and none that does not carry it.
fn with_a_key(data: &[u8], open: bool) {
    match decode(data, Some(KEY)) {
        Ok(_) => {
            assert!(open);
            assert!(data.windows(KEY.len()).any(|window| window == KEY));
            assert_eq!(decode(data, Some(b"another")), Err(HepError::WrongKey));
        }
        Err(error) => assert!(!open || matches!(error, HepError::NoKey | HepError::WrongKey)),
    }
}

/// A stream is walked through to its end in steps that are neither empty nor longer than what is there.
fn stream(data: &[u8]) {
    let mut rest = data;
    while !rest.is_empty() {
        let step = match frame_len(rest) {
            FrameLen::Incomplete => return,
            FrameLen::Len(len) if len > rest.len() => return,
            FrameLen::Len(len) => len,
            FrameLen::Malformed => resynchronise(rest),
        };
        assert!(step > 0 && step <= rest.len());
        rest = &rest[step..];
    }
}

/// What a collector makes of a datagram: each packet is counted once for what it is.
fn received(data: &[u8]) {
    for hep_auth_key in [None, Some(KEY.to_vec())] {
        let mut decoder = Decoder::new(DecodeSettings {
            hep_auth_key,
            ..DecodeSettings::default()
        });
        let mut messages = 0;
        decoder.hep(data, RECEIVED_US, &mut |_: &Message<'_>, seen: &Seen| {
            messages += 1;
            assert!(SPAN_US.contains(&(seen.time_us - RECEIVED_US)), "{}", seen.time_us);
        });
        let now = decoder.counters;
        assert_eq!(now.messages, messages);
        let refused = now.hep_bad + now.hep_bad_key + now.hep_bomb;
        assert!(now.hep_packets >= 1 && refused + now.hep_not_sip + now.hep_nested <= now.hep_packets);
        assert!(messages == 0 || refused + now.hep_not_sip + now.hep_nested < now.hep_packets);
    }
}

fn lies_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}
