//! What is kept of a call and of each of its legs.

use std::net::IpAddr;

use super::event::Text;
use crate::decode::Transport;
use crate::sip::identity::Exemption;
use crate::Micros;

/// The longest text that is kept of a header.
const MAX_TEXT: usize = 1024;

/// Where texts stand that follow each other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TextPlaces {
    ends: [u16; Text::COUNT],
    present: u16,
}

/// The texts of a call in one allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    bytes: Box<[u8]>,
    places: TextPlaces,
}

/// Writes the texts of a call behind those of others.
#[derive(Debug)]
pub(super) struct TextBuilder<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
    places: TextPlaces,
    next: usize,
}

impl<'a> TextBuilder<'a> {
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> TextBuilder<'a> {
        TextBuilder {
            start: bytes.len(),
            bytes,
            places: TextPlaces::default(),
            next: 0,
        }
    }

    /// Adds the next text in the order of [`Text`].
    #[inline]
    pub(super) fn push(&mut self, text: Text, value: Option<&[u8]>) {
        debug_assert_eq!(self.next, text as usize);
        if let Some(value) = value {
            self.bytes.extend_from_slice(&value[..value.len().min(MAX_TEXT)]);
            self.places.present |= 1 << text as u8;
        }
        self.places.ends[text as usize] = (self.bytes.len() - self.start) as u16;
        self.next = text as usize + 1;
    }

    /// Where the texts stand, and where the first begins.
    pub(super) fn build(self) -> (TextPlaces, usize) {
        debug_assert_eq!(self.next, Text::COUNT);
        (self.places, self.start)
    }
}

impl TextPlaces {
    /// A copy of the texts, which are the first of `bytes`.
    pub(super) fn keep(&self, bytes: &[u8]) -> Texts {
        let len = usize::from(self.ends[Text::COUNT - 1]).min(bytes.len());
        Texts {
            bytes: bytes[..len].into(),
            places: *self,
        }
    }
}

impl Texts {
    pub(super) fn get(&self, text: Text) -> Option<&[u8]> {
        if self.places.present & (1 << text as u8) == 0 {
            return None;
        }
        let at = text as usize;
        let start = if at == 0 { 0 } else { self.places.ends[at - 1] };
        self.bytes.get(usize::from(start)..usize::from(self.places.ends[at]))
    }
}

/// A point in time that may not have come: half the size of an `Option`, and a call has five.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moment(Micros);

impl Moment {
    pub(super) const NEVER: Moment = Moment(Micros::MIN);

    pub(super) fn at(time_us: Micros) -> Moment {
        Moment(time_us)
    }

    pub(super) fn get(self) -> Option<Micros> {
        (self != Moment::NEVER).then_some(self.0)
    }

    /// Sets the time unless it has been set.
    pub(super) fn first(&mut self, time_us: Micros) {
        if *self == Moment::NEVER {
            self.0 = time_us;
        }
    }
}

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// One call. What most messages touch stands in the first cache line: with many calls, the time goes to waiting for
/// memory.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Call {
    pub(super) phase: Phase,
    pub(super) is_message: bool,
    pub(super) auth_challenged: bool,
    pub(super) transport: Transport,
    pub(super) final_status: u16,
    pub(super) hops: u16,
    pub(super) generation: u32,
    pub(super) first_leg: u32,
    pub(super) retransmissions: u32,
    /// The session interval (RFC 4028), 0 without one.
    pub(super) session_expires_s: u32,
    /// The end of tracking unless something happens, on the tracker's clock.
    pub(super) deadline_us: Micros,
    /// The earliest timer that is queued for the call.
    pub(super) timer_us: Micros,
    pub(super) provisional_us: Moment,
    pub(super) ring_us: Moment,
    pub(super) cancel_us: Moment,
    pub(super) answer_us: Moment,
    pub(super) final_us: Moment,
    pub(super) start_us: Micros,
    pub(super) session_hash: u64,
    pub(super) parties_hash: u64,
    pub(super) fingerprint: u64,
    pub(super) texts: Texts,
    pub(super) last_leg: u32,
    pub(super) attestation: Option<char>,
    pub(super) source_ip: IpAddr,
    pub(super) destination_ip: IpAddr,
    pub(super) exemption: Option<Exemption>,
}

/// Calls by their place; places are used again.
#[derive(Debug, Default)]
pub(super) struct Calls {
    places: Vec<Call>,
    free: Vec<u32>,
}

impl Calls {
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Places that have been made, free ones among them.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<&Call> {
        self.places.get(at as usize).filter(|call| call.phase != Phase::Free)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut Call> {
        self.places
            .get_mut(at as usize)
            .filter(|call| call.phase != Phase::Free)
    }

    /// Puts a call where there is room; answers where.
    pub(super) fn add(&mut self, call: Call) -> u32 {
        match self.free.pop() {
            Some(at) => {
                self.places[at as usize] = call;
                at
            }
            None => {
                self.places.push(call);
                (self.places.len() - 1) as u32
            }
        }
    }

    pub(super) fn free(&mut self, at: u32) {
        if let Some(call) = self.get_mut(at) {
            call.phase = Phase::Free;
            self.free.push(at);
        }
    }

    /// Every call and its place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Call)> {
        let calls = self.places.iter().enumerate();
        calls
            .filter(|(_, call)| call.phase != Phase::Free)
            .map(|(at, call)| (at as u32, call))
    }
}

/// Hops of one leg that are told apart.
pub(super) const MAX_HOPS: usize = 5;

/// A call under one Call-ID and From-tag: the call itself, or its other side of a B2BUA. One cache line.
#[derive(Debug)]
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

const _: () = assert!(size_of::<Leg>() == 64 && size_of::<Call>() == 256);

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
