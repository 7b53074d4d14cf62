//! Everything that a mirror port wraps around SIP, by hand-made bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
mod frames;

use frames::*;
use spit_core::packet::tunnel::MAX_LAYERS;
use spit_core::packet::LinkType;

const FOUND: &str = "x 10.0.0.1:5060 10.0.0.2:5061";

const VLAN: &[u8] = &[0, 7];

/// GRE over IPv4 with these flags and options.
fn gre(flags: u16, protocol: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = [&flags.to_be_bytes()[..], &protocol.to_be_bytes(), options].concat();
    ethernet(0x0800, &ipv4(OUTER, 47, &wrap(&header, payload)))
}

/// A tunnel over UDP to this port.
fn over_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(OUTER, 17, &udp(49152, port, payload)))
}

fn mpls(labels: &[u8], payload: &[u8]) -> Vec<u8> {
    ethernet(0x8847, &wrap(labels, payload))
}

/// An IPv6 packet between tunnel ends.
fn over_ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(0x86dd, &ipv6(0, 64, next, payload))
}

/// Every encapsulation around the same call: name, link type, frame.
fn encapsulations() -> Vec<(&'static str, LinkType, Vec<u8>)> {
    let ip = call("x");
    let frame = ethernet(0x0800, &ip);
    let tagged = |ethertype: u16, inner: &[u8]| wrap(VLAN, &wrap(&ethertype.to_be_bytes(), inner));
    let ethernet_cases = vec![
        ("plain", frame.clone()),
        ("VLAN", ethernet(0x8100, &tagged(0x0800, &ip))),
        ("QinQ", ethernet(0x88a8, &tagged(0x8100, &tagged(0x0800, &ip)))),
        ("MPLS", mpls(&[0, 1, 0x01, 64], &ip)),
        ("MPLS, two labels", mpls(&[0, 1, 0x00, 64, 0, 2, 0x01, 64], &ip)),
        ("MPLS, multicast type", ethernet(0x8848, &wrap(&[0, 1, 0x01, 64], &ip))),
        ("pseudowire with control word", mpls(&[0, 1, 1, 64, 0, 0, 0, 5], &frame)),
        ("pseudowire without control word", mpls(&[0, 1, 1, 64], &frame)),
        ("pseudowire with a VLAN", {
            let inner = ethernet(0x8100, &tagged(0x0800, &ip));
            mpls(&[0, 1, 1, 64, 0, 0, 0, 0], &inner)
        }),
        ("PPPoE", {
            let ppp = wrap(&[0x11, 0, 0, 1, 0, 0, 0x00, 0x21], &ip);
            ethernet(0x8864, &ppp)
        }),
        ("GRE", gre(0, 0x0800, &[], &ip)),
        ("GRE with a checksum", gre(0x8000, 0x0800, &[0; 4], &ip)),
        ("GRE with key and sequence", gre(0x3000, 0x0800, &[1; 8], &ip)),
        ("GRE with everything", gre(0xb000, 0x6558, &[1; 12], &frame)),
        ("GRE with MPLS", gre(0, 0x8847, &[0, 1, 1, 64], &ip)),
        ("ERSPAN I", gre(0, 0x88be, &[], &frame)),
        (
            "ERSPAN II",
            gre(0x1000, 0x88be, &[0, 0, 0, 1, 0x10, 7, 0, 1, 0, 0, 0, 0], &frame),
        ),
        ("ERSPAN III", {
            let options = [0, 0, 0, 1, 0x20, 7, 0, 1, 0, 0, 0, 9, 0, 0, 0x00, 0x00];
            gre(0x1000, 0x22eb, &options, &frame)
        }),
        ("ERSPAN III with a platform", {
            let options = [0, 0, 0, 1, 0x20, 7, 0, 1, 0, 0, 0, 9, 0, 0, 0x00, 0x01];
            gre(0x1000, 0x22eb, &wrap(&options, &[0x50; 8]), &frame)
        }),
        ("ERSPAN III with IP", {
            let options = [0, 0, 0, 1, 0x20, 7, 0, 1, 0, 0, 0, 9, 0, 0, 0x08, 0x00];
            gre(0x1000, 0x22eb, &options, &ip)
        }),
        ("VXLAN", over_udp(4789, &wrap(&[0x08, 0, 0, 0, 0, 0, 5, 0], &frame))),
        (
            "VXLAN, group policy",
            over_udp(4789, &wrap(&[0x88, 0, 0, 9, 0, 0, 5, 0], &frame)),
        ),
        (
            "VXLAN, old port",
            over_udp(8472, &wrap(&[0x08, 0, 0, 0, 0, 0, 5, 0], &frame)),
        ),
        ("Geneve", over_udp(6081, &wrap(&[0, 0, 0x65, 0x58, 0, 0, 5, 0], &frame))),
        ("Geneve with options", {
            let header = [0x02, 0x40, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 0x80, 1, 9, 9, 9, 9];
            over_udp(6081, &wrap(&header, &frame))
        }),
        (
            "Geneve with IP",
            over_udp(6081, &wrap(&[0, 0, 0x08, 0, 0, 0, 5, 0], &ip)),
        ),
        ("IP in IP", ethernet(0x0800, &ipv4(OUTER, 4, &ip))),
        ("4in6", over_ipv6(4, &ip)),
        (
            "MPLS in IP",
            ethernet(0x0800, &ipv4(OUTER, 137, &wrap(&[0, 1, 1, 64], &ip))),
        ),
        ("GTP-U", over_udp(2152, &wrap(&[0x30, 255, 0, 0, 0, 0, 0, 1], &ip))),
        ("GTP-U with a sequence", {
            over_udp(2152, &wrap(&[0x32, 255, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0], &ip))
        }),
        ("GTP-U with extensions", {
            let header = [0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85];
            let extensions = [1, 0, 9, 0xc0, 2, 1, 2, 3, 4, 5, 6, 0];
            over_udp(2152, &wrap(&wrap(&header, &extensions), &ip))
        }),
    ];
    let mut cases: Vec<_> = ethernet_cases
        .into_iter()
        .map(|(name, frame)| (name, LinkType::Ethernet, frame))
        .collect();
    let mut sll = vec![0u8; 14];
    sll.extend([0x81, 0]);
    sll.extend(tagged(0x0800, &ip));
    cases.push(("SLL with a VLAN", LinkType::LinuxSll, sll));
    let mut sll2 = vec![0x88, 0x64];
    sll2.extend([0u8; 18]);
    sll2.extend([0x11, 0, 0, 1, 0, 0, 0x00, 0x21]);
    sll2.extend(&ip);
    cases.push(("SLL2 with PPPoE", LinkType::LinuxSll2, sll2));
    cases.push((
        "NULL with IP in IP",
        LinkType::Null,
        wrap(&[2, 0, 0, 0], &ipv4(OUTER, 4, &ip)),
    ));
    cases.push(("LOOP", LinkType::Loop, wrap(&[0, 0, 0, 2], &ip)));
    cases.push(("raw", LinkType::RawIp, ip));
    cases
}

