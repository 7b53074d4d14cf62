//! From a HEP packet, received from a socket or found in a capture, to the SIP in it.

use super::{decode, frame_len, is_hep, FrameLen, HepError, HepPacket, MAGIC, SIP};
use crate::decode::{DecodeCounters, Seen, Transport};
use crate::sip::framing;
use crate::sip::head::HeaderTable;
use crate::sip::message::Message;
use crate::Micros;

/// How far a sender's clock may be ahead of the receiver's: event time never goes back, so one packet from the future
/// would end every call.
const MAX_AHEAD_US: Micros = 10_000_000;
/// How old a packet may be when it arrives. Older ones are replays, timed as they come.
const MAX_BEHIND_US: Micros = 3_600_000_000;

/// What a HEP packet is decoded with.
pub(crate) struct Received<'a> {
    /// When it was received or captured.
    pub(crate) time_us: Micros,
    /// The key that it must carry.
    pub(crate) auth_key: Option<&'a [u8]>,
}

/// Decodes what a datagram or stream carried: one HEP packet, or several one behind the other.
pub(crate) fn receive(
    mut bytes: &[u8],
    received: &Received<'_>,
    counters: &mut DecodeCounters,
    table: &mut HeaderTable,
    emit: &mut impl FnMut(&Message<'_>, &Seen),
) {
    loop {
        counters.hep_packets += 1;
        let len = match decode(bytes, received.auth_key) {
            Ok(packet) => {
                message(&packet, received.time_us, counters, table, emit);
                packet.len
            }
            Err(error) => {
                count(&error, counters);
                match frame_len(bytes) {
                    FrameLen::Len(len) => len,
                    FrameLen::Incomplete | FrameLen::Malformed => return,
                }
            }
        };
        match bytes.get(len..) {
            Some(rest) if rest.starts_with(MAGIC) => bytes = rest,
            _ => return,
        }
    }
}

fn count(error: &HepError, counters: &mut DecodeCounters) {
    match error {
        HepError::NoKey | HepError::WrongKey => counters.hep_bad_key += 1,
        HepError::Bomb { .. } => counters.hep_bomb += 1,
        // Logs and reports need no addresses; nothing is lost with them.
        HepError::Missing { protocol_type, .. } if !matches!(*protocol_type, 0 | SIP) => counters.hep_not_sip += 1,
        HepError::NotHep { .. } | HepError::Malformed { .. } | HepError::Missing { .. } | HepError::NotZlib { .. } => {
            counters.hep_bad += 1
        }
    }
}

fn message(
    packet: &HepPacket<'_>,
    received_us: Micros,
    counters: &mut DecodeCounters,
    table: &mut HeaderTable,
    emit: &mut impl FnMut(&Message<'_>, &Seen),
) {
    if packet.protocol_type != SIP {
        counters.hep_not_sip += 1;
        return;
    }
    if is_hep(&packet.payload) {
        counters.hep_nested += 1;
        return;
    }
    let age = received_us.saturating_sub(packet.time_us);
    let time_us = if packet.time_us > 0 && (-MAX_AHEAD_US..=MAX_BEHIND_US).contains(&age) {
        packet.time_us
    } else {
        counters.hep_time_replaced += 1;
        received_us
    };
    let seen = Seen {
        time_us,
        source: packet.source,
        destination: packet.destination,
        transport: transport(packet.ip_protocol),
    };
    let found = framing::datagram(&packet.payload, false, table, |message| {
        counters.messages += 1;
        emit(message, &seen);
    });
    if !found {
        counters.hep_not_sip += 1;
    }
}

/// Kamailio marks TLS and WebSocket with protocol 22 (IDP). A number that carries no SIP is taken for UDP, SIP's usual
/// one: the message is worth more than its transport.
fn transport(ip_protocol: u8) -> Transport {
    match ip_protocol {
        6 => Transport::Tcp,
        22 => Transport::Tls,
        132 => Transport::Sctp,
        _ => Transport::Udp,
    }
}
