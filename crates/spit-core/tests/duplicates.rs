//! What a mirror shows twice is dropped; what was sent twice is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
mod frames;

use std::net::Ipv4Addr;

use frames::*;
use spit_core::decode::DecodeSettings;
use spit_core::packet::duplicate::DUPLICATE_WINDOW_US;

/// Don't fragment.
const DF: u16 = 0x4000;

fn packet(header: V4, call_id: &str) -> Vec<u8> {
    ipv4(header, 17, &udp(5060, 5061, &sip(call_id)))
}

/// Messages seen and duplicates counted.
fn outcome(wire: &Wire) -> (usize, u64) {
    (wire.seen.len(), wire.counters().duplicates)
}

#[test]
fn the_same_packet_within_the_window_is_a_duplicate() {
    let mut wire = Wire::new();
    wire.ip(&packet(INNER, "x"));
    wire.now += DUPLICATE_WINDOW_US;
    wire.ip(&packet(INNER, "x"));
    assert_eq!(outcome(&wire), (1, 1));
    wire.now += 1;
    wire.ip(&packet(INNER, "x"));
    assert_eq!(outcome(&wire), (2, 1), "the window runs from the first");
}

#[test]
fn merged_captures_may_be_a_little_out_of_order() {
    let mut wire = Wire::new();
    wire.ip(&packet(INNER, "x"));
    wire.now -= 100;
    wire.ip(&packet(INNER, "x"));
    assert_eq!(outcome(&wire), (1, 1));
}

#[test]
fn a_copy_behind_a_router_or_in_a_vlan_is_a_duplicate() {
    let mut wire = Wire::new();
    wire.ip(&packet(INNER, "x"));
    wire.ip(&packet(V4 { ttl: 63, ..INNER }, "x"));
    let tagged = wrap(&[0, 7, 0x08, 0], &packet(V4 { ttl: 63, ..INNER }, "x"));
    wire.frame(&ethernet(0x8100, &tagged));
    let tunnel = wrap(&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, &packet(INNER, "x")));
    wire.ip(&ipv4(OUTER, 17, &udp(49152, 4789, &tunnel)));
    assert_eq!(outcome(&wire), (1, 3));
}

#[test]
fn a_checksum_that_was_not_computed_yet_makes_no_difference() {
    let mut wire = Wire::new();
    wire.ip(&packet(INNER, "x"));
    let mut bytes = packet(INNER, "x");
    bytes[26..28].copy_from_slice(&[0xab, 0xcd]);
    wire.ip(&bytes);
    assert_eq!(outcome(&wire), (1, 1));
}

#[test]
fn a_retransmission_is_none() {
    let mut wire = Wire::new();
    wire.ip(&packet(INNER, "x"));
    wire.now += 100;
    // Another identification, however soon.
    wire.ip(&packet(V4 { id: 8, ..INNER }, "x"));
    // Timer A of RFC 3261 where every packet has identification 0 and DF (RFC 6864).
    for wait in [500_000, 1_000_000, 2_000_000] {
        wire.ip(&packet(
            V4 {
                id: 0,
                place: DF,
                ..INNER
            },
            "y",
        ));
        wire.now += wait;
    }
    assert_eq!(outcome(&wire), (5, 0));
}

#[test]
fn ipv6_has_only_flow_label_and_contents() {
    let v6 = |flow, hops, id: &str| ethernet(0x86dd, &ipv6(flow, hops, 17, &udp(5060, 5061, &sip(id))));
    let mut wire = Wire::new();
    wire.frame(&v6(5, 64, "x"));
    wire.frame(&v6(5, 64, "x"));
    wire.frame(&v6(5, 63, "x"));
    assert_eq!(outcome(&wire), (1, 2));
    wire.frame(&v6(6, 64, "x"));
    wire.frame(&v6(5, 64, "y"));
    wire.now += 500_000;
    wire.frame(&v6(5, 64, "x"));
    assert_eq!(outcome(&wire), (4, 2));
}

#[test]
fn a_proxys_copy_is_none() {
    let mut wire = Wire::new();
    wire.ip(&packet(INNER, "x"));
    let next = V4 {
        source: B,
        destination: Ipv4Addr::new(10, 0, 0, 3),
        ttl: 63,
        ..INNER
    };
    let via = b"Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK-2\r\nVia: ";
    let forwarded = String::from_utf8(sip("x"))
        .unwrap()
        .replacen("Via: ", std::str::from_utf8(via).unwrap(), 1);
    wire.ip(&ipv4(next, 17, &udp(5060, 5060, forwarded.as_bytes())));
    assert_eq!(outcome(&wire), (2, 0));
}