#[test]
fn sip_is_found_in_every_encapsulation_with_the_innermost_addresses() {
    for (name, link, frame) in encapsulations() {
        let mut wire = Wire::new();
        wire.link = link;
        wire.frame(&frame);
        assert_eq!(wire.seen, [FOUND], "{name}");
    }
}

#[test]
fn ipv6_inside_ipv4_and_behind_ppp() {
    let inner = ipv6(0, 64, 17, &udp(5060, 5061, &sip("x")));
    for frame in [
        ethernet(0x0800, &ipv4(OUTER, 41, &inner)),
        ethernet(0x8864, &wrap(&[0x11, 0, 0, 1, 0, 0, 0x00, 0x57], &inner)),
        mpls(&[0, 2, 1, 64], &inner),
    ] {
        let mut wire = Wire::new();
        wire.frame(&frame);
        assert_eq!(wire.seen, ["x [2001:db8::1]:5060 [2001:db8::2]:5061"]);
    }
}

#[test]
fn every_prefix_of_every_encapsulation_is_accounted_for_once() {
    for (name, link, frame) in encapsulations() {
        for len in 0..frame.len() {
            let mut wire = Wire::new();
            wire.link = link;
            wire.frame(&frame[..len]);
            let c = wire.counters();
            let rejected =
                c.not_ip + c.bad_tunnel + c.too_deep + c.icmp + c.other_transport + c.keep_alives + c.not_sip;
            assert_eq!(rejected + c.messages, 1, "{name} cut at {len}: {c:?}");
        }
    }
}

