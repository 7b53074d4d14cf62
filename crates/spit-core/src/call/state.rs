//! What is kept of a call and of each of its legs.

use serde::{Deserialize, Serialize};

use super::texts::Texts;
use crate::decode::Transport;
use crate::sip::identity::Exemption;
use crate::Micros;

/// A point in time after the start of a call, which may not have come: microseconds in 40 bits, nearly 13 days.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Moment([u8; 5]);

impl Moment {
    pub(super) const NEVER: Moment = Moment([0xff; 5]);
    const LAST: u64 = (1 << 40) - 2;

    /// A time before the start, which a mirror may show, counts as the start.
    pub(super) fn at(time_us: Micros, start_us: Micros) -> Moment {
        let after = time_us.saturating_sub(start_us).max(0).unsigned_abs().min(Moment::LAST);
        let [a, b, c, d, e, ..] = after.to_le_bytes();
        Moment([a, b, c, d, e])
    }

    pub(super) fn get(self, start_us: Micros) -> Option<Micros> {
        let Moment([a, b, c, d, e]) = self;
        let after = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
        (self != Moment::NEVER).then(|| start_us.saturating_add_unsigned(after))
    }

    /// Sets the time unless it has been set.
    pub(super) fn first(&mut self, time_us: Micros, start_us: Micros) {
        if *self == Moment::NEVER {
            *self = Moment::at(time_us, start_us);
        }
    }
}

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Phase {
    /// The INVITE is out; nothing but 100 has come, or it rings.
    Calling,
    /// A final response asks for another try: 401, 407, 422, 491, 3xx.
    AwaitingRetry,
    /// A 2xx has come.
    Answered,
    /// The end event has been given; the call stays to absorb retransmissions.
    Ended,
    /// There is no call in this place.
    Free,
}

/// One call in two cache lines: what most messages touch stands in the first, because with many calls the time goes to
/// waiting for memory. Its texts and addresses stand elsewhere.
#[derive(Debug, Serialize, Deserialize)]
#[repr(C, align(64))]
pub(super) struct Call {
    /// The end of tracking unless something happens, on the tracker's clock.
    pub(super) deadline_us: Micros,
    /// The earliest timer that is queued for the call.
    pub(super) timer_us: Micros,
    pub(super) generation: u32,
    pub(super) first_leg: u32,
    /// The session interval (RFC 4028), 0 without one.
    pub(super) session_expires_s: u32,
    pub(super) retransmissions: u16,
    pub(super) final_status: u16,
    pub(super) hops: u16,
    pub(super) phase: Phase,
    pub(super) is_message: bool,
    pub(super) auth_challenged: bool,
    pub(super) transport: Transport,
    pub(super) provisional: Moment,
    pub(super) ring: Moment,
    pub(super) cancel: Moment,
    pub(super) answer: Moment,
    pub(super) last_response: Moment,
    pub(super) exemption: Option<Exemption>,
    pub(super) start_us: Micros,
    pub(super) session_hash: u64,
    pub(super) fingerprint: u64,
    pub(super) texts: Texts,
    pub(super) last_leg: u32,
    /// The place of the User-Agent's text.
    pub(super) agent: u32,
    pub(super) attestation: Option<char>,
}

/// Values by their place, in pages, so that growth neither copies nor doubles; places are used again.
#[derive(Debug)]
pub(super) struct Paged<T> {
    pages: Vec<Vec<T>>,
    free: Vec<u32>,
    used: usize,
}

const PAGE: usize = 1024;

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Paged {
            pages: Vec::new(),
            free: Vec::new(),
            used: 0,
        }
    }
}

impl<T> Paged<T> {
    /// Values that are kept.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Places, free ones among them.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.pages.iter().map(Vec::len).sum()
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<&T> {
        self.pages.get(at as usize / PAGE)?.get(at as usize % PAGE)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.pages.get_mut(at as usize / PAGE)?.get_mut(at as usize % PAGE)
    }

    /// The value in a place that is known to have been used.
    #[inline]
    pub(super) fn at(&self, at: u32) -> &T {
        &self.pages[at as usize / PAGE][at as usize % PAGE]
    }

    /// As `at`, to be changed.
    #[inline]
    pub(super) fn at_mut(&mut self, at: u32) -> &mut T {
        &mut self.pages[at as usize / PAGE][at as usize % PAGE]
    }

