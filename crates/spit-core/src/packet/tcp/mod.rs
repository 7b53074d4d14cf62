//! TCP streams put back in order (RFC 9293), bounded per stream and in all. A passive reader: nobody resends for us.
//!
//! The first copy of a byte counts. A stream whose SYN was seen begins behind it, another one with the first segment
//! that is seen of it.

mod content;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;

use hashbrown::HashMap;

use self::stream::{Out, Stream, GAP_TIMEOUT_US};
use super::transport::TcpSegment;
use crate::decode::{Seen, Transport};
use crate::sip::head::HeaderTable;
use crate::sip::message::Message;
use crate::Micros;

/// By default, bytes that all streams together may hold, of messages that are not whole and behind gaps.
pub const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;
/// Streams idle for this long are forgotten (SIP connections send keep-alives every two minutes, RFC 5626).
const IDLE_TIMEOUT_US: Micros = 600_000_000;
/// Streams that have ended are remembered for this long, so that a late copy of a segment is known as one.
const CLOSED_TIMEOUT_US: Micros = 30_000_000;
/// Connections whose SYN was seen and no data yet.
const MAX_OPENING: usize = 16 * 1024;
/// A RST further than this from the place in the stream is not the peer's (RFC 5961 section 3).
const RST_WINDOW: u32 = 64 * 1024;

/// What became of TCP, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounters {
    /// Segments with payload.
    pub segments: u64,
    /// Segments whose bytes had been seen.
    pub retransmitted: u64,
    /// Segments that contradict bytes that wait.
    pub conflicting: u64,
    /// Gaps passed over because the missing segment did not come.
    pub gaps: u64,
    /// Streams begun anew because the sequence numbers jumped: the ports were used again.
    pub restarted: u64,
    /// Streams found not to carry SIP.
    pub not_sip: u64,
    /// Streams forgotten because of the bound on their number or on their bytes.
    pub evicted: u64,
    /// Streams forgotten because they were idle.
    pub idle: u64,
    /// Bytes that belonged to no message.
    pub junk_bytes: u64,
    /// WebSocket frames.
    pub ws_frames: u64,
    /// Whole WebSocket messages.
    pub ws_messages: u64,
    /// WebSocket messages that are compressed, which is not decoded.
    pub ws_compressed: u64,
    /// Places in WebSocket streams at which no frame stands that fits.
    pub ws_bad: u64,
}

/// What a stream carried.
#[derive(Debug)]
pub enum Carried<'a> {
    /// A SIP message.
    Message(&'a Message<'a>),
    /// A HEP packet as bytes, and the table to decode the SIP in it with.
    Hep(&'a [u8], &'a mut HeaderTable),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Flow {
    source: SocketAddr,
    destination: SocketAddr,
}

/// A stream in a queue. Streams that begin again between the same ends leave entries behind, which are theirs no more.
#[derive(Clone, Copy, Debug)]
struct Queued {
    since: Micros,
    serial: u64,
    flow: Flow,
}

impl Queued {
    /// The stream, unless it was forgotten.
    fn stream<'a>(&self, streams: &'a HashMap<Flow, Stream>) -> Option<&'a Stream> {
        streams.get(&self.flow).filter(|stream| stream.serial() == self.serial)
    }
}

/// The streams of a capture.
#[derive(Debug)]
pub struct Streams {
    streams: HashMap<Flow, Stream>,
    /// One entry per stream, about oldest first: an entry is moved back when its stream was active since.
    order: VecDeque<Queued>,
    /// Streams with a gap, by when it was found.
    gaps: VecDeque<Queued>,
    /// How many streams there have been.
    serial: u64,
    /// The first sequence number of connections that have sent no data yet, and the order in which they came.
    opening: HashMap<Flow, u32>,
    opening_order: VecDeque<Flow>,
    held: usize,
    max_streams: usize,
    max_bytes: usize,
    /// What became of TCP.
    pub counters: TcpCounters,
}

