//! A packet socket's ring: blocks of memory that the kernel fills and gives over one by one (TPACKET_V3,
//! Linux `Documentation/networking/packet_mmap.rst`).

#![allow(unsafe_code)]

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use spit_core::Micros;

use crate::socket::{Interface, PacketSocket};

/// Bytes of a block: many small blocks, because a block that is given over for its age holds few packets, and a thread
/// that is not scheduled for 100 ms must not find the ring full. Offloading joins segments to 64 KiB, which fit.
const BLOCK_LEN: usize = 256 * 1024;

/// A block is given over when it is full or this old.
pub(crate) const RETIRE_MS: u32 = 10;

/// Where a block's header (`struct tpacket_block_desc`) says what is in it.
const STATUS_AT: usize = 8;
const PACKETS_AT: usize = 12;
const FIRST_PACKET_AT: usize = 16;

/// `struct tpacket3_hdr`, as far as it is read.
const PACKET_HEADER_LEN: usize = 48;

/// A ring that is mapped into memory.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) socket: PacketSocket,
    memory: NonNull<u8>,
    blocks: usize,
    next: usize,
}

// SAFETY: the memory belongs to the ring alone and is reached only through `&mut self`; the kernel does not care which
// thread reads it.
unsafe impl Send for Ring {}

/// A packet as it lies in its block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RingPacket<'a> {
    pub(crate) time_us: Micros,
    /// The frame. An outermost VLAN tag is not in it, the kernel has taken it off.
    pub(crate) data: &'a [u8],
    /// Bytes the frame had.
    pub(crate) original_len: usize,
}

impl Ring {
    /// A ring for a socket that receives nothing yet.
    pub(crate) fn map(socket: PacketSocket, interface: &Interface, ring_mib: usize) -> io::Result<Ring> {
        let blocks = (ring_mib * 1024 * 1024 / BLOCK_LEN).max(2);
        let no_room = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("interface {}: a ring of {ring_mib} MiB: {error}", interface.name),
            )
        };
        socket.request_ring(BLOCK_LEN, blocks, RETIRE_MS).map_err(no_room)?;
        // SAFETY: a new mapping where the kernel likes, of the ring that the socket has just been given, in full.
        let memory = unsafe {
            libc::mmap(
                ptr::null_mut(),
                BLOCK_LEN * blocks,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(no_room(io::Error::last_os_error()));
        }
        let memory = NonNull::new(memory.cast()).ok_or_else(|| no_room(io::ErrorKind::OutOfMemory.into()))?;
        Ok(Ring {
            socket,
            memory,
            blocks,
            next: 0,
        })
    }

    /// The next block when the kernel has given it over. It goes back to the kernel when it is dropped.
    pub(crate) fn next_block(&mut self) -> Option<Block<'_>> {
        // Acquire: what the kernel wrote into the block before it changed the status is seen after it.
        let ours = self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0;
        ours.then(|| Block { ring: self })
    }

    /// Packets in the block that the kernel is filling.
    pub(crate) fn packets_to_come(&self) -> u32 {
        self.word(PACKETS_AT).load(Ordering::Relaxed)
    }

    fn status(&self) -> &AtomicU32 {
        self.word(STATUS_AT)
    }

    /// A word in the header of the next block.
    fn word(&self, at: usize) -> &AtomicU32 {
        // SAFETY: the next block is one of `blocks`, its header is longer than `at` and a word, and aligned: the mapping
        // begins at a page and blocks are whole pages. The kernel writes to it too, hence atomic.
        unsafe { AtomicU32::from_ptr(self.memory.as_ptr().add(self.next * BLOCK_LEN + at).cast()) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the mapping made in `map`, and no block of it is borrowed any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), BLOCK_LEN * self.blocks) };
    }
}

/// A block that is ours for a while.
pub(crate) struct Block<'a> {
    ring: &'a mut Ring,
}