    /// Puts a value where there is room; answers where.
    pub(super) fn add(&mut self, value: T) -> u32 {
        self.used += 1;
        if let Some(at) = self.free.pop() {
            if let Some(place) = self.get_mut(at) {
                *place = value;
                return at;
            }
        }
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let page = self.pages.len() - 1;
        self.pages[page].push(value);
        (page * PAGE + self.pages[page].len() - 1) as u32
    }

    /// Gives a place away; what stands in it stays until it is used again.
    pub(super) fn free(&mut self, at: u32) {
        self.used -= 1;
        self.free.push(at);
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.pages
            .iter()
            .flatten()
            .enumerate()
            .map(|(at, value)| (at as u32, value))
    }
}

/// Calls by their place.
#[derive(Debug, Default)]
pub(super) struct Calls(Paged<Call>);

impl Calls {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Places that have been made, free ones among them.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.0.places()
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<&Call> {
        self.0.get(at).filter(|call| call.phase != Phase::Free)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut Call> {
        self.0.get_mut(at).filter(|call| call.phase != Phase::Free)
    }

    pub(super) fn add(&mut self, call: Call) -> u32 {
        self.0.add(call)
    }

    pub(super) fn free(&mut self, at: u32) {
        if let Some(call) = self.get_mut(at) {
            // A call that has ended gave them away then: its second cache line need not be fetched.
            if call.phase != Phase::Ended {
                call.texts = Texts::default();
            }
            call.phase = Phase::Free;
            self.0.free(at);
        }
    }

    /// Every call and its place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Call)> {
        self.0.iter().filter(|(_, call)| call.phase != Phase::Free)
    }
}

/// Hops of one leg that are told apart.
pub(super) const MAX_HOPS: usize = 5;

/// A call under one Call-ID and From-tag: the call itself, or its other side of a B2BUA. One cache line.
#[derive(Debug, Serialize, Deserialize)]
#[repr(C, align(64))]
pub(super) struct Leg {
    pub(super) from_tag: u64,
    pub(super) call_id: u64,
    pub(super) call: u32,
    /// The next leg of the same call.
    pub(super) next_of_call: u32,
    /// The next leg with the same Call-ID.
    pub(super) next_of_call_id: u32,
    pub(super) cseq: u32,
    /// The current INVITE transaction: the low half of its branch's hash.
    pub(super) branch: u32,
    /// The To-tag of the first 2xx: the low half of its hash.
    pub(super) answer_tag: u32,
    hop_hashes: [u32; MAX_HOPS],
    pub(super) hop_count: u8,
    /// One bit per hop: what has been seen there of the current INVITE transaction.
    pub(super) invite_seen: u8,
    pub(super) final_seen: u8,
}

const _: () = assert!(size_of::<Leg>() == 64 && size_of::<Call>() == 128);

/// No leg, no call.
pub(super) const NONE: u32 = u32::MAX;

impl Leg {
    pub(super) fn new(call: u32, call_id: u64, from_tag: u64) -> Leg {
        Leg {
            call,
            next_of_call: NONE,
            next_of_call_id: NONE,
            call_id,
            from_tag,
            branch: 0,
            cseq: 0,
            hop_count: 0,
            hop_hashes: [0; MAX_HOPS],
            invite_seen: 0,
            final_seen: 0,
            answer_tag: 0,
        }
    }

    /// The bit of a hop, and whether the hop is new. Hops beyond the last share its bit.
    pub(super) fn hop(&mut self, hash: u32) -> (u8, bool) {
        let known = usize::from(self.hop_count);
        if let Some(at) = self.hop_hashes[..known].iter().position(|h| *h == hash) {
            return (1 << at, false);
        }
        if known == MAX_HOPS {
            return (1 << (MAX_HOPS - 1), false);
        }
        self.hop_hashes[known] = hash;
        self.hop_count += 1;
        (1 << known, true)
    }

    /// The bit of a hop that is known, 0 for another.
    pub(super) fn known_hop(&self, hash: u32) -> u8 {
        let known = usize::from(self.hop_count);
        self.hop_hashes[..known]
            .iter()
            .position(|h| *h == hash)
            .map_or(0, |at| 1 << at)
    }

    /// Begins another INVITE transaction.
    pub(super) fn next_transaction(&mut self, cseq: u32, branch: u64) {
        self.cseq = cseq;
        self.branch = branch as u32;
        self.invite_seen = 0;
        self.final_seen = 0;
    }
}