impl Streams {
    /// Keeps at most `max_streams` directions of connections, and about `max_bytes` of what they wait with.
    pub fn new(max_streams: usize, max_bytes: usize) -> Self {
        Streams {
            streams: HashMap::new(),
            order: VecDeque::new(),
            gaps: VecDeque::new(),
            serial: 0,
            opening: HashMap::new(),
            opening_order: VecDeque::new(),
            held: 0,
            max_streams: max_streams.max(1),
            max_bytes,
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

    /// Bytes that wait for the rest of a message or for a missing segment.
    pub fn held_bytes(&self) -> usize {
        self.held
    }

    /// Takes a segment and calls `emit` for everything that it completes, with where and when it was seen.
    pub fn take(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        segment: &TcpSegment<'_>,
        now: Micros,
        table: &mut HeaderTable,
        emit: &mut impl FnMut(Carried<'_>, &Seen),
    ) {
        let flow = Flow { source, destination };
        self.give_up_gaps(now, table, emit);
        if segment.rst {
            // What a RST carries is text for people (RFC 9293 section 3.5.3).
            self.reset(&flow, segment.sequence, table, emit);
            return;
        }
        let start = if segment.syn {
            let first = segment.sequence.wrapping_add(1);
            self.open(flow, first, table, emit);
            first
        } else {
            segment.sequence
        };
        if segment.payload.is_empty() && !segment.fin {
            return;
        }
        if !segment.payload.is_empty() {
            self.counters.segments += 1;
        }
        if !self.streams.contains_key(&flow) {
            let first = self.opening.remove(&flow);
            if segment.payload.is_empty() {
                return;
            }
            self.make_room(now, table, emit);
            self.serial += 1;
            self.order.push_back(Queued {
                since: now,
                serial: self.serial,
                flow,
            });
            self.streams.insert(flow, Stream::new(self.serial, start, first, now));
        }
        let Some(stream) = self.streams.get_mut(&flow) else {
            return;
        };
        let held = stream.held_bytes();
        stream.take(
            start,
            segment.payload,
            segment.fin,
            now,
            &mut Out {
                counters: &mut self.counters,
                table,
                emit,
                flow,
            },
        );
        self.held = self.held - held + stream.held_bytes();
        if let Some(since) = stream.wants_gap_entry() {
            let serial = stream.serial();
            self.gaps.push_back(Queued { since, serial, flow });
            // Streams that were forgotten leave their entry behind; the queue stays in proportion to the bound.
            if self.gaps.len() > 2 * self.max_streams {
                let streams = &self.streams;
                self.gaps.retain(|queued| queued.stream(streams).is_some());
            }
        }
        if self.held > self.max_bytes {
            self.make_space(table, emit);
        }
    }

    /// Ends every stream at the end of the capture: what waits behind a gap is read.
    pub fn flush(&mut self, table: &mut HeaderTable, emit: &mut impl FnMut(Carried<'_>, &Seen)) {
        while let Some(queued) = self.order.pop_front() {
            self.finish(&queued.flow, table, emit);
        }
        self.gaps.clear();
        self.opening.clear();
        self.opening_order.clear();
    }

    /// Remembers where a connection begins. A repeated SYN changes nothing, another one ends what the ports carried.
    fn open(&mut self, flow: Flow, first: u32, table: &mut HeaderTable, emit: &mut impl FnMut(Carried<'_>, &Seen)) {
        if let Some(stream) = self.streams.get(&flow) {
            if stream.first() == Some(first) {
                return;
            }
            self.finish(&flow, table, emit);
        }
        if self.opening.insert(flow, first).is_none() {
            self.opening_order.push_back(flow);
        }
        while self.opening_order.len() > MAX_OPENING {
            if let Some(oldest) = self.opening_order.pop_front() {
                self.opening.remove(&oldest);
            }
        }
    }

    fn reset(
        &mut self,
        flow: &Flow,
        sequence: u32,
        table: &mut HeaderTable,
        emit: &mut impl FnMut(Carried<'_>, &Seen),
    ) {
        self.opening.remove(flow);
        let Some(stream) = self.streams.get_mut(flow) else {
            return;
        };
        // A forged RST must not tear a stream that goes on; a missed one does no harm.
        if stream.distance(sequence).unsigned_abs() > RST_WINDOW {
            return;
        }
        self.held -= stream.held_bytes();
        stream.close(&mut Out {
            counters: &mut self.counters,
            table,
            emit,
            flow: *flow,
        });
        self.held += stream.held_bytes();
    }

    /// Forgets a stream; what waits behind a gap is read.
    fn finish(&mut self, flow: &Flow, table: &mut HeaderTable, emit: &mut impl FnMut(Carried<'_>, &Seen)) {
        if let Some(mut stream) = self.streams.remove(flow) {
            self.held -= stream.held_bytes();
            stream.close(&mut Out {
                counters: &mut self.counters,
                table,
                emit,
                flow: *flow,
            });
        }
    }

    /// Reads what waits behind gaps that are too old. Looks at the front only: the oldest gap stands there.
    fn give_up_gaps(&mut self, now: Micros, table: &mut HeaderTable, emit: &mut impl FnMut(Carried<'_>, &Seen)) {
        while let Some(queued) = self.gaps.front().copied() {
            let flow = queued.flow;
            if now.saturating_sub(queued.since) <= GAP_TIMEOUT_US {
                return;
            }
            self.gaps.pop_front();
            let Some(stream) = self.streams.get_mut(&flow).filter(|s| s.serial() == queued.serial) else {
                continue;
            };
            let held = stream.held_bytes();
            stream.give_up_gap(
                now,
                &mut Out {
                    counters: &mut self.counters,
                    table,
                    emit,
                    flow,
                },
            );
            self.held = self.held - held + stream.held_bytes();
            if let Some(since) = stream.wants_gap_entry() {
                self.gaps.push_back(Queued { since, ..queued });
            }
        }
    }

    /// Makes room for one more stream.
    fn make_room(&mut self, now: Micros, table: &mut HeaderTable, emit: &mut impl FnMut(Carried<'_>, &Seen)) {
        // Streams that have ended leave their entry behind; the queue stays in proportion to the bound.
        if self.order.len() > 2 * self.max_streams {
            let streams = &self.streams;
            self.order.retain(|queued| queued.stream(streams).is_some());
        }
        // Idle streams are at the front; look at two per new stream, at more only when full.
        let mut looked = 0;
        while looked < 2 || self.streams.len() >= self.max_streams {
            looked += 1;
            let Some(queued) = self.order.pop_front() else {
                return;
            };
            let Some(stream) = queued.stream(&self.streams) else {
                continue;
            };
            let flow = queued.flow;
            let (last, closed) = (stream.last_us(), stream.is_closed());
            let age = now.saturating_sub(last);
            let full = self.streams.len() >= self.max_streams;
            if closed && (full || age >= CLOSED_TIMEOUT_US) {
                self.finish(&flow, table, emit);
            } else if age >= IDLE_TIMEOUT_US {
                self.counters.idle += 1;
                self.finish(&flow, table, emit);
            } else if last > queued.since && looked <= self.max_streams {
                self.order.push_back(Queued { since: last, ..queued });
            } else if full {
                self.counters.evicted += 1;
                self.finish(&flow, table, emit);
            } else {
                self.order.push_front(queued);
                return;
            }
        }
    }

    /// Forgets the oldest streams that wait with bytes, until a quarter of the room is free: so it is seldom done.
    fn make_space(&mut self, table: &mut HeaderTable, emit: &mut impl FnMut(Carried<'_>, &Seen)) {
        let entries = self.order.len();
        for looked in 0..2 * entries {
            if self.held <= self.max_bytes / 4 * 3 {
                return;
            }
            let Some(queued) = self.order.pop_front() else {
                return;
            };
            let Some(stream) = queued.stream(&self.streams) else {
                continue;
            };
            let last = stream.last_us();
            if stream.held_bytes() == 0 || (last > queued.since && looked < entries) {
                self.order.push_back(Queued { since: last, ..queued });
            } else {
                self.counters.evicted += 1;
                self.finish(&queued.flow, table, emit);
            }
        }
    }
}

impl Flow {
    fn seen(&self, time_us: Micros, transport: Transport) -> Seen {
        Seen {
            time_us,
            source: self.source,
            destination: self.destination,
            transport,
        }
    }
}
