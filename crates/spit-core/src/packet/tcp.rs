//! TCP streams put back in order (RFC 9293), bounded per stream and in number. A passive reader: nobody resends for us.

use std::collections::VecDeque;
use std::net::SocketAddr;

use hashbrown::HashMap;

use super::transport::TcpSegment;
use crate::sip::framing::{framed, next_frame, Awaited, Frame, MAX_MESSAGE};
use crate::sip::head::HeaderTable;
use crate::sip::message::Message;
use crate::sip::start_line::starts_message;
use crate::Micros;

/// Bytes that all streams together may hold, of messages that are not whole and behind gaps.
pub const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;
/// Segments that wait for an earlier one, per stream.
const MAX_WAITING: usize = 64;
/// Bytes of segments that wait for an earlier one, per stream.
const MAX_WAITING_BYTES: usize = 256 * 1024;
/// A stream that has nothing to keep keeps no more memory than this.
const MAX_SPARE_BYTES: usize = 4096;
/// A missing segment is given up after this much event time.
const GAP_TIMEOUT_US: Micros = 3_000_000;
/// Streams idle for this long are forgotten (SIP connections send keep-alives every two minutes, RFC 5626).
const IDLE_TIMEOUT_US: Micros = 600_000_000;
/// After so many bytes without a start line the stream is not SIP.
const MAX_JUNK: usize = 64 * 1024;

/// What became of TCP, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounters {
    /// Segments with payload.
    pub segments: u64,
    /// Segments whose bytes had been seen.
    pub retransmitted: u64,
    /// Gaps passed over because the missing segment did not come.
    pub gaps: u64,
    /// Streams found not to carry SIP.
    pub not_sip: u64,
    /// Streams forgotten because of the bounds on their number and on the bytes they hold.
    pub evicted: u64,
    /// Streams forgotten because they were idle.
    pub idle: u64,
    /// Bytes that belonged to no message.
    pub junk_bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Flow {
    source: SocketAddr,
    destination: SocketAddr,
}

#[derive(Debug)]
struct Stream {
    /// Tells the stream from earlier ones between the same ends.
    serial: u64,
    next: u32,
    /// Bytes in order that are not a whole message yet.
    pending: Vec<u8>,
    /// What they wait for.
    awaited: Awaited,
    /// Segments behind a gap, by distance from `next`.
    waiting: Vec<(u32, Vec<u8>)>,
    waiting_since: Micros,
    last: Micros,
    junk: usize,
    not_sip: bool,
}

/// A stream in the order of its latest activity that was looked at.
#[derive(Clone, Copy, Debug)]
struct Queued {
    since: Micros,
    serial: u64,
    flow: Flow,
}

/// The streams of a capture.
#[derive(Debug)]
pub struct Streams {
    streams: HashMap<Flow, Stream>,
    /// One entry per stream, about oldest first: an entry is moved back when its stream was active since.
    order: VecDeque<Queued>,
    serial: u64,
    held: usize,
    max_streams: usize,
    /// What became of TCP.
    pub counters: TcpCounters,
}

impl Streams {
    /// Keeps at most `max_streams` directions of connections.
    pub fn new(max_streams: usize) -> Self {
        Streams {
            streams: HashMap::new(),
            order: VecDeque::new(),
            serial: 0,
            held: 0,
            max_streams: max_streams.max(1),
            counters: TcpCounters::default(),
        }
    }

    /// Streams that are followed.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether no stream is followed.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Bytes that all streams hold.
    pub fn held_bytes(&self) -> usize {
        self.held
    }

    /// Takes a segment and calls `emit` for every message that it completes, with its sender and receiver.
    pub fn take(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        segment: &TcpSegment<'_>,
        now: Micros,
        table: &mut HeaderTable,
        emit: &mut impl FnMut(&Message<'_>, SocketAddr, SocketAddr),
    ) {
        let flow = Flow { source, destination };
        if segment.syn || segment.rst {
            self.remove(&flow);
        }
        if segment.payload.is_empty() {
            if segment.fin {
                self.finish(&flow, table, emit);
            }
            return;
        }
        self.counters.segments += 1;
        let start = if segment.syn {
            segment.sequence.wrapping_add(1)
        } else {
            segment.sequence
        };
        if !self.streams.contains_key(&flow) {
            self.make_room(now, table, emit);
            self.serial += 1;
            self.order.push_back(Queued {
                since: now,
                serial: self.serial,
                flow,
            });
        }
        let serial = self.serial;
        let counters = &mut self.counters;
        let stream = self.streams.entry(flow).or_insert_with(|| Stream {
            serial,
            next: start,
            pending: Vec::new(),
            awaited: Awaited::Byte,
            waiting: Vec::new(),
            waiting_since: now,
            last: now,
            junk: 0,
            not_sip: false,
        });
        stream.last = now;
        self.held -= stream.held_bytes();
        stream.take(start, segment.payload, now, counters, table, &mut |message| {
            emit(message, source, destination);
        });
        self.held += stream.held_bytes();
        if segment.fin {
            self.finish(&flow, table, emit);
        }
        while self.held > MAX_HELD_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if self.follows(&oldest) {
                self.counters.evicted += 1;
                self.finish(&oldest.flow, table, emit);
            }
        }
    }

