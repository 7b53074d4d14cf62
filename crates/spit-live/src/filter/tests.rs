use std::net::{IpAddr, SocketAddr};

use super::interpreter::{run, Frame};
use super::*;

const INVITE: &[u8] = b"INVITE sip:bob@example.org SIP/2.0\r\n";
const RTP: &[u8] = &[0x80, 0, 0, 1, 0, 0, 0, 0];

fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12], &ethertype.to_be_bytes()[..], payload].concat()
}

fn tagged(tags: &[u16], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = payload.to_vec();
    let mut inner = ethertype;
    for tag in tags.iter().rev() {
        bytes = [&7u16.to_be_bytes()[..], &inner.to_be_bytes(), &bytes].concat();
        inner = *tag;
    }
    ethernet(inner, &bytes)
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len() as u16;
    let words = [source, destination, len, 0].map(u16::to_be_bytes);
    [&words.concat(), payload].concat()
}

/// IPv4 with a header of `words` words, `fragment` as on the wire.
fn ipv4(protocol: u8, words: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0u8; usize::from(words) * 4];
    header[0] = 0x40 | words;
    let len = header.len() + payload.len();
    header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
    header[6..8].copy_from_slice(&fragment.to_be_bytes());
    header[9] = protocol;
    header[12..16].copy_from_slice(&[192, 0, 2, 1]);
    header[16..20].copy_from_slice(&[192, 0, 2, 2]);
    [&header[..], payload].concat()
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 40];
    header[0] = 0x60;
    header[6] = next;
    header[8..24].copy_from_slice(&"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
    header[24..40].copy_from_slice(&"2001:db8::2".parse::<Ipv6Addr>().unwrap().octets());
    [&header[..], payload].concat()
}

fn sip_filter(exclude: &[SocketAddr]) -> Filter<'_> {
    Filter {
        pass: Pass::Sip,
        exclude,
        front: Front::Ethernet,
        drop_outgoing: false,
    }
}

fn passes(filter: &Filter<'_>, bytes: &[u8]) -> bool {
    let frame = Frame { bytes, packet_type: 0 };
    run(&filter.program(), &frame) > 0
}

fn sip_passes(bytes: &[u8]) -> bool {
    passes(&sip_filter(&[]), bytes)
}

#[test]
fn sip_passes_on_any_port_over_every_header_length_and_tag() {
    for words in 5..=15 {
        assert!(sip_passes(&ethernet(
            0x0800,
            &ipv4(17, words, 0, &udp(40000, 50000, INVITE))
        )));
        assert!(!sip_passes(&ethernet(
            0x0800,
            &ipv4(17, words, 0, &udp(5060, 5060, RTP))
        )));
    }
    let (sip, rtp) = (udp(1, 2, INVITE), udp(1, 2, RTP));
    for tags in [&[][..], &[0x8100], &[0x88a8, 0x8100], &[0x9100, 0x8100]] {
        assert!(sip_passes(&tagged(tags, 0x0800, &ipv4(17, 5, 0, &sip))), "{tags:x?}");
        assert!(!sip_passes(&tagged(tags, 0x0800, &ipv4(17, 5, 0, &rtp))), "{tags:x?}");
        assert!(sip_passes(&tagged(tags, 0x86dd, &ipv6(17, &sip))), "{tags:x?}");
        assert!(!sip_passes(&tagged(tags, 0x86dd, &ipv6(17, &rtp))), "{tags:x?}");
    }
    // Deeper than the filter looks: the decoder decides.
    assert!(sip_passes(&tagged(
        &[0x88a8, 0x8100, 0x8100],
        0x0800,
        &ipv4(17, 5, 0, &rtp)
    )));
}

#[test]
fn every_first_byte_of_a_datagram_is_judged_as_the_decoder_judges_it() {
    for first in 0..=255u8 {
        let mut payload = INVITE.to_vec();
        payload[0] = first;
        let token = spit_core::sip::start_line::may_start_message(&payload);
        let wanted = token || matches!(first, b'\r' | b'\n');
        let frame = ethernet(0x0800, &ipv4(17, 5, 0, &udp(9, 9, &payload)));
        assert_eq!(sip_passes(&frame), wanted, "first byte {first:#x}");
    }
}

