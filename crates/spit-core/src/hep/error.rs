//! What can be wrong with a HEP packet.

use std::fmt;

/// Why a HEP packet was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HepError {
    /// The bytes are neither version 2 nor version 3.
    NotHep {
        /// The first bytes, at most four.
        found: Vec<u8>,
    },
    /// A length or a value that can't be.
    Malformed {
        /// What should stand there.
        expected: &'static str,
        /// The number that stands there.
        found: usize,
        /// The byte of the packet at which it stands.
        at: usize,
    },
    /// A chunk that every packet has is not there.
    Missing {
        /// What the chunk holds.
        what: &'static str,
        /// The packet's protocol type, 0 when that is missing too.
        protocol_type: u8,
    },
    /// An authentication key is configured and the packet has none.
    NoKey,
    /// The packet's authentication key is another than the configured one.
    WrongKey,
    /// The compressed payload is no zlib stream, or ends early.
    NotZlib {
        /// The byte of the packet at which the payload begins.
        at: usize,
    },
    /// The compressed payload grows beyond the limit.
    Bomb {
        /// The limit in bytes.
        limit: usize,
    },
}

impl fmt::Display for HepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HepError::NotHep { found } => write!(
                f,
                "HEP: expected \"HEP3\" or a version 2 header at byte 0, found \"{}\"",
                found.escape_ascii()
            ),
            HepError::Malformed { expected, found, at } => {
                write!(f, "HEP: expected {expected} at byte {at}, found {found}")
            }
            HepError::Missing { what, protocol_type } => {
                write!(f, "HEP: expected {what}, found none (protocol type {protocol_type})")
            }
            HepError::NoKey => f.write_str("HEP: expected an authentication key (chunk 14), found none"),
            HepError::WrongKey => {
                f.write_str("HEP: expected the configured authentication key (chunk 14), found another")
            }
            HepError::NotZlib { at } => write!(
                f,
                "HEP: expected a zlib stream (chunk 16) at byte {at}, found bytes that are none or end early"
            ),
            HepError::Bomb { limit } => write!(
                f,
                "HEP: expected a compressed payload of at most {limit} bytes (chunk 16), found one that grows beyond"
            ),
        }
    }
}

impl std::error::Error for HepError {}