    /// Whether the stream of an entry goes on.
    fn follows(&self, queued: &Queued) -> bool {
        let stream = self.streams.get(&queued.flow);
        stream.is_some_and(|stream| stream.serial == queued.serial)
    }

    fn remove(&mut self, flow: &Flow) -> Option<Stream> {
        let stream = self.streams.remove(flow)?;
        self.held -= stream.held_bytes();
        Some(stream)
    }

    /// Ends every stream at the end of the capture: what waits behind a gap is read.
    pub fn flush(&mut self, table: &mut HeaderTable, emit: &mut impl FnMut(&Message<'_>, SocketAddr, SocketAddr)) {
        while let Some(queued) = self.order.pop_front() {
            self.finish(&queued.flow, table, emit);
        }
    }

    fn finish(
        &mut self,
        flow: &Flow,
        table: &mut HeaderTable,
        emit: &mut impl FnMut(&Message<'_>, SocketAddr, SocketAddr),
    ) {
        if let Some(mut stream) = self.remove(flow) {
            while !stream.waiting.is_empty() {
                stream.skip_gap(&mut self.counters, table, &mut |message| {
                    emit(message, flow.source, flow.destination);
                });
            }
        }
    }

    fn make_room(
        &mut self,
        now: Micros,
        table: &mut HeaderTable,
        emit: &mut impl FnMut(&Message<'_>, SocketAddr, SocketAddr),
    ) {
        // Streams that have ended leave their entry behind; the queue stays in proportion to the bound.
        if self.order.len() > 2 * self.max_streams {
            let mut order = std::mem::take(&mut self.order);
            order.retain(|queued| self.follows(queued));
            self.order = order;
        }
        // Idle streams are at the front; look at two per new stream, at more only when full.
        let mut looked = 0;
        while looked < 2 || self.streams.len() >= self.max_streams {
            looked += 1;
            let Some(mut queued) = self.order.pop_front() else {
                return;
            };
            let stream = self.streams.get(&queued.flow);
            let Some(last) = stream.filter(|s| s.serial == queued.serial).map(|s| s.last) else {
                continue;
            };
            if now.saturating_sub(last) >= IDLE_TIMEOUT_US {
                self.counters.idle += 1;
                self.finish(&queued.flow, table, emit);
            } else if last > queued.since && looked <= self.max_streams {
                queued.since = last;
                self.order.push_back(queued);
            } else if self.streams.len() >= self.max_streams {
                self.counters.evicted += 1;
                self.finish(&queued.flow, table, emit);
            } else {
                self.order.push_front(queued);
                return;
            }
        }
    }
}

impl Stream {
    /// Bytes of memory that wait for others.
    fn held_bytes(&self) -> usize {
        self.pending.capacity() + self.waiting.iter().map(|(_, bytes)| bytes.capacity()).sum::<usize>()
    }

    fn take(
        &mut self,
        start: u32,
        mut payload: &[u8],
        now: Micros,
        counters: &mut TcpCounters,
        table: &mut HeaderTable,
        emit: &mut impl FnMut(&Message<'_>),
    ) {
        // Sequence numbers wrap: the difference as a signed number tells before from behind (RFC 9293 section 3.4).
        let ahead = start.wrapping_sub(self.next) as i32;
        if ahead < 0 {
            let seen = ahead.unsigned_abs() as usize;
            if seen >= payload.len() {
                counters.retransmitted += 1;
                return;
            }
            payload = &payload[seen..];
        }
        if ahead > 0 {
            self.hold(ahead as u32, payload, now);
            let held: usize = self.waiting.iter().map(|(_, b)| b.len()).sum();
            let late = now.saturating_sub(self.waiting_since) > GAP_TIMEOUT_US;
            if late || self.waiting.len() > MAX_WAITING || held > MAX_WAITING_BYTES {
                self.skip_gap(counters, table, emit);
            }
            return;
        }
        self.append(payload, counters, table, emit);
        self.take_waiting(counters, table, emit);
    }

    fn hold(&mut self, ahead: u32, payload: &[u8], now: Micros) {
        if self.waiting.is_empty() {
            self.waiting_since = now;
        }
        let at = self.waiting.partition_point(|(distance, _)| *distance < ahead);
        let same = |(distance, bytes): &(u32, Vec<u8>)| *distance == ahead && bytes.len() >= payload.len();
        if !self.waiting.get(at).is_some_and(same) {
            self.waiting.insert(at, (ahead, payload.to_vec()));
        }
    }

    /// Appends the waiting segments that the stream has reached.
    fn take_waiting(
        &mut self,
        counters: &mut TcpCounters,
        table: &mut HeaderTable,
        emit: &mut impl FnMut(&Message<'_>),
    ) {
        while let Some((distance, _)) = self.waiting.first() {
            if *distance > 0 {
                return;
            }
            let (_, bytes) = self.waiting.remove(0);
            self.append(&bytes, counters, table, emit);
        }
    }

    /// Gives up the missing bytes before the first waiting segment; what was pending can't be completed.
    fn skip_gap(&mut self, counters: &mut TcpCounters, table: &mut HeaderTable, emit: &mut impl FnMut(&Message<'_>)) {
        let Some((distance, _)) = self.waiting.first() else {
            return;
        };
        let distance = *distance;
        counters.gaps += 1;
        counters.junk_bytes += self.pending.len() as u64;
        self.pending.clear();
        self.advance(distance);
        self.take_waiting(counters, table, emit);
    }

    /// Moves `next` on and brings the waiting distances along; bytes passed already are cut off.
    fn advance(&mut self, by: u32) {
        self.next = self.next.wrapping_add(by);
        self.waiting.retain_mut(|(distance, bytes)| {
            if *distance >= by {
                *distance -= by;
                return true;
            }
            let passed = (by - *distance) as usize;
            if passed >= bytes.len() {
                return false;
            }
            bytes.drain(..passed);
            *distance = 0;
            true
        });
    }

    fn append(
        &mut self,
        payload: &[u8],
        counters: &mut TcpCounters,
        table: &mut HeaderTable,
        emit: &mut impl FnMut(&Message<'_>),
    ) {
        self.advance(payload.len() as u32);
        if self.not_sip {
            if !starts_message(payload) {
                counters.junk_bytes += payload.len() as u64;
                return;
            }
            self.not_sip = false;
            self.junk = 0;
        }
        if self.pending.is_empty() {
            // The usual case: whole messages in a segment, parsed where they stand.
            let used = self.parse(payload, counters, table, emit);
            self.pending.extend_from_slice(&payload[used..]);
        } else if !self.awaited.may_come_with(&self.pending, payload) {
            self.pending.extend_from_slice(payload);
        } else {
            let mut bytes = std::mem::take(&mut self.pending);
            bytes.extend_from_slice(payload);
            let used = self.parse(&bytes, counters, table, emit);
            bytes.drain(..used);
            if bytes.is_empty() && bytes.capacity() > MAX_SPARE_BYTES {
                bytes = Vec::new();
            }
            self.pending = bytes;
        }
        if self.junk > MAX_JUNK && !self.not_sip {
            self.not_sip = true;
            counters.not_sip += 1;
            counters.junk_bytes += self.pending.len() as u64;
            self.pending = Vec::new();
        }
        debug_assert!(self.pending.len() <= 2 * MAX_MESSAGE);
    }

    /// Parses the messages at the front of `bytes`; answers how many bytes are done with.
    fn parse(
        &mut self,
        bytes: &[u8],
        counters: &mut TcpCounters,
        table: &mut HeaderTable,
        emit: &mut impl FnMut(&Message<'_>),
    ) -> usize {
        let mut at = 0;
        loop {
            match next_frame(&bytes[at..], table) {
                Frame::Message { len } => {
                    if let Some(message) = framed(&bytes[at..at + len], table) {
                        emit(&message);
                    }
                    self.junk = 0;
                    at += len;
                }
                Frame::LineEnds(n) => at += n,
                Frame::Junk(n) => {
                    self.junk += n;
                    counters.junk_bytes += n as u64;
                    at += n;
                }
                Frame::Incomplete(awaited) => {
                    self.awaited = awaited;
                    return at;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"REGISTER sip:a.example SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
    const B: &[u8] = b"INVITE sip:b@a.example SIP/2.0\r\nCall-ID: 2\r\nl: 4\r\n\r\nv=0\n";

    struct Harness {
        streams: Streams,
        table: HeaderTable,
        seen: Vec<String>,
        now: Micros,
    }

    impl Harness {
        fn new() -> Self {
            Harness {
                streams: Streams::new(1000),
                table: HeaderTable::default(),
                seen: Vec::new(),
                now: 0,
            }
        }

        fn send(&mut self, port: u16, sequence: u32, payload: &[u8]) {
            let segment = TcpSegment {
                source_port: port,
                destination_port: 5060,
                sequence,
                syn: false,
                fin: false,
                rst: false,
                payload,
            };
            let seen = &mut self.seen;
            self.streams.take(
                ([10, 0, 0, 1], port).into(),
                ([10, 0, 0, 2], 5060).into(),
                &segment,
                self.now,
                &mut self.table,
                &mut |m, _, _| {
                    let id = m.header(crate::sip::header::HeaderId::CallId).unwrap();
                    seen.push(String::from_utf8(id.to_vec()).unwrap());
                },
            );
        }
    }

    #[test]
    fn split_at_every_byte_gives_the_same_messages() {
        let stream = [A, B, A].concat();
        for cut in 1..stream.len() {
            let mut h = Harness::new();
            h.send(1, 100, &stream[..cut]);
            h.send(1, 100 + cut as u32, &stream[cut..]);
            assert_eq!(h.seen, ["1", "2", "1"], "cut at {cut}");
        }
    }

    #[test]
    fn one_byte_segments_and_sequence_wrap() {
        let mut h = Harness::new();
        let stream = [A, B].concat();
        for (i, b) in stream.iter().enumerate() {
            h.send(1, (u32::MAX - 20).wrapping_add(i as u32), &[*b]);
        }
        assert_eq!(h.seen, ["1", "2"]);
    }

    #[test]
    fn reordered_repeated_and_overlapping_segments() {
        let stream = [A, B].concat();
        let mut h = Harness::new();
        h.send(1, 0, &stream[..10]);
        h.send(1, 40, &stream[40..]);
        h.send(1, 40, &stream[40..]);
        h.send(1, 0, &stream[..10]);
        h.send(1, 5, &stream[5..60]);
        assert_eq!(h.seen, ["1", "2"]);
        assert_eq!(h.streams.counters.gaps, 0);
    }

    #[test]
    fn a_gap_is_counted_and_the_stream_goes_on_at_a_start_line() {
        let mut h = Harness::new();
        let stream = [A, B, A].concat();
        h.send(1, 0, &stream[..30]);
        let second = A.len() + 20;
        h.send(1, second as u32, &stream[second..]);
        h.now = GAP_TIMEOUT_US + 1;
        h.send(1, stream.len() as u32, B);
        assert_eq!(h.seen, ["1", "2"]);
        assert_eq!(h.streams.counters.gaps, 1);
    }

    #[test]
    fn other_protocols_are_given_up_and_a_later_start_line_is_seen() {
        let mut h = Harness::new();
        let noise = vec![0x17u8; 4096];
        let mut sequence = 0u32;
        for _ in 0..40 {
            h.send(1, sequence, &noise);
            sequence += noise.len() as u32;
        }
        assert_eq!(h.streams.counters.not_sip, 1);
        h.send(1, sequence, A);
        assert_eq!(h.seen, ["1"]);
    }

    #[test]
    fn streams_that_begin_again_and_again_leave_nothing_behind() {
        let mut h = Harness::new();
        let begin = |h: &mut Harness, port: u16| {
            let segment = TcpSegment {
                source_port: port,
                destination_port: 5060,
                sequence: 0,
                syn: true,
                fin: false,
                rst: false,
                payload: b"INVITE sip:half",
            };
            let ends = (([10, 0, 0, 1], port).into(), ([10, 0, 0, 2], 5060).into());
            h.streams
                .take(ends.0, ends.1, &segment, 0, &mut h.table, &mut |_, _, _| {});
        };
        for _ in 0..3000 {
            begin(&mut h, 1);
        }
        for port in 2..900 {
            begin(&mut h, port);
        }
        assert_eq!(h.streams.len(), 899);
        assert!(h.streams.order.len() <= 2001, "{}", h.streams.order.len());
        assert_eq!(h.streams.counters.evicted, 0);
    }

    #[test]
    fn a_message_that_comes_byte_by_byte_waits_for_what_completes_it() {
        let mut h = Harness::new();
        let body = vec![b'x'; 300_000];
        let head = format!(
            "INVITE sip:b@a.example SIP/2.0\r\nCall-ID: 3\r\nl: {}\r\n\r\n",
            body.len()
        );
        let stream = [head.as_bytes(), &body].concat();
        for (i, byte) in stream.iter().enumerate() {
            h.send(1, i as u32, &[*byte]);
        }
        assert_eq!(h.seen, ["3"]);
        assert_eq!(h.streams.held_bytes(), 0);
    }

    #[test]
    fn a_flood_of_streams_stays_below_the_bound() {
        let mut h = Harness::new();
        for port in 1..20_000 {
            h.now += 1;
            h.send(port, 0, b"INVITE sip:half");
            assert!(h.streams.len() <= 1000);
            assert!(h.streams.order.len() <= 2001);
        }
        assert!(h.streams.counters.evicted > 18_000);
    }
}