#[test]
fn tunnels_inside_tunnels() {
    let frame = ethernet(0x0800, &call("x"));
    let vxlan = over_udp(4789, &wrap(&[0x08, 0, 0, 0, 0, 0, 5, 0], &frame));
    let erspan = gre(0x1000, 0x88be, &[0, 0, 0, 1, 0x10, 7, 0, 1, 0, 0, 0, 0], &vxlan);
    let labelled = mpls(&[0, 1, 1, 64, 0, 0, 0, 0], &erspan);
    let mut wire = Wire::new();
    wire.frame(&labelled);
    assert_eq!(wire.seen, [FOUND]);
    assert_eq!(wire.counters().tunnelled, 2);
}

/// A frame of IP packets in each other, `layers` of them around the call's.
fn nested(layers: usize) -> Vec<u8> {
    let packet = (0..layers).fold(call("x"), |packet, _| ipv4(OUTER, 4, &packet));
    ethernet(0x0800, &packet)
}

#[test]
fn layers_end_at_the_declared_depth() {
    let most = usize::from(MAX_LAYERS);
    let mut wire = Wire::new();
    wire.frame(&nested(most));
    assert_eq!((wire.seen.len(), wire.counters().too_deep), (1, 0));
    wire.frame(&nested(most + 1));
    assert_eq!((wire.seen.len(), wire.counters().too_deep), (1, 1));
    // Tags and labels are layers too.
    for (ethertype, tag) in [(0x8100, &[0, 7, 0x81, 0][..]), (0x8847, &[0, 1, 0, 64])] {
        let mut wire = Wire::new();
        wire.frame(&ethernet(ethertype, &tag.repeat(10_000)));
        assert_eq!(wire.counters().too_deep, 1);
    }
}

#[test]
fn headers_against_their_specification_are_counted() {
    let frame = ethernet(0x0800, &call("x"));
    for (name, bytes) in [
        (
            "PPPoE of another version",
            ethernet(0x8864, &wrap(&[0x21, 0, 0, 1, 0, 0, 0x00, 0x21], &call("x"))),
        ),
        (
            "ERSPAN without a known version",
            gre(0x1000, 0x88be, &[0, 0, 0, 1, 0x70, 7, 0, 1, 0, 0, 0, 0], &frame),
        ),
        (
            "Geneve with options beyond the end",
            over_udp(6081, &[0x3f, 0, 0x65, 0x58, 0, 0, 5, 0]),
        ),
        ("GTP-U with an empty extension", {
            over_udp(2152, &[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0])
        }),
        ("GRE without its key", gre(0x2000, 0x0800, &[0, 0], &[])),
        ("a label without an end", mpls(&[0, 1, 1], &[])),
    ] {
        let mut wire = Wire::new();
        wire.frame(&bytes);
        assert_eq!((wire.seen.len(), wire.counters().bad_tunnel), (0, 1), "{name}");
    }
}

#[test]
fn what_is_wrapped_and_no_ip_is_counted() {
    for (name, bytes) in [
        ("PPPoE discovery", ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0])),
        ("LCP", ethernet(0x8864, &[0x11, 0, 0, 1, 0, 0, 0xc0, 0x21])),
        ("PPTP", gre(0x3001, 0x880b, &[0; 8], &call("x"))),
        (
            "ARP in VXLAN",
            over_udp(4789, &wrap(&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0806, &[0; 28]))),
        ),
        (
            "an associated channel",
            mpls(&[0, 1, 1, 64], &[0x10, 0, 0, 7, 0, 0, 0, 0]),
        ),
    ] {
        let mut wire = Wire::new();
        wire.frame(&bytes);
        assert_eq!((wire.seen.len(), wire.counters().not_ip), (0, 1), "{name}");
    }
}

