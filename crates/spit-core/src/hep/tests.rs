use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::Compression;

use super::*;
use crate::decode::{DecodeSettings, Decoder, Transport};
use crate::sip::header::HeaderId;

const INVITE: &[u8] = b"INVITE sip:b@a.example SIP/2.0\r\nCall-ID: 2\r\nl: 4\r\n\r\nv=0\n";
const NOW: Micros = 1_700_000_000_000_000;

/// A packet of version 3 that is made chunk by chunk.
#[derive(Clone)]
struct Maker(Vec<u8>);

impl Maker {
    fn new() -> Self {
        Maker(Vec::new())
    }

    /// Every chunk that a packet has but the payload.
    fn usual() -> Self {
        Maker::new()
            .chunk(0, 1, &[2])
            .chunk(0, 2, &[17])
            .chunk(0, 3, &[10, 0, 0, 1])
            .chunk(0, 4, &[10, 0, 0, 2])
            .chunk(0, 7, &5060u16.to_be_bytes())
            .chunk(0, 8, &5080u16.to_be_bytes())
            .chunk(0, 9, &1_700_000_000u32.to_be_bytes())
            .chunk(0, 10, &123_456u32.to_be_bytes())
            .chunk(0, 11, &[1])
            .chunk(0, 12, &2001u32.to_be_bytes())
    }

    fn chunk(mut self, vendor: u16, kind: u16, value: &[u8]) -> Self {
        self.0.extend(vendor.to_be_bytes());
        self.0.extend(kind.to_be_bytes());
        self.0.extend((value.len() as u16 + 6).to_be_bytes());
        self.0.extend(value);
        self
    }

