//! Packets that a mirror shows twice: on two of its ports, before and after a router, on a bridge and its member.
//!
//! The same packet has the same addresses, protocol, identification and contents, and comes again within milliseconds.
//! Retransmissions of SIP come at least 500 ms later (T1, RFC 3261 section 17.1.1.1) and, from most senders, with
//! another identification: the short window keeps them where every packet has identification 0 (RFC 6864 permits it
//! with DF) or none (IPv6). A proxy's copy has other addresses. What a router or a capturing host may change is not
//! compared: TTL or hop limit, traffic class, and checksums, which are not computed yet in packets that the host sends.

use std::fmt;
use std::net::IpAddr;

use super::ip::{Fragment, IpPacket};
use crate::Micros;

/// By default, for how long a packet is remembered.
pub const DUPLICATE_WINDOW_US: Micros = 5_000;

/// Sets of four packets, each a cache line: 256 KiB, the packets of 8 ms at 2,000,000/s.
const SETS: usize = 4096;

/// Bytes of contents that are hashed at once.
const BLOCK: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Seen {
    hash: u64,
    time_us: Micros,
}

/// Four packets, the latest first.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Set([Seen; 4]);

/// The packets seen last, in a table of fixed size. A new packet takes the place of the oldest of its set.
pub struct Duplicates {
    sets: Vec<Set>,
    window_us: u64,
    keys: [u64; 8],
}

/// The keys are secret.
impl fmt::Debug for Duplicates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duplicates").finish_non_exhaustive()
    }
}

impl Duplicates {
    /// Remembers packets for `window_us`; 0 finds no duplicates. Who knows `seed` can make packets that are taken for
    /// duplicates of others.
    pub fn new(window_us: Micros, seed: u64) -> Self {
        let never = Seen {
            hash: 0,
            time_us: Micros::MIN,
        };
        let mut state = seed;
        Duplicates {
            sets: if window_us > 0 {
                vec![Set([never; 4]); SETS]
            } else {
                Vec::new()
            },
            window_us: window_us.max(0).unsigned_abs(),
            keys: std::array::from_fn(|_| next_key(&mut state)),
        }
    }

    /// Whether a packet with this UDP datagram was seen within the window; remembers it.
    #[inline]
    pub fn datagram(&mut self, packet: &IpPacket<'_>, now: Micros) -> bool {
        // Ports and length, without the checksum.
        let Some((header, contents)) = packet.payload.split_first_chunk::<8>() else {
            return false;
        };
        self.seen(packet, u64::from_le_bytes(*header) & 0xffff_ffff_ffff, 0, contents, now)
    }

    /// Whether a packet with this TCP segment was seen within the window; remembers it. Sequence numbers tell bytes
    /// from others, so the payload itself is not hashed.
    #[inline]
    pub fn segment(&mut self, packet: &IpPacket<'_>, now: Micros) -> bool {
        let Some((header, rest)) = packet.payload.split_first_chunk::<16>() else {
            return false;
        };
        let (ends, flags) = header.split_at(8);
        let options = rest.get(4..(usize::from(header[12] >> 4) * 4).saturating_sub(16));
        self.seen(packet, word(ends), word(flags), options.unwrap_or_default(), now)
    }

    /// Whether this fragment was seen within the window; remembers it.
    pub fn fragment(&mut self, packet: &IpPacket<'_>, fragment: Fragment, now: Micros) -> bool {
        let place = (fragment.offset as u64) << 1 | u64::from(fragment.more);
        self.seen(packet, u64::from(fragment.id), place, packet.payload, now)
    }

    #[inline]
    fn seen(&mut self, packet: &IpPacket<'_>, first: u64, second: u64, contents: &[u8], now: Micros) -> bool {
        if self.sets.is_empty() {
            return false;
        }
        let hash = self.hash(packet, first, second, contents);
        let Some(Set(set)) = self.sets.get_mut(hash as usize % SETS) else {
            return false;
        };
        // Merged captures are not quite in order of time: both directions count.
        let same = |seen: &Seen| seen.hash == hash && seen.time_us.abs_diff(now) <= self.window_us;
        if set.iter().any(same) {
            return true;
        }
        *set = [Seen { hash, time_us: now }, set[0], set[1], set[2]];
        false
    }

    /// Four chains of folded products, each step of a chain with a secret key in both factors.
    #[inline]
    fn hash(&self, packet: &IpPacket<'_>, first: u64, second: u64, contents: &[u8]) -> u64 {
        let k = &self.keys;
        let length = packet.payload.len() as u64;
        let about = u64::from(packet.identification) | u64::from(packet.protocol) << 32 | length << 40;
        let ends = match (packet.source, packet.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                u64::from(source.to_bits()) << 32 | u64::from(destination.to_bits())
            }
            (source, destination) => {
                let [a, b] = halves(source);
                let [c, d] = halves(destination);
                mix(mix(a ^ k[0], b ^ k[1]) ^ c, d ^ k[2])
            }
        };
        let mut chains = [
            mix(about ^ k[0], ends ^ k[4]),
            mix(first ^ k[1], second ^ k[5]),
            k[2],
            k[3],
        ];
        let mut step = |block: &[u8; BLOCK]| {
            for (n, chain) in chains.iter_mut().enumerate() {
                let at = |word: usize| u64::from_le_bytes(std::array::from_fn(|byte| block[8 * word + byte]));
                *chain = mix(*chain ^ at(2 * n), k[4 + n] ^ at(2 * n + 1));
            }
        };
        match contents.last_chunk::<BLOCK>() {
            Some(last) => {
                let mut rest = contents;
                while let Some((block, behind)) = rest.split_first_chunk::<BLOCK>() {
                    step(block);
                    rest = behind;
                }
                // The last block covers what is left; the bytes before it count twice.
                step(last);
            }
            None => {
                let mut block = [0; BLOCK];
                block[..contents.len()].copy_from_slice(contents);
                step(&block);
            }
        }
        let [a, b, c, d] = chains;
        mix(a ^ c.rotate_left(32), b ^ d.rotate_left(32))
    }
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[inline]
fn product(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}

#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let both = product(a, b);
    both as u64 ^ (both >> 64) as u64
}

fn halves(address: IpAddr) -> [u64; 2] {
    let bits = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    [(bits >> 64) as u64, bits as u64]
}

/// Keys that look random, of a seed (a Weyl sequence, mixed).
fn next_key(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = mix(*state, 0xd6e8_feb8_6659_fd93) ^ *state;
    mix(z, 0xa076_1d64_78bd_642f) ^ z.rotate_left(32)
}
