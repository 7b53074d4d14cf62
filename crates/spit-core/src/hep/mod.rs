//! HEP, the Homer encapsulation: SIP that a proxy or capture agent copies to a collector.
//!
//! Version 3 is "HEP3 Network Protocol Specification" (revision 36 and before, <https://github.com/sipcapture/HEP>),
//! the successor of draft-dubovikov-eep-hep-00. Version 2 was never written down: its header is the one that Kamailio's
//! `siptrace` and `sipcapture` modules, OpenSIPS and captagent send and read.
//!
//! What is malformed is an error at once, never "need more": only [`frame_len`] asks for more, and only for bytes
//! that are so far the beginning of a packet.

mod error;
mod inflate;
mod receive;
mod stream;
#[cfg(test)]
mod tests;
mod v2;
mod v3;

use std::borrow::Cow;
use std::net::SocketAddr;

pub use error::HepError;
pub use inflate::MAX_INFLATED;
pub(crate) use receive::{receive, Received};
pub(crate) use stream::starts_stream;
pub use stream::{frame_len, resynchronise, FrameLen};

use crate::Micros;

/// The first bytes of HEP version 3.
pub const MAGIC: &[u8; 4] = b"HEP3";

/// The protocol type of SIP (chunk 11).
pub const SIP: u8 = 1;

/// One packet that a HEP sender has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HepPacket<'a> {
    /// When the sender saw it; 0 when the packet does not say so, or says what can't be.
    pub time_us: Micros,
    /// Who sent it.
    pub source: SocketAddr,
    /// Who received it.
    pub destination: SocketAddr,
    /// IP protocol number: 17 UDP, 6 TCP, 132 SCTP; Kamailio writes 22 for TLS and WebSocket.
    pub ip_protocol: u8,
    /// What the payload is: 1 is SIP, 5 RTCP in JSON, 100 a line of log.
    pub protocol_type: u8,
    /// The payload; where it is SIP it has been inflated if it came compressed.
    pub payload: Cow<'a, [u8]>,
    /// The number that the sender was given.
    pub capture_id: u32,
    /// What joins packets of one call, usually the Call-ID.
    pub correlation_id: Option<&'a [u8]>,
    /// Bytes of the HEP packet: what follows is another one.
    pub len: usize,
}

/// Whether bytes begin like HEP version 2 or 3, told by content: senders use any port, Kamailio 5060.
#[inline]
pub fn is_hep(bytes: &[u8]) -> bool {
    match bytes.first() {
        Some(b'H') => bytes.starts_with(MAGIC),
        Some(2) => v2::is_header(bytes),
        _ => false,
    }
}

/// Decodes the HEP packet at the front of `bytes`.
///
/// With `auth_key` the packet must carry that key (chunk 14); version 2 has none and is refused then.
///
/// # Errors
/// [`HepError`] says what was expected, what was found and at which byte.
pub fn decode<'a>(bytes: &'a [u8], auth_key: Option<&[u8]>) -> Result<HepPacket<'a>, HepError> {
    if bytes.starts_with(MAGIC) {
        v3::decode(bytes, auth_key)
    } else if v2::is_header(bytes) {
        v2::decode(bytes, auth_key)
    } else {
        Err(HepError::NotHep {
            found: bytes[..bytes.len().min(4)].to_vec(),
        })
    }
}

/// Seconds and microseconds as one number; 0 for what no clock shows.
fn micros(seconds: u32, micros: u32) -> Micros {
    if seconds == 0 || micros >= 1_000_000 {
        return 0;
    }
    Micros::from(seconds) * 1_000_000 + Micros::from(micros)
}
