//! One direction of a connection: segments into bytes in order.

use super::content::Content;
use super::{Carried, Flow, TcpCounters};
use crate::decode::Seen;
use crate::sip::framing::MAX_MESSAGE;
use crate::sip::head::HeaderTable;
use crate::Micros;

/// Segments that wait for an earlier one, per stream.
pub(super) const MAX_WAITING: usize = 64;
/// Bytes of segments that wait for an earlier one, per stream.
pub(super) const MAX_WAITING_BYTES: usize = 256 * 1024;
/// Sequence numbers further away than this, before or behind, are those of another connection with the same ports.
/// No window of a signalling connection is so large, and no loss that is worth a guess.
pub(super) const MAX_DISTANCE: u32 = 16 * 1024 * 1024;
/// A missing segment is given up after this much event time.
pub(super) const GAP_TIMEOUT_US: Micros = 3_000_000;

/// Where a stream puts what it found.
pub(super) struct Out<'o, E: FnMut(Carried<'_>, &Seen)> {
    pub(super) counters: &'o mut TcpCounters,
    pub(super) table: &'o mut HeaderTable,
    pub(super) emit: &'o mut E,
    pub(super) flow: Flow,
}

/// A piece of the stream behind a gap. The pieces of a stream stand in order and don't overlap.
#[derive(Debug)]
struct Waiting {
    /// Bytes from the place in the stream to this piece.
    distance: usize,
    time_us: Micros,
    bytes: Vec<u8>,
}

impl Waiting {
    fn end(&self) -> usize {
        self.distance + self.bytes.len()
    }
}

#[derive(Debug)]
pub(super) struct Stream {
    /// Tells the stream from earlier ones between the same ends.
    serial: u64,
    /// The sequence number of the next byte in order.
    next: u32,
    /// The sequence number of the first byte, where the SYN was seen.
    first: Option<u32>,
    /// The sequence number behind the last byte, once a FIN has come.
    end: Option<u32>,
    /// Bytes in order that are not a whole message yet.
    pending: Vec<u8>,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    waits_since: Micros,
    in_gap_queue: bool,
    /// When the last segment came.
    last: Micros,
    /// When the latest of the bytes in order came.
    reached_us: Micros,
    content: Content,
    closed: bool,
}

