//! Raw IP frames around SIP, and the messages that the decoder finds in them.

use spit_core::decode::{DecodeSettings, Decoder, Seen};
use spit_core::packet::link::LinkType;
use spit_core::sip::message::Message;

pub const UDP: u8 = 17;
pub const TCP: u8 = 6;

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2.
pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    fragment(protocol, 0, 0, false, payload)
}

/// A fragment of an IPv4 packet; `offset` in bytes.
pub fn fragment(protocol: u8, id: u16, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let place = (u16::try_from(offset / 8).unwrap() | if more { 0x2000 } else { 0 }).to_be_bytes();
    let id = id.to_be_bytes();
    let mut packet = vec![
        0x45, 0, length[0], length[1], id[0], id[1], place[0], place[1], 64, protocol, 0, 0,
    ];
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend_from_slice(payload);
    packet
}

pub fn udp(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    let mut datagram = vec![0x13, 0xc4, 0x13, 0xc4, length[0], length[1], 0, 0];
    datagram.extend_from_slice(payload);
    ipv4(UDP, &datagram)
}

/// A segment from a port to 5060, ACK and PSH set.
pub fn tcp(port: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::from(port.to_be_bytes());
    segment.extend([0x13, 0xc4]);
    segment.extend(sequence.to_be_bytes());
    segment.extend([0, 0, 0, 0, 5 << 4, 0x18, 0, 0, 0, 0, 0, 0]);
    segment.extend_from_slice(payload);
    ipv4(TCP, &segment)
}

/// A decoder and what it has found: start line, headers and body of each message as one text.
pub struct Wire {
    pub decoder: Decoder,
    pub messages: Vec<String>,
}

impl Wire {
    pub fn new() -> Wire {
        // Every packet counts, and no table of those seen before is made for each test of thousands.
        Wire::with(DecodeSettings {
            duplicate_window_us: 0,
            ..DecodeSettings::default()
        })
    }

    pub fn with(settings: DecodeSettings) -> Wire {
        Wire {
            decoder: Decoder::new(settings),
            messages: Vec::new(),
        }
    }

    pub fn frame(&mut self, time_us: i64, frame: &[u8]) {
        let messages = &mut self.messages;
        let mut emit = |message: &Message<'_>, _: &Seen| messages.push(shown(message));
        self.decoder
            .frame(time_us, LinkType::RawIp, frame, frame.len(), &mut emit);
    }
}

fn shown(message: &Message<'_>) -> String {
    let headers: Vec<String> = message
        .headers()
        .map(|h| format!("{:?} {}: {}", h.id, h.name.escape_ascii(), h.value.escape_ascii()))
        .collect();
    let start = match message.start {
        spit_core::sip::start_line::StartLine::Request { method, uri } => {
            format!("{} {}", method.escape_ascii(), uri.escape_ascii())
        }
        spit_core::sip::start_line::StartLine::Response { status } => status.to_string(),
    };
    format!("{start} {headers:?} {}", message.body.escape_ascii())
}