#[test]
fn hep_passes_and_stun_dtls_and_empty_datagrams_do_not() {
    let frame = |payload: &[u8]| ethernet(0x0800, &ipv4(17, 5, 0, &udp(9060, 9060, payload)));
    assert!(sip_passes(&frame(b"HEP3\x00\x40")));
    assert!(sip_passes(&frame(&[2, 16, 2, 17])));
    assert!(sip_passes(&frame(&[2, 40, 10, 17])));
    assert!(sip_passes(&frame(b"\r\n\r\n")));
    assert!(!sip_passes(&frame(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42])));
    assert!(!sip_passes(&frame(&[22, 0xfe, 0xfd, 0])));
    assert!(!sip_passes(&frame(b"")));
}

#[test]
fn fragments_pass_whatever_they_hold() {
    let more = 0x2000;
    assert!(sip_passes(&ethernet(0x0800, &ipv4(17, 5, more, &udp(9, 9, INVITE)))));
    assert!(sip_passes(&ethernet(0x0800, &ipv4(17, 5, more | 185, b"\x80\x80"))));
    assert!(sip_passes(&ethernet(0x0800, &ipv4(17, 5, 185, b"\x80\x80"))));
    assert!(sip_passes(&ethernet(0x86dd, &ipv6(44, &[17, 0, 0, 1, 0, 0, 0, 1]))));
    // Don't fragment is no fragment.
    assert!(!sip_passes(&ethernet(0x0800, &ipv4(17, 5, 0x4000, &udp(9, 9, RTP)))));
}

#[test]
fn streams_and_tunnels_pass_and_what_never_carries_sip_does_not() {
    let inside = [0u8; 24];
    for protocol in [4, 6, 41, 47, 132, 137] {
        assert!(
            sip_passes(&ethernet(0x0800, &ipv4(protocol, 5, 0, &inside))),
            "{protocol}"
        );
        assert!(sip_passes(&ethernet(0x86dd, &ipv6(protocol, &inside))), "{protocol}");
    }
    for protocol in USELESS_PROTOCOLS {
        let protocol = protocol as u8;
        assert!(
            !sip_passes(&ethernet(0x0800, &ipv4(protocol, 5, 0, &inside))),
            "{protocol}"
        );
        assert!(!sip_passes(&ethernet(0x86dd, &ipv6(protocol, &inside))), "{protocol}");
    }
    // IPv6 extension headers are the decoder's.
    for header in [0, 43, 60] {
        assert!(sip_passes(&ethernet(0x86dd, &ipv6(header, &inside))), "{header}");
    }
    for port in [4789, 8472, 6081, 2152] {
        assert!(
            sip_passes(&ethernet(0x0800, &ipv4(17, 5, 0, &udp(50000, port, &[8, 0])))),
            "{port}"
        );
        assert!(
            sip_passes(&ethernet(0x86dd, &ipv6(17, &udp(port, 50000, &[8, 0])))),
            "{port}"
        );
    }
    for ethertype in [0x8847, 0x8848, 0x8864, 0x88be, 0x1234] {
        assert!(sip_passes(&ethernet(ethertype, &inside)), "{ethertype:#x}");
    }
    for ethertype in [0x0806, 0x88cc, 0x88f7, 0x0026] {
        assert!(!sip_passes(&ethernet(ethertype, &inside)), "{ethertype:#x}");
        assert!(!sip_passes(&tagged(&[0x8100], ethertype, &inside)), "{ethertype:#x}");
    }
}

#[test]
fn excluded_addresses_are_dropped_in_both_directions_and_only_they() {
    let here = "192.0.2.1:9060".parse().unwrap();
    let exclude = [here, "[2001:db8::2]:8060".parse().unwrap()];
    for pass in [Pass::Sip, Pass::All] {
        let filter = Filter {
            pass,
            ..sip_filter(&exclude)
        };
        for (protocol, payload) in [(17, udp(9060, 1, INVITE)), (6, udp(9060, 1, &[0; 12]))] {
            assert!(!passes(&filter, &ethernet(0x0800, &ipv4(protocol, 6, 0, &payload))));
        }
        // 192.0.2.2 is the destination: its port 9060 is not excluded, nor is another port of 192.0.2.1.
        assert!(passes(
            &filter,
            &ethernet(0x0800, &ipv4(17, 5, 0, &udp(1, 9060, INVITE)))
        ));
        assert!(passes(
            &filter,
            &ethernet(0x0800, &ipv4(6, 5, 0, &udp(5060, 9061, &[0; 12])))
        ));
        let to_it = ["192.0.2.2:9060".parse().unwrap()];
        let filter_to = Filter {
            pass,
            ..sip_filter(&to_it)
        };
        assert!(!passes(
            &filter_to,
            &ethernet(0x0800, &ipv4(17, 5, 0, &udp(1, 9060, INVITE)))
        ));
        // The first fragment of an excluded datagram holds its ports; without it the others come to nothing.
        assert!(!passes(
            &filter_to,
            &ethernet(0x0800, &ipv4(17, 5, 0x2000, &udp(1, 9060, INVITE)))
        ));
        assert!(!passes(
            &filter,
            &tagged(&[0x8100], 0x86dd, &ipv6(6, &udp(1, 8060, &[0; 12])))
        ));
        assert!(passes(&filter, &ethernet(0x86dd, &ipv6(17, &udp(8060, 1, INVITE)))));
    }
}