    fn packet(self) -> Vec<u8> {
        [MAGIC.as_slice(), &(self.0.len() as u16 + 6).to_be_bytes(), &self.0].concat()
    }
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn version2(family: u8, addresses: &[u8], time: [[u8; 4]; 2]) -> Vec<u8> {
    let mut out = vec![2, 8 + addresses.len() as u8, family, 6, 0x13, 0xc4, 0x13, 0xd8];
    out.extend(addresses);
    out.extend(time.concat());
    out.extend([7, 1, 0, 0]);
    out.extend(INVITE);
    out
}

/// Decodes as the decoder does: Call-IDs, where and when.
fn received(bytes: &[u8], key: Option<&str>) -> (Vec<(String, crate::decode::Seen)>, crate::decode::DecodeCounters) {
    let mut decoder = Decoder::new(DecodeSettings {
        hep_auth_key: key.map(|k| k.as_bytes().to_vec()),
        ..DecodeSettings::default()
    });
    let mut seen = Vec::new();
    decoder.hep(bytes, NOW, &mut |message, at| {
        let id = message.header(HeaderId::CallId).unwrap_or_default();
        seen.push((String::from_utf8_lossy(id).into_owned(), *at));
    });
    (seen, decoder.counters)
}

#[test]
fn version_3_over_ipv4() {
    let bytes = Maker::usual().chunk(0, 17, b"call 2").chunk(0, 15, INVITE).packet();
    let packet = decode(&bytes, None).unwrap();
    assert_eq!(
        packet,
        HepPacket {
            time_us: 1_700_000_000_123_456,
            source: "10.0.0.1:5060".parse().unwrap(),
            destination: "10.0.0.2:5080".parse().unwrap(),
            ip_protocol: 17,
            protocol_type: SIP,
            payload: Cow::Borrowed(INVITE),
            capture_id: 2001,
            correlation_id: Some(b"call 2"),
            len: bytes.len(),
        }
    );
    assert!(is_hep(&bytes));
}

#[test]
fn version_3_over_ipv6_in_any_order_with_chunks_that_nobody_knows() {
    let bytes = Maker::new()
        .chunk(0, 15, INVITE)
        .chunk(0, 0x20, b"some vlan")
        .chunk(3, 15, b"a vendor's own payload")
        .chunk(0, 6, &[0xfe; 16])
        .chunk(0, 5, &[0xfd; 16])
        .chunk(0, 11, &[1])
        .chunk(0, 2, &[132])
        .chunk(0, 999, b"")
        .packet();
    let packet = decode(&bytes, None).unwrap();
    assert_eq!(
        packet.source,
        "[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:0".parse().unwrap()
    );
    assert_eq!((packet.time_us, packet.capture_id, &*packet.payload), (0, 0, INVITE));
    let (seen, counters) = received(&bytes, None);
    assert_eq!((seen[0].1.transport, seen[0].1.time_us), (Transport::Sctp, NOW));
    assert_eq!(counters.hep_time_replaced, 1);
}

#[test]
fn a_compressed_payload_is_inflated_up_to_the_limit() {
    let make = |bytes: &[u8]| Maker::usual().chunk(0, 16, bytes).packet();
    assert_eq!(&*decode(&make(&zlib(INVITE)), None).unwrap().payload, INVITE);
    let most = vec![b'x'; MAX_INFLATED];
    assert_eq!(&*decode(&make(&zlib(&most)), None).unwrap().payload, &most[..]);
    let bomb = make(&zlib(&vec![b'x'; 10 * MAX_INFLATED]));
    assert_eq!(decode(&bomb, None), Err(HepError::Bomb { limit: MAX_INFLATED }));
    let one_more = make(&zlib(&vec![b'x'; MAX_INFLATED + 1]));
    assert_eq!(decode(&one_more, None), Err(HepError::Bomb { limit: MAX_INFLATED }));
    assert_eq!(received(&bomb, None).1.hep_bomb, 1);
    let whole = zlib(INVITE);
    for cut in 0..whole.len() {
        let error = decode(&make(&whole[..cut]), None).unwrap_err();
        assert!(matches!(error, HepError::NotZlib { .. }), "cut at {cut}: {error}");
    }
    assert!(matches!(decode(&make(INVITE), None), Err(HepError::NotZlib { .. })));
}

#[test]
fn the_key_is_checked_before_anything_else_where_one_is_configured() {
    let with = |key: &[u8]| Maker::usual().chunk(0, 14, key).chunk(0, 15, INVITE).packet();
    let without = Maker::usual().chunk(0, 16, b"no zlib").packet();
    assert!(decode(&with(b"secret"), Some(b"secret")).is_ok());
    assert!(decode(&with(b"anything"), None).is_ok());
    for wrong in [b"Secret".as_slice(), b"secre", b"secrets", b""] {
        assert_eq!(decode(&with(wrong), Some(b"secret")), Err(HepError::WrongKey));
    }
    assert_eq!(decode(&without, Some(b"secret")), Err(HepError::NoKey));
    let old = version2(2, &[1; 8], [[1; 4], [0; 4]]);
    assert_eq!(decode(&old, Some(b"secret")), Err(HepError::NoKey));
    assert_eq!(received(&with(b"secret"), Some("secret")).0.len(), 1);
    let (seen, counters) = received(&with(b"other"), Some("secret"));
    assert_eq!((seen.len(), counters.hep_packets, counters.hep_bad_key), (0, 1, 1));
    assert!(!format!(
        "{:?}",
        Decoder::new(DecodeSettings {
            hep_auth_key: Some(b"abc".to_vec()),
            ..Default::default()
        })
    )
    .contains("97"));
}

#[test]
fn version_2_over_ipv4_and_ipv6_with_the_time_in_either_byte_order() {
    let (seconds, micros) = (1_700_000_000u32, 999_999u32);
    for time in [
        [seconds.to_le_bytes(), micros.to_le_bytes()],
        [seconds.to_be_bytes(), micros.to_be_bytes()],
    ] {
        let bytes = version2(2, &[10, 0, 0, 1, 10, 0, 0, 2], time);
        let packet = decode(&bytes, None).unwrap();
        assert_eq!(packet.time_us, 1_700_000_000_999_999);
        assert_eq!(packet.source, "10.0.0.1:5060".parse().unwrap());
        assert_eq!(packet.destination, "10.0.0.2:5080".parse().unwrap());
        assert_eq!(
            (packet.ip_protocol, packet.protocol_type, packet.capture_id),
            (6, SIP, 263)
        );
        assert_eq!(&*packet.payload, INVITE);
    }
    let mut bytes = version2(10, &[[0xfd; 16], [0xfe; 16]].concat(), [[1; 4]; 2]);
    assert!(decode(&bytes, None).unwrap().source.is_ipv6());
    let (seen, _) = received(&bytes, None);
    assert_eq!((seen[0].0.as_str(), seen[0].1.transport), ("2", Transport::Tcp));
    // The length may include the time.
    bytes[1] += 12;
    assert!(is_hep(&bytes));
    bytes[1] += 1;
    assert!(!is_hep(&bytes));
}

#[test]
fn other_things_are_not_hep() {
    for bytes in [
        b"".as_slice(),
        b"HEP",
        b"HEP2xxxx",
        INVITE,
        b"\x02\x10\x02\x01aaaa",
        b"\x80\x00\x12\x34",
    ] {
        assert!(!is_hep(bytes));
        let error = decode(bytes, None).unwrap_err();
        assert!(matches!(error, HepError::NotHep { .. }));
    }
}

#[test]
fn errors_say_what_was_expected_and_found_and_where() {
    let good = Maker::usual().chunk(0, 15, INVITE).packet();
    let mut bytes = good.clone();
    bytes[10..12].copy_from_slice(&3u16.to_be_bytes());
    let text = decode(&bytes, None).unwrap_err().to_string();
    assert_eq!(
        text,
        "HEP: expected the length of a chunk, 6 to what is left of the packet, at byte 10, found 3"
    );
    let text = decode(&good[..50], None).unwrap_err().to_string();
    assert!(text.contains("at byte 4, found"), "{text}");
    let text = decode(&Maker::usual().packet(), None).unwrap_err().to_string();
    assert_eq!(
        text,
        "HEP: expected a payload (chunk 15 or 16), found none (protocol type 1)"
    );
    let text = decode(b"SIP/2.0 200", None).unwrap_err().to_string();
    assert_eq!(
        text,
        "HEP: expected \"HEP3\" or a version 2 header at byte 0, found \"SIP/\""
    );
}

#[test]
fn a_chunk_that_every_packet_has_and_is_missing_is_named() {
    let without = |kind: u16| {
        let usual = Maker::usual().chunk(0, 15, INVITE).0;
        let mut out = Maker::new();
        let mut at = 0;
        while at < usual.len() {
            let len = usize::from(u16::from_be_bytes([usual[at + 4], usual[at + 5]]));
            let found = u16::from_be_bytes([usual[at + 2], usual[at + 3]]);
            if found != kind {
                out = out.chunk(0, found, &usual[at + 6..at + len]);
            }
            at += len;
        }
        decode(&out.packet(), None).map(|_| ())
    };
    for kind in [2, 3, 4, 11, 15] {
        let error = without(kind).unwrap_err();
        assert!(matches!(error, HepError::Missing { .. }), "chunk {kind}: {error}");
    }
    for kind in [1, 7, 8, 9, 10, 12] {
        assert_eq!(without(kind), Ok(()), "chunk {kind}");
    }
}

#[test]
fn what_is_no_sip_is_counted_as_such() {
    let log = Maker::usual()
        .chunk(0, 11, &[100])
        .chunk(0, 15, b"a line of log")
        .packet();
    let bare_log = Maker::new().chunk(0, 11, &[100]).chunk(0, 15, b"no addresses").packet();
    let noise = Maker::usual().chunk(0, 15, b"\x80noise").packet();
    for bytes in [log, bare_log, noise] {
        let (seen, counters) = received(&bytes, None);
        assert_eq!((seen.len(), counters.hep_not_sip, counters.hep_bad), (0, 1, 0));
    }
}

#[test]
fn hep_in_hep_is_refused() {
    let inner = Maker::usual().chunk(0, 15, INVITE).packet();
    let (seen, counters) = received(&Maker::usual().chunk(0, 15, &inner).packet(), None);
    assert_eq!((seen.len(), counters.hep_packets, counters.hep_nested), (0, 1, 1));
}

#[test]
fn several_packets_in_a_datagram_are_all_decoded() {
    let good = Maker::usual().chunk(0, 15, INVITE).packet();
    let bad = Maker::usual().packet();
    let (seen, counters) = received(&[good.clone(), bad, good].concat(), None);
    assert_eq!((seen.len(), counters.hep_packets, counters.hep_bad), (2, 3, 1));
}

#[test]
fn a_time_that_cannot_be_is_that_of_the_arrival() {
    let at = |seconds: u32, micros: u32| {
        let bytes = Maker::usual()
            .chunk(0, 9, &seconds.to_be_bytes())
            .chunk(0, 10, &micros.to_be_bytes())
            .chunk(0, 15, INVITE)
            .packet();
        let (seen, counters) = received(&bytes, None);
        (seen[0].1.time_us, counters.hep_time_replaced)
    };
    let now = 1_700_000_000;
    assert_eq!(at(now - 60, 5), (NOW - 59_999_995, 0));
    assert_eq!(at(now + 9, 0), (NOW + 9_000_000, 0));
    for (seconds, micros) in [(0, 0), (now + 11, 0), (u32::MAX, 0), (now - 3_601, 0), (now, 1_000_000)] {
        assert_eq!(at(seconds, micros), (NOW, 1), "{seconds} {micros}");
    }
}

#[test]
fn a_stream_is_cut_into_packets_and_resynchronised() {
    let packet = Maker::usual().chunk(0, 15, INVITE).packet();
    for cut in 0..6 {
        assert_eq!(frame_len(&packet[..cut]), FrameLen::Incomplete, "cut at {cut}");
    }
    assert_eq!(frame_len(&packet[..6]), FrameLen::Len(packet.len()));
    assert_eq!(frame_len(b"HEP3\0\x06"), FrameLen::Malformed);
    assert_eq!(frame_len(b"HEQ"), FrameLen::Malformed);
    assert_eq!(resynchronise(b"HEP3\0\x06xxHEP3"), 8);
    assert_eq!(resynchronise(b"xxxxHEP"), 4);
    assert_eq!(resynchronise(b"xxxx"), 4);
    assert_eq!(resynchronise(b"x"), 1);
    assert_eq!(resynchronise(b""), 0);
}

#[test]
fn every_prefix_is_an_error_and_every_changed_byte_is_taken_without_a_panic() {
    let packets = [
        Maker::usual()
            .chunk(0, 14, b"secret")
            .chunk(7, 1, b"vendor")
            .chunk(0, 15, INVITE)
            .packet(),
        Maker::usual()
            .chunk(0, 5, &[1; 16])
            .chunk(0, 6, &[2; 16])
            .chunk(0, 16, &zlib(INVITE))
            .packet(),
        version2(2, &[10, 0, 0, 1, 10, 0, 0, 2], [[1; 4], [0; 4]]),
    ];
    let mut decoder = Decoder::new(DecodeSettings::default());
    for (at, packet) in packets.iter().enumerate() {
        let header = if at == 2 { 28 } else { packet.len() };
        for cut in 0..header {
            assert!(decode(&packet[..cut], None).is_err(), "packet {at} cut at {cut}");
        }
        for place in 0..packet.len() {
            for value in 0..=255 {
                let mut bytes = packet.clone();
                bytes[place] = value;
                if let Ok(found) = decode(&bytes, None) {
                    assert!(found.len <= bytes.len() && found.payload.len() <= MAX_INFLATED);
                }
                if let FrameLen::Len(len) = frame_len(&bytes) {
                    assert!(len > 6);
                }
                decoder.hep(&bytes, NOW, &mut |_, _| {});
            }
        }
    }
}
