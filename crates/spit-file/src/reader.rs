//! One capture file, packet by packet.

use std::sync::atomic::AtomicU64;
use std::sync::Arc;

use spit_core::file::pcap::{self, PcapHeader};
use spit_core::file::pcapng::{self, Pcapng};
use spit_core::file::{Malformed, Record};
use spit_core::packet::LinkType;
use spit_core::Micros;

use crate::bytes::Bytes;
use crate::damage::Damage;

/// A captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it was captured.
    pub time_us: Micros,
    /// The link type of the interface.
    pub link: LinkType,
    /// The captured bytes.
    pub data: &'a [u8],
    /// Bytes the frame had on the wire.
    pub original_len: usize,
}

enum Format {
    Pcap(PcapHeader),
    Pcapng(Pcapng),
}

/// An open capture file that stands at one packet.
pub struct CaptureFile {
    path: String,
    bytes: Bytes,
    format: Format,
    current: Option<Record>,
    packets: u64,
}

impl CaptureFile {
    /// Opens a file and goes to its first packet. `read` counts the file's own bytes.
    ///
    /// # Errors
    /// [`Damage`] when it can't be opened or is no capture.
    pub fn open(path: &str, read: Arc<AtomicU64>) -> Result<CaptureFile, Damage> {
        let broken = |offset, expected: &str, found: String| Damage {
            path: path.to_owned(),
            offset,
            packets: 0,
            expected: expected.to_owned(),
            found,
        };
        let mut bytes =
            Bytes::open(path, read).map_err(|e| broken(None, "a capture file that can be read", e.to_string()))?;
        let head = bytes.peek(pcap::HEADER_LEN).to_vec();
        let format = if Pcapng::matches(&head) {
            Format::Pcapng(Pcapng::default())
        } else if let Some(header) = PcapHeader::decode(&head) {
            bytes.advance(pcap::HEADER_LEN);
            Format::Pcap(header)
        } else {
            let found = match (bytes.error(), head.as_slice()) {
                (Some(e), _) => e.to_string(),
                (None, []) => "an empty file".to_owned(),
                (None, _) if PcapHeader::matches(&head) => {
                    format!("a file header of {} bytes", head.len())
                }
                (None, _) => format!("the bytes {}", shown(&head[..head.len().min(8)])),
            };
            return Err(broken(Some(0), "a pcap or pcapng capture (plain, gzip or zstd)", found));
        };
        Ok(CaptureFile {
            path: path.to_owned(),
            bytes,
            format,
            current: None,
            packets: 0,
        })
    }

    /// Goes to the next packet of a pcap file where the window holds all of it, as it nearly always does; `false` leaves
    /// it to [`CaptureFile::advance`].
    #[inline(always)] // Called once for each packet.
    pub(crate) fn advance_in_window(&mut self) -> bool {
        let (Format::Pcap(header), Some(done)) = (&self.format, &self.current) else {
            return false;
        };
        let done_len = done.len;
        let Some(rest) = self.bytes.window().get(done_len..) else {
            return false;
        };
        let Some(record) = rest.first_chunk().and_then(|head| header.record(head).ok()) else {
            return false;
        };
        if rest.len() < record.len {
            return false;
        }
        self.bytes.advance(done_len);
        self.current = Some(record);
        self.packets += 1;
        true
    }

    /// Goes to the next packet; `false` at the end.
    ///
    /// # Errors
    /// [`Damage`] where the file can't be read on; the packets before it have been given.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, Damage> {
        if let Some(done) = &self.current {
            self.bytes.advance(done.len);
            self.current = None;
        }
        let record = match &mut self.format {
            Format::Pcap(header) => {
                let head = self.bytes.peek(pcap::RECORD_HEADER_LEN);
                let Some(head) = head.first_chunk() else {
                    let found = head.len();
                    return self.end(found, "a packet record of at least 16 bytes");
                };
                match header.record(head) {
                    Ok(record) => record,
                    Err(e) => return Err(self.malformed(e)),
                }
            }
            Format::Pcapng(state) => loop {
                let head = self.bytes.peek(pcapng::SECTION_PEEK_LEN);
                if head.len() < pcapng::SECTION_PEEK_LEN {
                    let found = head.len();
                    return self.end(found, "a pcapng block of at least 12 bytes");
                }
                let block = match state.block(head) {
                    Ok(block) => block,
                    Err(e) => return Err(self.malformed(e)),
                };
                let whole = self.bytes.peek(block.len);
                if whole.len() < block.len {
                    let found = whole.len();
                    return self.end(found, "a whole pcapng block");
                }
                match state.take(block, whole) {
                    Ok(Some(record)) => break record,
                    Ok(None) => self.bytes.advance(block.len),
                    Err(e) => return Err(self.malformed(e)),
                }
            },
        };
        let there = self.bytes.peek(record.len).len();
        if there < record.len {
            return self.end(there, "a whole packet");
        }
        self.current = Some(record);
        self.packets += 1;
        Ok(true)
    }

    /// The packet at which the file stands.
    #[inline]
    pub fn packet(&self) -> Option<Packet<'_>> {
        let record = self.current?;
        let data = &self.bytes.window()[record.data_start..record.data_start + record.data_len];
        Some(Packet {
            time_us: record.time_us,
            link: record.link,
            data,
            original_len: record.original_len,
        })
    }

    /// The time of the packet at which the file stands.
    #[inline]
    pub fn time_us(&self) -> Option<Micros> {
        self.current.map(|record| record.time_us)
    }

    /// Whether bytes of a next packet are at hand, so that going on will probably not wait for a slow pipe.
    pub(crate) fn has_more_at_hand(&self) -> bool {
        self.bytes.window().len() > self.current.map_or(0, |record| record.len)
    }

    /// The clean end where nothing is left, damage where something is.
    #[cold]
    fn end(&mut self, left: usize, expected: &str) -> Result<bool, Damage> {
        let found = match self.bytes.error() {
            Some(e) => format!("a broken compressed stream ({e})"),
            None if left == 0 => return Ok(false),
            None => format!("the end of the file after {left} bytes of it"),
        };
        Err(self.damage(expected, found))
    }

    #[cold]
    fn malformed(&self, malformed: Malformed) -> Damage {
        self.damage(malformed.expected, malformed.found)
    }

    fn damage(&self, expected: &str, found: String) -> Damage {
        Damage {
            path: self.path.clone(),
            offset: Some(self.bytes.offset()),
            packets: self.packets,
            expected: expected.to_owned(),
            found,
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let text: String = bytes
        .iter()
        .map(|b| if b.is_ascii_graphic() { *b as char } else { '.' })
        .collect();
    format!("{} ({text:?})", hex.join(" "))
}