impl Block<'_> {
    /// Its packets in order.
    pub(crate) fn packets(&self) -> Packets<'_> {
        // SAFETY: the block lies within the mapping, and the kernel does not write to it until its status is given back,
        // which needs `self` to be gone.
        let bytes = unsafe {
            let start = self.ring.memory.as_ptr().add(self.ring.next * BLOCK_LEN);
            std::slice::from_raw_parts(start, BLOCK_LEN)
        };
        Packets::new(bytes)
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        // Where the ring stands full, the kernel does not open the block again at once: `packets_to_come` must not find
        // the old number.
        self.ring.word(PACKETS_AT).store(0, Ordering::Relaxed);
        // Release: our reads of the block come before the kernel writes to it again.
        self.ring.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.ring.next = (self.ring.next + 1) % self.ring.blocks;
    }
}

/// The packets of a block. Lengths and places are checked: a block that contradicts itself ends there.
pub(crate) struct Packets<'a> {
    block: &'a [u8],
    at: usize,
    left: u32,
}

impl<'a> Packets<'a> {
    fn new(block: &'a [u8]) -> Packets<'a> {
        Packets {
            block,
            at: u32_at(block, FIRST_PACKET_AT).unwrap_or(0) as usize,
            left: u32_at(block, PACKETS_AT).unwrap_or(0),
        }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = RingPacket<'a>;

    #[inline]
    fn next(&mut self) -> Option<RingPacket<'a>> {
        self.left = self.left.checked_sub(1)?;
        let bytes = self.block.get(self.at..)?;
        let header = bytes.get(..PACKET_HEADER_LEN)?;
        let kept = u32_at(header, 12)? as usize;
        let data_at = usize::from(u16::from_ne_bytes([header[24], header[25]]));
        let packet = RingPacket {
            time_us: Micros::from(u32_at(header, 4)?) * 1_000_000 + Micros::from(u32_at(header, 8)? / 1000),
            data: bytes.get(data_at..)?.get(..kept)?,
            original_len: u32_at(header, 16)? as usize,
        };
        // The last packet of a block says 0.
        match u32_at(header, 0)? as usize {
            0 => self.left = 0,
            offset => self.at += offset,
        }
        Some(packet)
    }
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with these packets, laid out as the kernel does.
    fn block(packets: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let first = 48;
        let mut bytes = vec![0; first];
        bytes[PACKETS_AT..PACKETS_AT + 4].copy_from_slice(&(packets.len() as u32).to_ne_bytes());
        bytes[FIRST_PACKET_AT..FIRST_PACKET_AT + 4].copy_from_slice(&(first as u32).to_ne_bytes());
        for (i, (seconds, nanoseconds, data)) in packets.iter().enumerate() {
            let data_at = 82;
            let len = (data_at + data.len()).next_multiple_of(16);
            let next = if i + 1 == packets.len() { 0 } else { len };
            let mut packet = Vec::new();
            for word in [next as u32, *seconds, *nanoseconds, data.len() as u32, 1500, 0] {
                packet.extend(word.to_ne_bytes());
            }
            packet.extend((data_at as u16).to_ne_bytes());
            packet.resize(data_at, 0);
            packet.extend(*data);
            packet.resize(len, 0);
            bytes.extend(packet);
        }
        bytes
    }

    #[test]
    fn packets_are_read_where_they_lie() {
        let bytes = block(&[
            (1_000, 2_999, b"one"),
            (1_001, 0, b""),
            (4_000_000_000, 5_000, b"three"),
        ]);
        let packets: Vec<_> = Packets::new(&bytes).collect();
        let seen: Vec<_> = packets.iter().map(|packet| (packet.time_us, packet.data)).collect();
        assert_eq!(
            seen,
            [
                (1_000_000_002, &b"one"[..]),
                (1_001_000_000, b""),
                (4_000_000_000_000_005, b"three")
            ]
        );
        assert!(packets.iter().all(|packet| packet.original_len == 1500));
    }

    #[test]
    fn a_block_that_contradicts_itself_is_read_up_to_there() {
        let whole = block(&[(1, 0, b"one"), (2, 0, b"two")]);
        for len in 0..whole.len() {
            let read = Packets::new(&whole[..len]).count();
            assert!(read <= 1 || len > whole.len() - 16, "{read} packets of {len} bytes");
        }
        let mut looping = whole;
        looping[PACKETS_AT..PACKETS_AT + 4].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(Packets::new(&looping).count(), 2);
    }

    #[test]
    fn an_empty_block_holds_nothing() {
        assert_eq!(Packets::new(&block(&[])).count(), 0);
        assert_eq!(Packets::new(&[]).count(), 0);
    }
}