#[test]
fn a_tunnels_port_loses_no_sip() {
    for port in [4789, 8472, 6081, 2152] {
        let mut wire = Wire::new();
        wire.ip(&ipv4(INNER, 17, &udp(5060, port, &sip("x"))));
        wire.ip(&ipv4(INNER, 17, &udp(5060, port, &wrap(b"\r\n\r\n", &sip("y")))));
        assert_eq!(wire.seen.len(), 2, "{port}");
        // Media and keep-alives there are what they are anywhere.
        wire.ip(&ipv4(
            INNER,
            17,
            &udp(5060, port, &[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ));
        wire.ip(&ipv4(INNER, 17, &udp(5060, port, b"\r\n\r\n")));
        let c = wire.counters();
        assert_eq!(
            (c.not_sip, c.keep_alives, c.bad_tunnel, c.tunnelled),
            (1, 1, 0, 0),
            "{port}"
        );
    }
}

/// The fragments of a packet's payload, 64 bytes each.
fn fragments(header: V4, protocol: u8, payload: &[u8]) -> Vec<Vec<u8>> {
    let pieces = payload.chunks(64);
    let count = pieces.len();
    pieces
        .enumerate()
        .map(|(n, piece)| {
            let more = if n + 1 < count { 0x2000 } else { 0 };
            let place = more | (n * 8) as u16;
            ipv4(V4 { place, ..header }, protocol, piece)
        })
        .collect()
}

#[test]
fn fragments_outside_and_inside_a_tunnel() {
    let mut wire = Wire::new();
    for inner in fragments(INNER, 17, &udp(5060, 5061, &sip("x"))) {
        let vxlan = udp(49152, 4789, &wrap(&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, &inner)));
        let id = 100 + wire.counters().packets as u16;
        let mut outer = fragments(V4 { id, ..OUTER }, 17, &vxlan);
        // The last fragment first: order does not matter.
        outer.rotate_right(1);
        for packet in outer {
            wire.ip(&packet);
        }
    }
    assert_eq!(wire.seen, [FOUND]);
    assert!(wire.decoder().fragments.counters.reassembled > 2);
    assert_eq!(wire.decoder().fragments.held_bytes(), 0);
}

#[test]
fn icmp_errors_that_quote_sip_are_no_calls() {
    let mut wire = Wire::new();
    let unreachable = wrap(&[3, 3, 0, 0, 0, 0, 0, 0], &call("x"));
    wire.ip(&ipv4(
        V4 {
            source: B,
            destination: A,
            ..INNER
        },
        1,
        &unreachable,
    ));
    let inner = ipv6(0, 64, 17, &udp(5060, 5061, &sip("x")));
    wire.frame(&over_ipv6(58, &wrap(&[1, 4, 0, 0, 0, 0, 0, 0], &inner)));
    assert_eq!((wire.seen.len(), wire.counters().icmp), (0, 2));
}

#[test]
fn noise_is_rejected_in_its_first_bytes() {
    let dns = [
        0x49, 0x4e, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 3, b'w', b'w', b'w', 0, 0, 1, 0, 1,
    ];
    for (name, payload) in [
        ("RTP", &[0x80, 0x08, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 1, 0xd5][..]),
        ("RTCP", &[0x81, 0xc8, 0, 6, 0, 0, 0, 1]),
        ("STUN", &[0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42]),
        ("TURN channel data", &[0x40, 0x41, 0, 4, b'a', b'b', b'c', b'd']),
        ("DTLS", &[0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("TLS", &[0x16, 0x03, 0x01, 0x02, 0, 1]),
        ("ZRTP", &[0x10, 0, 0, 1, b'Z', b'R', b'T', b'P']),
        ("DNS", &dns),
        ("QUIC", &[0xc3, 0, 0, 0, 1]),
        ("text", b"MEGACO/1 [10.0.0.1]\r\n"),
        ("four bytes", b"jaK\0"),
    ] {
        let mut wire = Wire::new();
        wire.ip(&ipv4(INNER, 17, &udp(40_000, 40_002, payload)));
        assert_eq!((wire.counters().not_sip, wire.seen.len()), (1, 0), "{name}");
        let text = matches!(name, "text");
        assert_eq!(spit_core::sip::start_line::may_start_message(payload), text, "{name}");
    }
}

#[test]
fn keep_alives_are_not_noise() {
    let mut wire = Wire::new();
    for payload in [&b""[..], b"\r\n\r\n", b"\r\n", b"\0", &[0; 4], b"\0\r\n"] {
        wire.ip(&ipv4(INNER, 17, &udp(5060, 5060, payload)));
    }
    assert_eq!((wire.counters().keep_alives, wire.counters().not_sip), (6, 0));
    wire.ip(&ipv4(INNER, 17, &udp(5060, 5060, &[0; 1000])));
    assert_eq!((wire.counters().keep_alives, wire.counters().not_sip), (6, 1));
}
