//! HEP version 2: a fixed header, the time, the payload.
//!
//! | bytes | |
//! |---|---|
//! | 0 | version, 2 |
//! | 1 | length of the header: with the addresses, in some senders with the time |
//! | 2 | address family: 2 for IPv4; IPv6 has another number on each system |
//! | 3 | IP protocol |
//! | 4, 6 | source and destination port, network byte order |
//! | 8 | source and destination address |
//! | 16 or 40 | seconds, microseconds (4 each), capture id (2), 2 of padding |

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{micros, HepError, HepPacket, SIP};
use crate::packet::link::be16;

const FIXED_LEN: usize = 8;
const TIME_LEN: usize = 12;
const INET: u8 = 2;
/// AF_INET6 on Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS.
const INET6: [u8; 5] = [10, 23, 24, 28, 30];

/// Whether bytes begin with a version 2 header: version, length, family and protocol must agree.
#[inline]
pub(super) fn is_header(bytes: &[u8]) -> bool {
    match bytes.first_chunk::<4>() {
        Some([2, length, family, protocol]) => addresses_len(*family).is_some_and(|addresses| {
            let length = usize::from(*length);
            let base = FIXED_LEN + addresses;
            (length == base || length == base + TIME_LEN) && matches!(protocol, 6 | 17 | 22 | 132)
        }),
        _ => false,
    }
}

fn addresses_len(family: u8) -> Option<usize> {
    match family {
        INET => Some(8),
        f if INET6.contains(&f) => Some(32),
        _ => None,
    }
}

/// Decodes a packet of which [`is_header`] is true.
pub(super) fn decode<'a>(bytes: &'a [u8], auth_key: Option<&[u8]>) -> Result<HepPacket<'a>, HepError> {
    if auth_key.is_some() {
        return Err(HepError::NoKey);
    }
    let short = HepError::Malformed {
        expected: "a header of version 2 with addresses and time",
        found: bytes.len(),
        at: 0,
    };
    let (Some(fixed), Some(addresses_len)) = (
        bytes.first_chunk::<FIXED_LEN>(),
        bytes.get(2).and_then(|f| addresses_len(*f)),
    ) else {
        return Err(short);
    };
    let time_at = FIXED_LEN + addresses_len;
    let (Some(addresses), Some(time)) = (bytes.get(FIXED_LEN..time_at), bytes.get(time_at..time_at + TIME_LEN)) else {
        return Err(short);
    };
    let (source, destination) = addresses.split_at(addresses_len / 2);
    let port = |at| be16(fixed, at).unwrap_or(0);
    Ok(HepPacket {
        time_us: time_us(time),
        source: SocketAddr::new(address(source), port(4)),
        destination: SocketAddr::new(address(destination), port(6)),
        ip_protocol: fixed[3],
        protocol_type: SIP,
        payload: Cow::Borrowed(&bytes[time_at + TIME_LEN..]),
        capture_id: u32::from(u16::from_le_bytes([time[8], time[9]])),
        correlation_id: None,
        len: bytes.len(),
    })
}

/// Kamailio writes the time in little-endian order on every machine, other senders in network order: the one in which
/// the microseconds are fewer than a second is meant.
fn time_us(time: &[u8]) -> i64 {
    let word = |at: usize| [time[at], time[at + 1], time[at + 2], time[at + 3]];
    match micros(u32::from_le_bytes(word(0)), u32::from_le_bytes(word(4))) {
        0 => micros(u32::from_be_bytes(word(0)), u32::from_be_bytes(word(4))),
        time_us => time_us,
    }
}

fn address(octets: &[u8]) -> IpAddr {
    match (<[u8; 4]>::try_from(octets), <[u8; 16]>::try_from(octets)) {
        (Ok(v4), _) => Ipv4Addr::from(v4).into(),
        (_, Ok(v6)) => Ipv6Addr::from(v6).into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    }
}
