//! Reading and decoding in a thread of its own, so that tracking and output run beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::Arc;
use std::thread;

use spit_core::call::{Digest, Digester, EventSink, Tracker};
use spit_core::decode::{DecodeCounters, DecodeSettings, Decoder, Seen};
use spit_core::packet::defrag::DefragCounters;
use spit_core::packet::tcp::TcpCounters;
use spit_core::Micros;

use crate::damage::Damage;
use crate::merge::Captures;

/// Bytes of messages in one batch; with it the two threads wait for each other seldom.
const BATCH_BYTES: usize = 256 * 1024;
/// Messages whose calls are fetched from memory together.
const LOOK_AHEAD: usize = 16;
/// Batches that may wait: the bound on memory when tracking is slower than decoding.
const WAITING: usize = 4;

/// One message of a batch.
#[derive(Clone, Copy, Debug)]
struct Entry {
    digest: Digest,
    seen: Seen,
    start: u32,
    end: u32,
}

/// What the decoder has counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Frames and messages.
    pub decode: DecodeCounters,
    /// IP fragments.
    pub fragments: DefragCounters,
    /// TCP streams.
    pub tcp: TcpCounters,
}

/// Messages that concern calls, in order.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The latest capture time of any packet so far.
    pub now_us: Micros,
    /// What has been counted so far.
    pub counters: Counters,
    /// The inputs that could not be read to their end, so far.
    pub damages: Vec<Damage>,
    /// Whether this is the last batch.
    pub last: bool,
}

impl Batch {
    /// Hands every message to the tracker, in order.
    pub fn track(&self, tracker: &mut Tracker, sink: &mut impl EventSink) {
        for group in self.entries.chunks(LOOK_AHEAD) {
            tracker.look_ahead(group.iter().map(|entry| &entry.digest));
            for entry in group {
                let bytes = &self.bytes[entry.start as usize..entry.end as usize];
                tracker.take(&entry.digest, bytes, &entry.seen, sink);
            }
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}

/// Captures that are read and decoded in the background.
#[derive(Debug)]
pub struct Pipeline {
    batches: Receiver<Batch>,
    used: SyncSender<Batch>,
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Pipeline {
    /// Begins to read. `live` gives each message as soon as it is decoded (a pipe that a person watches).
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn start(
        captures: Captures,
        settings: DecodeSettings,
        digester: Digester,
        live: bool,
    ) -> std::io::Result<Pipeline> {
        let (full, batches) = sync_channel(WAITING);
        let (used, empty) = sync_channel(WAITING + 2);
        let (read, total) = captures.progress_handle();
        let limit = if live { 1 } else { BATCH_BYTES };
        thread::Builder::new()
            .name("spit-decode".into())
            .spawn(move || run(captures, Decoder::new(settings), &digester, limit, &full, &empty))?;
        Ok(Pipeline {
            batches,
            used,
            read,
            total,
        })
    }

    /// The next batch; `None` when the decoding thread has ended without a last batch, which is a bug.
    pub fn next_batch(&mut self) -> Option<Batch> {
        self.batches.recv().ok()
    }

    /// Gives a batch back, to be filled again.
    pub fn recycle(&self, batch: Batch) {
        // A full or closed channel only means that the memory is freed instead.
        let _ = self.used.try_send(batch);
    }

    /// Bytes read of the files themselves, and how many there are in all when that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.total)
    }
}

fn run(
    mut captures: Captures,
    mut decoder: Decoder,
    digester: &Digester,
    limit: usize,
    full: &SyncSender<Batch>,
    empty: &Receiver<Batch>,
) {
    let mut batch = Batch::default();
    let mut now_us = Micros::MIN;
    loop {
        let packet = captures.next_packet();
        let last = packet.is_none();
        let Batch { bytes, entries, .. } = &mut batch;
        let mut keep = |message: &spit_core::sip::message::Message<'_>, seen: &Seen| {
            if let Some(digest) = digester.digest(message, seen) {
                let start = bytes.len() as u32;
                bytes.extend_from_slice(message.bytes());
                entries.push(Entry {
                    digest,
                    seen: *seen,
                    start,
                    end: bytes.len() as u32,
                });
            }
        };
        match packet {
            Some(packet) => {
                now_us = now_us.max(packet.time_us);
                decoder.frame(packet.time_us, packet.link, packet.data, packet.original_len, &mut keep);
            }
            None => decoder.flush(now_us, &mut keep),
        }
        if last || batch.bytes.len() >= limit {
            batch.now_us = now_us;
            batch.last = last;
            batch.counters = Counters {
                decode: decoder.counters,
                fragments: decoder.fragments.counters,
                tcp: decoder.streams.counters,
            };
            batch.damages = captures.damages().to_vec();
            // Nobody listens any more: the reader was dropped.
            if full.send(batch).is_err() || last {
                return;
            }
            batch = empty.try_recv().unwrap_or_default();
            batch.clear();
        }
    }
}