impl Stream {
    /// A stream of which the segment at `start` is the first with data; `first` is what its SYN said.
    pub(super) fn new(serial: u64, start: u32, first: Option<u32>, now: Micros) -> Self {
        let first = first.filter(|first| (start.wrapping_sub(*first) as i32).unsigned_abs() <= MAX_DISTANCE);
        Stream {
            serial,
            next: first.unwrap_or(start),
            first,
            end: None,
            pending: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            waits_since: now,
            in_gap_queue: false,
            last: now,
            reached_us: Micros::MIN,
            content: Content::default(),
            closed: false,
        }
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    pub(super) fn first(&self) -> Option<u32> {
        self.first
    }

    pub(super) fn last_us(&self) -> Micros {
        self.last
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Since when segments wait behind a gap, unless the queue of gaps knows it already: it does from now on.
    pub(super) fn wants_gap_entry(&mut self) -> Option<Micros> {
        if self.waiting.is_empty() || self.in_gap_queue {
            return None;
        }
        self.in_gap_queue = true;
        Some(self.waits_since)
    }

    /// The queue of gaps has reached this stream: reads what has waited for too long.
    pub(super) fn give_up_gap(&mut self, now: Micros, out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>) {
        self.in_gap_queue = false;
        while !self.waiting.is_empty() && now.saturating_sub(self.waits_since) > GAP_TIMEOUT_US {
            self.skip_gap(out);
        }
    }

    /// Bytes that wait, for the rest of a message or behind a gap.
    pub(super) fn held_bytes(&self) -> usize {
        self.pending.capacity() + self.waiting_bytes + self.content.held_bytes()
    }

    /// How far a sequence number is ahead of the place in the stream. Numbers wrap: the difference as a signed number
    /// tells before from behind (RFC 9293 section 3.4).
    pub(super) fn distance(&self, sequence: u32) -> i32 {
        sequence.wrapping_sub(self.next) as i32
    }

    pub(super) fn take(
        &mut self,
        start: u32,
        payload: &[u8],
        fin: bool,
        now: Micros,
        out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>,
    ) {
        self.last = self.last.max(now);
        let ahead = self.distance(start);
        if ahead.unsigned_abs() > MAX_DISTANCE || self.closed && ahead >= 0 && !payload.is_empty() {
            self.restart(start, out);
        }
        if fin {
            self.end = Some(start.wrapping_add(payload.len() as u32));
        }
        if !payload.is_empty() {
            self.take_payload(start, payload, now, out);
        }
        if self.end.is_some_and(|end| self.distance(end) <= 0) {
            self.close(out);
        }
    }

    fn take_payload(
        &mut self,
        start: u32,
        mut payload: &[u8],
        now: Micros,
        out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>,
    ) {
        let mut ahead = self.distance(start);
        if ahead < 0 {
            let seen = ahead.unsigned_abs() as usize;
            if seen >= payload.len() {
                out.counters.retransmitted += 1;
                return;
            }
            payload = &payload[seen..];
            ahead = 0;
        }
        if ahead == 0 && self.waiting.is_empty() {
            self.append(payload, now, out);
            return;
        }
        if self.content.is_given_up() {
            // Nothing is lost with what is missing.
            self.waiting.clear();
            self.waiting_bytes = 0;
            self.advance(ahead.unsigned_abs() as usize);
            self.append(payload, now, out);
            return;
        }
        self.hold(ahead.unsigned_abs() as usize, payload, now, out.counters);
        self.take_waiting(out);
        while self.waiting.len() > MAX_WAITING || self.waiting_bytes > MAX_WAITING_BYTES {
            self.skip_gap(out);
        }
    }

    /// Keeps the parts of a segment that are not there yet: the first copy of a byte counts.
    fn hold(&mut self, ahead: usize, payload: &[u8], now: Micros, counters: &mut TcpCounters) {
        if self.waiting.is_empty() {
            self.waits_since = now;
        }
        let end = ahead + payload.len();
        let mut from = ahead;
        let mut at = self.waiting.partition_point(|piece| piece.end() <= from);
        let (mut kept, mut conflicts) = (false, false);
        while from < end {
            let (start, upto) = match self.waiting.get(at) {
                Some(piece) if piece.distance < end => (piece.distance, piece.end().min(end)),
                _ => (end, end),
            };
            if from < start {
                let bytes = payload[from - ahead..start - ahead].to_vec();
                self.waiting_bytes += bytes.len();
                let piece = Waiting {
                    distance: from,
                    time_us: now,
                    bytes,
                };
                self.waiting.insert(at, piece);
                kept = true;
                at += 1;
                from = start;
            }
            if let Some(piece) = self.waiting.get(at).filter(|_| from < upto) {
                let there = &piece.bytes[from - piece.distance..upto - piece.distance];
                conflicts |= there != &payload[from - ahead..upto - ahead];
            }
            from = upto;
            at += 1;
        }
        counters.retransmitted += u64::from(!kept);
        counters.conflicting += u64::from(conflicts);
    }

    /// Appends the waiting pieces that the stream has reached.
    fn take_waiting(&mut self, out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>) {
        while self.waiting.first().is_some_and(|piece| piece.distance == 0) {
            let piece = self.waiting.remove(0);
            self.waiting_bytes -= piece.bytes.len();
            self.append(&piece.bytes, piece.time_us, out);
        }
    }

    /// Gives up the missing bytes before the first waiting piece; what was pending can't be completed.
    pub(super) fn skip_gap(&mut self, out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>) {
        let Some(distance) = self.waiting.first().map(|piece| piece.distance) else {
            return;
        };
        out.counters.gaps += 1;
        self.drop_pending(out.counters);
        self.content.lose_place();
        self.advance(distance);
        self.take_waiting(out);
        if let Some(piece) = self.waiting.first() {
            self.waits_since = piece.time_us;
        }
    }

    /// Reads what waits and forgets the rest. A late copy of a segment is still known as one.
    pub(super) fn close(&mut self, out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>) {
        while !self.waiting.is_empty() {
            self.skip_gap(out);
        }
        self.drop_pending(out.counters);
        self.content = Content::default();
        self.closed = true;
    }

    /// Begins anew at `start`: another connection uses the ports, and its SYN was not seen.
    fn restart(&mut self, start: u32, out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>) {
        if !self.closed {
            out.counters.restarted += 1;
        }
        self.close(out);
        self.next = start;
        self.first = None;
        self.end = None;
        self.closed = false;
    }

    fn drop_pending(&mut self, counters: &mut TcpCounters) {
        counters.junk_bytes += self.pending.len() as u64;
        self.pending = Vec::new();
    }

    /// Moves the place in the stream on and brings the distances along.
    fn advance(&mut self, by: usize) {
        self.next = self.next.wrapping_add(by as u32);
        for piece in &mut self.waiting {
            piece.distance = piece.distance.saturating_sub(by);
        }
    }

    fn append(&mut self, payload: &[u8], time_us: Micros, out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>) {
        self.advance(payload.len());
        // What comes behind a segment is never earlier than it.
        self.reached_us = self.reached_us.max(time_us);
        if self.pending.is_empty() {
            // The usual case: whole messages in a segment, parsed where they stand.
            let used = self.content.take(payload, self.reached_us, out);
            self.pending.extend_from_slice(&payload[used..]);
        } else {
            let before = self.pending.len();
            self.pending.extend_from_slice(payload);
            if !self.content.is_worth_a_look(&self.pending, before) {
                return;
            }
            let mut bytes = std::mem::take(&mut self.pending);
            let used = self.content.take(&bytes, self.reached_us, out);
            bytes.drain(..used);
            // Buffers that nobody needs would add up over the streams.
            self.pending = if bytes.is_empty() { Vec::new() } else { bytes };
        }
        debug_assert!(self.pending.len() <= 2 * MAX_MESSAGE);
    }
}
