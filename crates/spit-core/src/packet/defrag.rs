//! Reassembly of IP fragments, bounded in bytes and in time.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::ip::{Fragment, IpPacket};
use crate::Micros;

/// Fragments of one packet wait that long for the rest (RFC 8200 section 4.5 says 60 s; senders give up sooner).
pub const FRAGMENT_TIMEOUT_US: Micros = 30_000_000;
/// The largest IP payload.
const MAX_PACKET: usize = 65_535;
/// Each waiting packet costs about this much beside its bytes.
const OVERHEAD: usize = 200;
/// Each fragment of it costs about this much beside its bytes.
const PIECE_OVERHEAD: usize = 48;
/// Fragments of one packet: the longest packet in pieces of 576 bytes, the least that every IPv4 host takes (RFC 791).
pub const MAX_PIECES: usize = 128;
/// Packets that came whole leave an entry behind; no more than these beside those of the packets that wait.
const MAX_STALE: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    id: u32,
}

#[derive(Debug)]
struct Waiting {
    /// Tells the packet from earlier ones with the same identification.
    serial: u64,
    pieces: Vec<(usize, Vec<u8>)>,
    held: usize,
    total: Option<usize>,
}

/// A packet in the order of its first fragment.
#[derive(Clone, Copy, Debug)]
struct Queued {
    since: Micros,
    serial: u64,
    key: Key,
}

/// A whole packet put together.
#[derive(Debug)]
pub struct Whole {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol of the payload.
    pub protocol: u8,
    /// The payload of all fragments.
    pub payload: Vec<u8>,
}

/// What became of fragments, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefragCounters {
    /// Fragments seen.
    pub fragments: u64,
    /// Packets put together.
    pub reassembled: u64,
    /// Packets given up because a fragment did not come in time.
    pub expired: u64,
    /// Packets given up because the memory bound was reached.
    pub evicted: u64,
    /// Fragments that contradict others, or whose packet would be too long or of too many pieces.
    pub rejected: u64,
}

/// Packets of which not every fragment has come.
#[derive(Debug)]
pub struct Defragmenter {
    waiting: HashMap<Key, Waiting>,
    order: VecDeque<Queued>,
    serial: u64,
    held: usize,
    max_bytes: usize,
    /// What became of fragments.
    pub counters: DefragCounters,
}

impl Defragmenter {
    /// Keeps at most about `max_bytes` of waiting fragments.
    pub fn new(max_bytes: usize) -> Self {
        Defragmenter {
            waiting: HashMap::new(),
            order: VecDeque::new(),
            serial: 0,
            held: 0,
            max_bytes,
            counters: DefragCounters::default(),
        }
    }

    /// Bytes of fragments that wait, bookkeeping included.
    pub fn held_bytes(&self) -> usize {
        self.held
    }

    /// Takes a fragment; answers the packet when it was the last one missing.
    pub fn take(&mut self, packet: &IpPacket<'_>, fragment: Fragment, now: Micros) -> Option<Whole> {
        self.counters.fragments += 1;
        self.expire(now);
        let end = fragment.offset + packet.payload.len();
        if end > MAX_PACKET || packet.payload.is_empty() || packet.truncated {
            self.counters.rejected += 1;
            return None;
        }
        let key = Key {
            source: packet.source,
            destination: packet.destination,
            protocol: packet.protocol,
            id: fragment.id,
        };
        let order = &mut self.order;
        let serial = &mut self.serial;
        let held = &mut self.held;
        let waiting = self.waiting.entry(key).or_insert_with(|| {
            *serial += 1;
            order.push_back(Queued {
                since: now,
                serial: *serial,
                key,
            });
            *held += OVERHEAD;
            Waiting {
                serial: *serial,
                pieces: Vec::with_capacity(2),
                held: OVERHEAD,
                total: None,
            }
        });
        let overlaps = waiting
            .pieces
            .iter()
            .any(|(start, bytes)| fragment.offset < start + bytes.len() && *start < end);
        if overlaps {
            // The first copy counts: duplicates on a mirror are harmless, other overlaps are attacks (RFC 5722).
            let same = waiting
                .pieces
                .iter()
                .any(|(start, bytes)| *start == fragment.offset && bytes == packet.payload);
            if !same {
                self.counters.rejected += 1;
            }
            return None;
        }
        if waiting.pieces.len() == MAX_PIECES {
            self.counters.rejected += 1;
            return None;
        }
        if !fragment.more {
            waiting.total = Some(end);
        }
        let at = waiting.pieces.partition_point(|(start, _)| *start < fragment.offset);
        waiting.pieces.insert(at, (fragment.offset, packet.payload.to_vec()));
        waiting.held += PIECE_OVERHEAD + packet.payload.len();
        *held += PIECE_OVERHEAD + packet.payload.len();
        let total = waiting.total;
        let reached = waiting
            .pieces
            .iter()
            .try_fold(0, |next, (start, bytes)| (*start == next).then(|| next + bytes.len()));
        if total.is_some() && reached == total {
            let done = self.waiting.remove(&key)?;
            self.held -= done.held;
            self.counters.reassembled += 1;
            let mut payload = Vec::with_capacity(end);
            for (_, bytes) in &done.pieces {
                payload.extend_from_slice(bytes);
            }
            return Some(Whole {
                source: key.source,
                destination: key.destination,
                protocol: key.protocol,
                payload,
            });
        }
        if self.order.len() > 2 * self.waiting.len() + MAX_STALE {
            let waiting = &self.waiting;
            self.order
                .retain(|queued| waiting.get(&queued.key).is_some_and(|w| w.serial == queued.serial));
        }
        while self.held > self.max_bytes && self.drop_oldest() {
            self.counters.evicted += 1;
        }
        None
    }

