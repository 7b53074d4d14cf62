//! Packets made by hand, and what the decoder makes of them.

#![allow(unreachable_pub)]

use std::net::Ipv4Addr;

use spit_core::decode::{DecodeCounters, DecodeSettings, Decoder, Seen};
use spit_core::packet::LinkType;
use spit_core::Micros;

/// A message that is a few hundred bytes long, as real ones are.
pub fn sip(call_id: &str) -> Vec<u8> {
    format!(
        "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-{call_id}\r\n\
         From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

pub const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// Ends of tunnels.
pub const OUTER_A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub const OUTER_B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// The fields of an IPv4 header that tests change.
#[derive(Clone, Copy)]
pub struct V4 {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub id: u16,
    pub ttl: u8,
    /// Flags and fragment offset.
    pub place: u16,
}

pub const INNER: V4 = V4 {
    source: A,
    destination: B,
    id: 7,
    ttl: 64,
    place: 0,
};

pub const OUTER: V4 = V4 {
    source: OUTER_A,
    destination: OUTER_B,
    id: 9,
    ttl: 64,
    place: 0,
};

pub fn ipv4(header: V4, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len()) as u16;
    let mut out = vec![0x45, 0];
    out.extend(total.to_be_bytes());
    out.extend(header.id.to_be_bytes());
    out.extend(header.place.to_be_bytes());
    out.extend([header.ttl, protocol, 0, 0]);
    out.extend(header.source.octets());
    out.extend(header.destination.octets());
    out.extend(payload);
    out
}

pub fn ipv6(flow_label: u32, hop_limit: u8, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = (0x6000_0000 | flow_label).to_be_bytes().to_vec();
    out.extend((payload.len() as u16).to_be_bytes());
    out.extend([next, hop_limit]);
    for last in [1, 2] {
        out.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    out.extend(payload);
    out
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = source.to_be_bytes().to_vec();
    out.extend(destination.to_be_bytes());
    out.extend(((8 + payload.len()) as u16).to_be_bytes());
    out.extend([0, 0]);
    out.extend(payload);
    out
}

pub fn tcp(sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x13, 0xc4, 0x13, 0xc4];
    out.extend(sequence.to_be_bytes());
    out.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend(payload);
    out
}

pub fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
    out.extend(ethertype.to_be_bytes());
    out.extend(payload);
    out
}

/// The signalling's own packet: SIP over UDP between A and B.
pub fn call(call_id: &str) -> Vec<u8> {
    ipv4(INNER, 17, &udp(5060, 5061, &sip(call_id)))
}

/// Bytes of a header and what it wraps.
pub fn wrap(header: &[u8], payload: &[u8]) -> Vec<u8> {
    [header, payload].concat()
}

/// A decoder and what it found.
pub struct Wire {
    decoder: Decoder,
    pub link: LinkType,
    /// Call-ID, source and destination of every message.
    pub seen: Vec<String>,
    pub now: Micros,
}

impl Wire {
    pub fn new() -> Wire {
        Wire::with(DecodeSettings::default())
    }

    pub fn with(settings: DecodeSettings) -> Wire {
        Wire {
            decoder: Decoder::new(settings),
            link: LinkType::Ethernet,
            seen: Vec::new(),
            now: 1_000_000,
        }
    }

    pub fn frame(&mut self, frame: &[u8]) {
        let seen = &mut self.seen;
        self.decoder
            .frame(self.now, self.link, frame, frame.len(), &mut |message, at: &Seen| {
                let id = message.header(spit_core::sip::header::HeaderId::CallId).unwrap_or(b"-");
                seen.push(format!(
                    "{} {} {}",
                    String::from_utf8_lossy(id),
                    at.source,
                    at.destination
                ));
            });
    }

    /// An Ethernet frame with this IPv4 packet.
    pub fn ip(&mut self, packet: &[u8]) {
        self.frame(&ethernet(0x0800, packet));
    }

    pub fn counters(&self) -> DecodeCounters {
        self.decoder.counters
    }

    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}
