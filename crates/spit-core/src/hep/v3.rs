//! HEP version 3: "HEP3", the length of the packet, then chunks of vendor, type, length and value.

use std::borrow::Cow;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::inflate::{inflate, InflateError, MAX_INFLATED};
use super::{micros, HepError, HepPacket, SIP};
use crate::packet::link::be16;

/// Magic and length.
pub(super) const HEADER_LEN: usize = 6;
/// Vendor, type and length of a chunk.
pub(super) const CHUNK_HEADER_LEN: usize = 6;

/// Types of vendor 0 (section "Generic chunk types").
const FAMILY: usize = 1;
const IP_PROTOCOL: usize = 2;
const SOURCE_V4: usize = 3;
const DESTINATION_V4: usize = 4;
const SOURCE_V6: usize = 5;
const DESTINATION_V6: usize = 6;
const SOURCE_PORT: usize = 7;
const DESTINATION_PORT: usize = 8;
const SECONDS: usize = 9;
const MICROSECONDS: usize = 10;
const PROTOCOL_TYPE: usize = 11;
const CAPTURE_ID: usize = 12;
const AUTH_KEY: usize = 14;
const PAYLOAD: usize = 15;
const COMPRESSED_PAYLOAD: usize = 16;
const CORRELATION_ID: usize = 17;
const TYPES: usize = CORRELATION_ID + 1;

/// The address family of IPv6 packets where a chunk says so (AF_INET6 of Linux).
const INET6: u8 = 10;

/// The value of a chunk, and where it stands.
#[derive(Clone, Copy)]
struct Chunk<'a> {
    at: usize,
    value: &'a [u8],
}

/// The generic chunks of a packet by type; of repeated ones the last, as in Kamailio.
struct Chunks<'a>([Option<Chunk<'a>>; TYPES]);

impl<'a> Chunks<'a> {
    /// Reads every chunk of `packet`. Chunks of vendors and of unknown types are passed over.
    fn read(packet: &'a [u8]) -> Result<Chunks<'a>, HepError> {
        let mut chunks = Chunks([None; TYPES]);
        let mut at = HEADER_LEN;
        while at < packet.len() {
            let Some(header) = packet.get(at..at + CHUNK_HEADER_LEN) else {
                return Err(HepError::Malformed {
                    expected: "6 bytes of a chunk's header",
                    found: packet.len() - at,
                    at,
                });
            };
            let [vendor, kind, len] = [0, 2, 4].map(|i| usize::from(be16(header, i).unwrap_or(0)));
            if len < CHUNK_HEADER_LEN || len > packet.len() - at {
                return Err(HepError::Malformed {
                    expected: "the length of a chunk, 6 to what is left of the packet,",
                    found: len,
                    at: at + 4,
                });
            }
            let value = &packet[at + CHUNK_HEADER_LEN..at + len];
            if vendor == 0 && kind < TYPES {
                chunks.0[kind] = Some(Chunk {
                    at: at + CHUNK_HEADER_LEN,
                    value,
                });
            }
            at += len;
        }
        Ok(chunks)
    }

    fn bytes(&self, kind: usize) -> Option<&'a [u8]> {
        self.0[kind].map(|chunk| chunk.value)
    }

    /// A value of exactly `N` bytes, `None` when there is no such chunk.
    fn exact<const N: usize>(&self, kind: usize, expected: &'static str) -> Result<Option<[u8; N]>, HepError> {
        let Some(chunk) = self.0[kind] else {
            return Ok(None);
        };
        match chunk.value.try_into() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(HepError::Malformed {
                expected,
                found: chunk.value.len(),
                at: chunk.at,
            }),
        }
    }

    /// An address pair: the family decides where a packet carries both.
    fn addresses(&self) -> Result<Option<(IpAddr, IpAddr)>, HepError> {
        let v4 = |kind| self.exact::<4>(kind, "4 bytes of an IPv4 address");
        let v6 = |kind| self.exact::<16>(kind, "16 bytes of an IPv6 address");
        let (source4, destination4) = (v4(SOURCE_V4)?, v4(DESTINATION_V4)?);
        let (source6, destination6) = (v6(SOURCE_V6)?, v6(DESTINATION_V6)?);
        let family = self.exact::<1>(FAMILY, "1 byte of address family")?;
        let pair4 = source4
            .zip(destination4)
            .map(|(s, d)| (IpAddr::V4(Ipv4Addr::from(s)), IpAddr::V4(Ipv4Addr::from(d))));
        let pair6 = source6
            .zip(destination6)
            .map(|(s, d)| (IpAddr::V6(Ipv6Addr::from(s)), IpAddr::V6(Ipv6Addr::from(d))));
        Ok(match family {
            Some([INET6]) => pair6.or(pair4),
            _ => pair4.or(pair6),
        })
    }

    fn number16(&self, kind: usize, expected: &'static str) -> Result<u16, HepError> {
        Ok(self.exact(kind, expected)?.map_or(0, u16::from_be_bytes))
    }

    fn number32(&self, kind: usize, expected: &'static str) -> Result<u32, HepError> {
        Ok(self.exact(kind, expected)?.map_or(0, u32::from_be_bytes))
    }
}

