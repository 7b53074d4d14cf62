//! The pcapng format (draft-ietf-opsawg-pcapng): blocks, interfaces, packets.

use super::{Endian, Malformed, Record, MAX_PACKET};
use crate::packet::LinkType;
use crate::Micros;

/// Bytes of a block's type and length.
pub const BLOCK_HEADER_LEN: usize = 8;
/// Bytes needed to decode any block's header: a section header's byte order stands behind it.
pub const SECTION_PEEK_LEN: usize = 12;
/// The longest block that is believed.
const MAX_BLOCK: usize = 16 * 1024 * 1024;
/// Interfaces of one section that are kept.
const MAX_INTERFACES: usize = 65_536;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snap_len: usize,
    /// Units of a timestamp in one second.
    units_per_s: u128,
    offset_s: i64,
}

/// The state of a pcapng file while it is read.
#[derive(Debug)]
pub struct Pcapng {
    endian: Endian,
    interfaces: Vec<Interface>,
    last_time_us: Micros,
}

/// One block's type and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    kind: u32,
    /// Bytes of the whole block.
    pub len: usize,
}

impl Default for Pcapng {
    fn default() -> Self {
        Pcapng {
            endian: Endian::Little,
            interfaces: Vec::new(),
            last_time_us: 0,
        }
    }
}

impl Pcapng {
    /// Whether bytes begin with a section header block.
    pub fn matches(bytes: &[u8]) -> bool {
        bytes.get(..4) == Some(&[0x0a, 0x0d, 0x0d, 0x0a])
    }

    /// Decodes a block's header from at least [`SECTION_PEEK_LEN`] bytes.
    ///
    /// # Errors
    /// [`Malformed`] when type, byte order or length can't be a block's.
    pub fn block(&mut self, bytes: &[u8]) -> Result<Block, Malformed> {
        if Self::matches(bytes) {
            self.endian = match bytes[8..12] {
                [0x4d, 0x3c, 0x2b, 0x1a] => Endian::Little,
                [0x1a, 0x2b, 0x3c, 0x4d] => Endian::Big,
                _ => {
                    return Err(Malformed {
                        expected: "the byte-order magic 1a2b3c4d",
                        found: format!("{:02x?}", &bytes[8..12]),
                    })
                }
            };
        }
        let len = self.endian.u32(bytes, 4) as usize;
        if !(12..=MAX_BLOCK).contains(&len) || !len.is_multiple_of(4) {
            return Err(Malformed {
                expected: "a pcapng block of 12 to 16777216 bytes, in steps of 4",
                found: format!("a block that says {len} bytes"),
            });
        }
        Ok(Block {
            kind: self.endian.u32(bytes, 0),
            len,
        })
    }

    /// Takes a whole block; answers the packet that it holds, if any. Unknown blocks are passed over.
    ///
    /// # Errors
    /// [`Malformed`] when the block contradicts itself.
    pub fn take(&mut self, block: Block, bytes: &[u8]) -> Result<Option<Record>, Malformed> {
        let body = &bytes[BLOCK_HEADER_LEN..block.len - 4];
        match block.kind {
            SECTION_HEADER => {
                self.interfaces.clear();
                Ok(None)
            }
            INTERFACE_DESCRIPTION => self.interface(body).map(|()| None),
            ENHANCED_PACKET => self.packet(body, self.u32_at(body, 0)? as usize, block.len).map(Some),
            PACKET => {
                let short = self.u32_at(body, 0)?;
                let id = match self.endian {
                    Endian::Little => short & 0xffff,
                    Endian::Big => short >> 16,
                };
                self.packet(body, id as usize, block.len).map(Some)
            }
            SIMPLE_PACKET => {
                let original_len = self.u32_at(body, 0)? as usize;
                let interface = self.interface_at(0)?;
                let data_len = original_len.min(interface.snap_len).min(body.len() - 4);
                Ok(Some(Record {
                    // Simple packets carry no time: that of the packet before is the best known.
                    time_us: self.last_time_us,
                    link: interface.link,
                    data_start: BLOCK_HEADER_LEN + 4,
                    data_len,
                    original_len,
                    len: block.len,
                }))
            }
            _ => Ok(None),
        }
    }

    fn packet(&mut self, body: &[u8], interface: usize, len: usize) -> Result<Record, Malformed> {
        let high = self.u32_at(body, 4)?;
        let low = self.u32_at(body, 8)?;
        let data_len = self.u32_at(body, 12)? as usize;
        let original_len = self.u32_at(body, 16)? as usize;
        let interface = self.interface_at(interface)?;
        if data_len > body.len() - 20 || data_len > MAX_PACKET {
            return Err(Malformed {
                expected: "packet data inside its block",
                found: format!("{data_len} bytes of packet in a block of {len}"),
            });
        }
        let ticks = u128::from(high) << 32 | u128::from(low);
        let micros = ticks * 1_000_000 / interface.units_per_s;
        let time_us = Micros::try_from(micros)
            .unwrap_or(Micros::MAX)
            .saturating_add(interface.offset_s.saturating_mul(1_000_000));
        self.last_time_us = time_us;
        Ok(Record {
            time_us,
            link: interface.link,
            data_start: BLOCK_HEADER_LEN + 20,
            data_len,
            original_len,
            len,
        })
    }

    fn interface_at(&self, id: usize) -> Result<Interface, Malformed> {
        self.interfaces.get(id).copied().ok_or_else(|| Malformed {
            expected: "a packet of an interface that was described before it",
            found: format!("interface {id} of {}", self.interfaces.len()),
        })
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), Malformed> {
        let snap_len = match self.u32_at(body, 4)? as usize {
            0 => MAX_PACKET,
            n => n,
        };
        let mut interface = Interface {
            link: LinkType::of(self.endian.u16(body, 0)),
            snap_len,
            units_per_s: 1_000_000,
            offset_s: 0,
        };
        let mut at = 8;
        while at + 4 <= body.len() {
            let code = self.endian.u16(body, at);
            let len = usize::from(self.endian.u16(body, at + 2));
            let Some(value) = body.get(at + 4..at + 4 + len) else {
                break;
            };
            match (code, value) {
                (0, _) => break,
                // if_tsresol: power of 10, or of 2 with the top bit set
                (9, [power]) => {
                    let base: u128 = if power & 0x80 == 0 { 10 } else { 2 };
                    interface.units_per_s = base.checked_pow(u32::from(power & 0x7f)).unwrap_or(u128::MAX);
                }
                // if_tsoffset: seconds to add
                (14, eight) if eight.len() == 8 => {
                    let raw = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| eight[i]);
                    interface.offset_s = match self.endian {
                        Endian::Little => i64::from_le_bytes(raw),
                        Endian::Big => i64::from_be_bytes(raw),
                    };
                }
                _ => {}
            }
            at += 4 + len.div_ceil(4) * 4;
        }
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(interface);
        }
        Ok(())
    }

    fn u32_at(&self, body: &[u8], at: usize) -> Result<u32, Malformed> {
        if body.len() < at + 4 {
            return Err(Malformed {
                expected: "a pcapng block long enough for its fields",
                found: format!("a body of {} bytes", body.len()),
            });
        }
        Ok(self.endian.u32(body, at))
    }
}
