//! The classic pcap format (draft-ietf-opsawg-pcap).

use super::{Endian, Malformed, Record, MAX_PACKET};
use crate::packet::LinkType;
use crate::Micros;

/// Bytes of the file header.
pub const HEADER_LEN: usize = 24;
/// Bytes of a record header.
pub const RECORD_HEADER_LEN: usize = 16;

/// A pcap file header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcapHeader {
    endian: Endian,
    nanoseconds: bool,
    /// The link type of every packet.
    pub link: LinkType,
}

impl PcapHeader {
    /// Whether bytes begin with a pcap magic number.
    pub fn matches(bytes: &[u8]) -> bool {
        magic(bytes).is_some()
    }

    /// Decodes a file header from [`HEADER_LEN`] bytes.
    pub fn decode(bytes: &[u8]) -> Option<PcapHeader> {
        let (endian, nanoseconds) = magic(bytes)?;
        let link = endian.u32(bytes.get(..HEADER_LEN)?, 20);
        Some(PcapHeader {
            endian,
            nanoseconds,
            // The upper bits tell of a frame check sequence, which the IP length cuts off.
            link: LinkType::of((link & 0xffff) as u16),
        })
    }

    /// Decodes a record header.
    ///
    /// # Errors
    /// [`Malformed`] when the length can't be that of a packet.
    #[inline(always)] // The answer would be copied.
    pub fn record(&self, bytes: &[u8; RECORD_HEADER_LEN]) -> Result<Record, Malformed> {
        let seconds = self.endian.u32(bytes, 0);
        let fraction = self.endian.u32(bytes, 4);
        let data_len = self.endian.u32(bytes, 8) as usize;
        if data_len > MAX_PACKET {
            return Err(too_long(data_len));
        }
        let micros = if self.nanoseconds { fraction / 1000 } else { fraction };
        Ok(Record {
            time_us: Micros::from(seconds) * 1_000_000 + Micros::from(micros),
            link: self.link,
            data_start: RECORD_HEADER_LEN,
            data_len,
            original_len: self.endian.u32(bytes, 12) as usize,
            len: RECORD_HEADER_LEN + data_len,
        })
    }
}

#[cold]
fn too_long(data_len: usize) -> Malformed {
    Malformed {
        expected: "a packet of at most 524288 bytes",
        found: format!("a record that says {data_len} bytes"),
    }
}

fn magic(bytes: &[u8]) -> Option<(Endian, bool)> {
    match bytes.get(..4)? {
        [0xd4, 0xc3, 0xb2, 0xa1] => Some((Endian::Little, false)),
        [0xa1, 0xb2, 0xc3, 0xd4] => Some((Endian::Big, false)),
        [0x4d, 0x3c, 0xb2, 0xa1] => Some((Endian::Little, true)),
        [0xa1, 0xb2, 0x3c, 0x4d] => Some((Endian::Big, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_and_both_resolutions() {
        let mut little = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
        little.extend([0u8; 12]);
        little.extend([1, 0, 0, 0]);
        let header = PcapHeader::decode(&little).unwrap();
        let record = header
            .record(&[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0])
            .unwrap();
        assert_eq!(
            (record.time_us, record.data_len, record.original_len, record.link),
            (1_000_002, 3, 4, LinkType::Ethernet)
        );
        let mut big = vec![0xa1, 0xb2, 0x3c, 0x4d];
        big.extend([0u8; 16]);
        big.extend([0, 0, 0, 101]);
        let header = PcapHeader::decode(&big).unwrap();
        let record = header
            .record(&[0, 0, 0, 1, 0, 0, 0x0f, 0xa0, 0, 0, 0, 3, 0, 0, 0, 3])
            .unwrap();
        assert_eq!((record.time_us, record.link), (1_000_004, LinkType::RawIp));
    }

    #[test]
    fn a_length_that_lies_is_malformed() {
        let mut header = vec![0xd4, 0xc3, 0xb2, 0xa1];
        header.extend([0u8; 20]);
        let header = PcapHeader::decode(&header).unwrap();
        assert!(header.record(&[0xff; 16]).is_err());
    }
}