/// Decodes a packet that begins with the magic.
pub(super) fn decode<'a>(bytes: &'a [u8], auth_key: Option<&[u8]>) -> Result<HepPacket<'a>, HepError> {
    let len = usize::from(be16(bytes, 4).ok_or(HepError::Malformed {
        expected: "6 bytes of header",
        found: bytes.len(),
        at: 0,
    })?);
    let packet = match bytes.get(..len) {
        Some(packet) if len > HEADER_LEN => packet,
        _ => {
            return Err(HepError::Malformed {
                expected: "the length of the packet, more than 6 and no more than its bytes,",
                found: len,
                at: 4,
            })
        }
    };
    let chunks = Chunks::read(packet)?;
    // Before anything else is looked at or inflated.
    if let Some(key) = auth_key {
        match chunks.bytes(AUTH_KEY) {
            None => return Err(HepError::NoKey),
            Some(found) if !same(key, found) => return Err(HepError::WrongKey),
            Some(_) => {}
        }
    }
    let Some([protocol_type]) = chunks.exact::<1>(PROTOCOL_TYPE, "1 byte of protocol type")? else {
        return Err(HepError::Missing {
            what: "a protocol type (chunk 11)",
            protocol_type: 0,
        });
    };
    let missing = |what| HepError::Missing { what, protocol_type };
    let (source, destination) = chunks.addresses()?.ok_or(missing(
        "a source and a destination address of one family (chunks 3 and 4, or 5 and 6)",
    ))?;
    let [ip_protocol] = chunks
        .exact::<1>(IP_PROTOCOL, "1 byte of IP protocol")?
        .ok_or(missing("an IP protocol (chunk 2)"))?;
    let source_port = chunks.number16(SOURCE_PORT, "2 bytes of port")?;
    let destination_port = chunks.number16(DESTINATION_PORT, "2 bytes of port")?;
    let seconds = chunks.number32(SECONDS, "4 bytes of seconds")?;
    let microseconds = chunks.number32(MICROSECONDS, "4 bytes of microseconds")?;
    Ok(HepPacket {
        time_us: micros(seconds, microseconds),
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
        ip_protocol,
        protocol_type,
        payload: payload(&chunks, protocol_type)?,
        capture_id: chunks.number32(CAPTURE_ID, "4 bytes of capture id")?,
        correlation_id: chunks.bytes(CORRELATION_ID),
        len,
    })
}

fn payload<'a>(chunks: &Chunks<'a>, protocol_type: u8) -> Result<Cow<'a, [u8]>, HepError> {
    if let Some(payload) = chunks.bytes(PAYLOAD) {
        return Ok(Cow::Borrowed(payload));
    }
    let Some(compressed) = chunks.0[COMPRESSED_PAYLOAD] else {
        return Err(HepError::Missing {
            what: "a payload (chunk 15 or 16)",
            protocol_type,
        });
    };
    // What is thrown away is not worth inflating.
    if protocol_type != SIP {
        return Ok(Cow::Borrowed(compressed.value));
    }
    inflate(compressed.value).map(Cow::Owned).map_err(|error| match error {
        InflateError::NotZlib => HepError::NotZlib { at: compressed.at },
        InflateError::Bomb => HepError::Bomb { limit: MAX_INFLATED },
    })
}

/// Compares without telling by its time how much of the key was right.
fn same(key: &[u8], found: &[u8]) -> bool {
    let mut different = u8::from(key.len() != found.len());
    for (at, byte) in key.iter().enumerate() {
        different |= byte ^ found.get(at).copied().unwrap_or(0);
        different = black_box(different);
    }
    different == 0
}
