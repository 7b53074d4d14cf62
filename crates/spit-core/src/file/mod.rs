//! Capture file formats as bytes: pcap and pcapng. Reading the bytes is somebody else's work.

pub mod pcap;
pub mod pcapng;

use crate::packet::LinkType;
use crate::Micros;

/// The longest packet that is believed; a longer one means that the file is damaged.
pub const MAX_PACKET: usize = 512 * 1024;

/// A packet's place in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it was captured.
    pub time_us: Micros,
    /// The link type of the interface.
    pub link: LinkType,
    /// Bytes before the packet's data in the record or block.
    pub data_start: usize,
    /// Bytes captured.
    pub data_len: usize,
    /// Bytes the packet had on the wire.
    pub original_len: usize,
    /// Bytes of the whole record or block.
    pub len: usize,
}

/// What was expected and what was found where a file is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What should have stood there.
    pub expected: &'static str,
    /// What stood there.
    pub found: String,
}

/// Byte order of a file or section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Endian {
    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let b = [bytes[at], bytes[at + 1]];
        match self {
            Endian::Little => u16::from_le_bytes(b),
            Endian::Big => u16::from_be_bytes(b),
        }
    }

    #[inline]
    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let b = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        match self {
            Endian::Little => u32::from_le_bytes(b),
            Endian::Big => u32::from_be_bytes(b),
        }
    }
}