#[test]
fn every_byte_of_the_contents_counts() {
    let first = sip("x");
    // 63 to 65, 127 to 129 and so on: where blocks of the hash begin and end.
    for len in [5, 60, 63, 64, 65, 127, 128, 129, first.len()] {
        for at in 4..len {
            let mut wire = Wire::new();
            let mut payload = first[..len].to_vec();
            wire.ip(&ipv4(INNER, 17, &udp(5060, 5061, &payload)));
            payload[at] ^= 1;
            wire.ip(&ipv4(INNER, 17, &udp(5060, 5061, &payload)));
            assert_eq!(wire.counters().duplicates, 0, "byte {at} of {len}");
        }
    }
}

#[test]
fn blocks_in_another_order_are_other_contents() {
    let (a, b) = ([b'a'; 64], [b'b'; 64]);
    let mut wire = Wire::new();
    wire.ip(&ipv4(INNER, 17, &udp(5060, 5061, &[a, b, b].concat())));
    wire.ip(&ipv4(INNER, 17, &udp(5060, 5061, &[b, a, b].concat())));
    assert_eq!(wire.counters().duplicates, 0);
}

#[test]
fn segments_of_tcp() {
    let segment = |id, sequence, flags, payload: &[u8]| ipv4(V4 { id, ..INNER }, 6, &tcp(sequence, flags, payload));
    let mut wire = Wire::new();
    wire.ip(&segment(1, 99, 0x02, b""));
    wire.ip(&segment(2, 100, 0x18, &sip("x")));
    // Late copies: neither the SYN nor the bytes may begin the stream anew.
    wire.ip(&segment(1, 99, 0x02, b""));
    wire.ip(&segment(2, 100, 0x18, &sip("x")));
    assert_eq!(outcome(&wire), (1, 2));
    assert_eq!(wire.decoder().streams.counters.retransmitted, 0);
    // A retransmission is left to the stream, which knows its bytes.
    wire.ip(&segment(3, 100, 0x18, &sip("x")));
    assert_eq!(
        (outcome(&wire), wire.decoder().streams.counters.retransmitted),
        ((1, 2), 1)
    );
    // Bare acknowledgements repeat each other by design.
    for _ in 0..3 {
        wire.ip(&segment(0, 500, 0x10, b""));
    }
    assert_eq!(outcome(&wire), (1, 2));
}

#[test]
fn fragments_make_their_packet_once() {
    let payload = udp(5060, 5061, &sip("x"));
    let (one, other) = payload.split_at(64);
    let first = ipv4(V4 { place: 0x2000, ..INNER }, 17, one);
    let last = ipv4(V4 { place: 8, ..INNER }, 17, other);
    let mut wire = Wire::new();
    for fragment in [&first, &last, &first, &last] {
        wire.ip(fragment);
    }
    assert_eq!(outcome(&wire), (1, 2));
    assert_eq!(wire.decoder().fragments.held_bytes(), 0);
}

#[test]
fn noise_is_not_remembered() {
    let rtp = ipv4(INNER, 17, &udp(4000, 4002, &[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    let mut wire = Wire::new();
    wire.ip(&rtp);
    wire.ip(&rtp);
    assert_eq!((wire.counters().duplicates, wire.counters().not_sip), (0, 2));
}

#[test]
fn a_window_of_zero_keeps_every_packet() {
    let mut wire = Wire::with(DecodeSettings {
        duplicate_window_us: 0,
        ..DecodeSettings::default()
    });
    wire.ip(&packet(INNER, "x"));
    wire.ip(&packet(INNER, "x"));
    assert_eq!(outcome(&wire), (2, 0));
}

#[test]
fn duplicates_are_found_under_load() {
    // 1,000,000 packets a second, each shown again 2,000 packets later.
    let mut wire = Wire::new();
    let call = |n: u32| packet(V4 { id: n as u16, ..INNER }, &n.to_string());
    for n in 0..20_000_u32 {
        wire.now += 1;
        wire.ip(&call(n));
        if let Some(earlier) = n.checked_sub(2_000) {
            wire.ip(&call(earlier));
        }
    }
    let (seen, duplicates) = outcome(&wire);
    assert_eq!(seen as u64 + duplicates, 38_000);
    assert!(duplicates > 17_800, "{duplicates} of 18,000");
}