    /// Gives up packets that have waited too long at `now`.
    pub fn expire(&mut self, now: Micros) {
        while let Some(queued) = self.order.front() {
            if now.saturating_sub(queued.since) < FRAGMENT_TIMEOUT_US {
                return;
            }
            if self.drop_oldest() {
                self.counters.expired += 1;
            }
        }
    }

    /// Drops the oldest waiting packet. `false` when the oldest entry had been completed already, or none is left.
    fn drop_oldest(&mut self) -> bool {
        while let Some(Queued { serial, key, .. }) = self.order.pop_front() {
            if self.waiting.get(&key).is_some_and(|w| w.serial == serial) {
                if let Some(gone) = self.waiting.remove(&key) {
                    self.held -= gone.held;
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn packet(payload: &[u8]) -> IpPacket<'_> {
        IpPacket {
            source: Ipv4Addr::LOCALHOST.into(),
            destination: Ipv4Addr::LOCALHOST.into(),
            protocol: 17,
            identification: 0,
            payload,
            truncated: false,
            fragment: None,
        }
    }

    fn fragment(id: u32, offset: usize, more: bool) -> Fragment {
        Fragment { id, offset, more }
    }

    #[test]
    fn fragments_in_any_order_make_the_packet() {
        let mut d = Defragmenter::new(1 << 20);
        assert!(d.take(&packet(b"cccc"), fragment(1, 16, false), 0).is_none());
        assert!(d.take(&packet(b"aaaaaaaa"), fragment(1, 0, true), 1).is_none());
        let whole = d.take(&packet(b"bbbbbbbb"), fragment(1, 8, true), 2).unwrap();
        assert_eq!(whole.payload, b"aaaaaaaabbbbbbbbcccc");
        assert_eq!((d.held_bytes(), d.counters.reassembled), (0, 1));
    }

    #[test]
    fn duplicates_are_harmless_and_contradictions_are_rejected() {
        let mut d = Defragmenter::new(1 << 20);
        d.take(&packet(b"aaaaaaaa"), fragment(1, 0, true), 0);
        d.take(&packet(b"aaaaaaaa"), fragment(1, 0, true), 0);
        assert_eq!(d.counters.rejected, 0);
        d.take(&packet(b"XXXXXXXX"), fragment(1, 0, true), 0);
        assert_eq!(d.counters.rejected, 1);
        let whole = d.take(&packet(b"b"), fragment(1, 8, false), 0).unwrap();
        assert_eq!(whole.payload, b"aaaaaaaab");
    }

    #[test]
    fn a_flood_of_fragments_without_end_stays_below_the_bound() {
        let bound = 64 * 1024;
        let mut d = Defragmenter::new(bound);
        for id in 0..10_000 {
            d.take(&packet(&[0u8; 1400]), fragment(id, 0, true), i64::from(id));
            assert!(d.held_bytes() <= bound);
        }
        assert!(d.counters.evicted > 9_000);
    }

    #[test]
    fn packets_that_come_whole_leave_nothing_behind() {
        let mut d = Defragmenter::new(1 << 20);
        for id in 0..20_000 {
            d.take(&packet(b"aaaaaaaa"), fragment(id % 2, 0, true), 0);
            d.take(&packet(b"b"), fragment(id % 2, 8, false), 0);
            assert!(d.order.len() <= MAX_STALE + 2);
        }
        assert_eq!((d.held_bytes(), d.counters.reassembled), (0, 20_000));
    }

    #[test]
    fn a_packet_of_too_many_pieces_is_rejected_and_its_bookkeeping_counts() {
        let mut d = Defragmenter::new(1 << 20);
        for piece in 0..8000 {
            d.take(&packet(b"x"), fragment(1, piece * 8, true), 0);
        }
        assert_eq!(d.counters.rejected, 8000 - MAX_PIECES as u64);
        assert_eq!(d.held_bytes(), OVERHEAD + MAX_PIECES * (1 + PIECE_OVERHEAD));
    }

    #[test]
    fn fragments_wait_by_event_time() {
        let mut d = Defragmenter::new(1 << 20);
        d.take(&packet(b"aaaaaaaa"), fragment(1, 0, true), 0);
        d.take(&packet(b"aaaaaaaa"), fragment(2, 0, true), FRAGMENT_TIMEOUT_US);
        assert_eq!((d.counters.expired, d.waiting.len()), (1, 1));
    }

    #[test]
    fn a_packet_beyond_64_kib_is_rejected() {
        let mut d = Defragmenter::new(1 << 20);
        assert!(d.take(&packet(&[0; 100]), fragment(1, 65_528, false), 0).is_none());
        assert_eq!(d.counters.rejected, 1);
    }
}