#[test]
fn an_unspecified_address_excludes_the_port_everywhere() {
    for (address, v6_too) in [("0.0.0.0:9060", false), ("[::]:9060", true)] {
        let exclude = [address.parse().unwrap()];
        let filter = sip_filter(&exclude);
        let datagram = udp(9060, 1, INVITE);
        assert!(
            !passes(&filter, &ethernet(0x0800, &ipv4(17, 5, 0, &datagram))),
            "{address}"
        );
        assert_eq!(
            passes(&filter, &ethernet(0x86dd, &ipv6(17, &datagram))),
            !v6_too,
            "{address}"
        );
    }
}

#[test]
fn the_longest_program_fits_the_kernel_and_its_last_address_still_counts() {
    let exclude: Vec<SocketAddr> = (0..MAX_EXCLUDED as u16)
        .map(|i| SocketAddr::new(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, i]), 7000 + i))
        .collect();
    let program = sip_filter(&exclude).program();
    assert!(program.len() < 2000, "{} instructions", program.len());
    let mut packet = ipv6(17, &udp(7063, 1, INVITE));
    packet[8..24].copy_from_slice(&Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 63).octets());
    assert!(!passes(&sip_filter(&exclude), &ethernet(0x86dd, &packet)));
    packet[23] = 62;
    assert!(passes(&sip_filter(&exclude), &ethernet(0x86dd, &packet)));
}

#[test]
fn everything_passes_where_all_is_asked_for() {
    let filter = Filter {
        pass: Pass::All,
        ..sip_filter(&[])
    };
    let exclude = ["192.0.2.9:1".parse().unwrap()];
    let but_one = Filter {
        exclude: &exclude,
        ..filter
    };
    for filter in [filter, but_one] {
        assert!(passes(&filter, &ethernet(0x0806, &[0; 28])));
        assert!(passes(&filter, &ethernet(0x0800, &ipv4(1, 5, 0, &[8, 0]))));
        assert!(passes(&filter, &ethernet(0x0800, &ipv4(17, 5, 0, &udp(1, 2, RTP)))));
        assert!(passes(&filter, &ethernet(0x0026, &[0x42; 38])));
    }
}

#[test]
fn outgoing_frames_are_dropped_where_they_come_back() {
    let bytes = ethernet(0x0800, &ipv4(17, 5, 0, &udp(1, 2, INVITE)));
    for pass in [Pass::Sip, Pass::All] {
        let filter = Filter {
            pass,
            drop_outgoing: true,
            ..sip_filter(&[])
        };
        let kept = |packet_type| {
            let frame = Frame {
                bytes: &bytes,
                packet_type,
            };
            run(&filter.program(), &frame)
        };
        assert_eq!(kept(PACKET_OUTGOING), 0);
        assert!(kept(0) as usize > 65_535 + 14);
    }
}

#[test]
fn packets_without_a_link_header_are_judged_alike() {
    let exclude = ["192.0.2.1:9060".parse().unwrap()];
    let filter = Filter {
        front: Front::Ip,
        ..sip_filter(&exclude)
    };
    assert!(passes(&filter, &ipv4(17, 5, 0, &udp(1, 2, INVITE))));
    assert!(!passes(&filter, &ipv4(17, 5, 0, &udp(9060, 2, INVITE))));
    assert!(!passes(&filter, &ipv4(17, 5, 0, &udp(1, 2, RTP))));
    assert!(passes(&filter, &ipv6(17, &udp(1, 2, INVITE))));
    assert!(!passes(&filter, &ipv6(17, &udp(1, 2, RTP))));
}

#[test]
fn no_frame_passes_before_and_after_capture() {
    let bytes = ethernet(0x0800, &ipv4(17, 5, 0, &udp(1, 2, INVITE)));
    let frame = Frame {
        bytes: &bytes,
        packet_type: 0,
    };
    assert_eq!(run(&nothing(), &frame), 0);
}
