//! Reading and decoding in a thread of its own, so that tracking and output run beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError, SyncSender};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use spit_core::call::{Digester, Digests};
use spit_core::counters::Counters;
use spit_core::decode::{DecodeSettings, Decoder, Seen};
use spit_core::sip::head::HeaderTable;
use spit_core::sip::message::Message;
use spit_core::Micros;

use crate::damage::Damage;
use crate::merge::Captures;

/// Messages in one batch; with it the two threads wait for each other seldom.
const BATCH_MESSAGES: usize = 256;
/// Batches that may wait: the bound on memory when tracking is slower than decoding. What waits (about 4,000 messages)
/// fits the cache that the threads share; a longer queue was measured to be slower by half.
const WAITING: usize = 16;

/// Messages that concern calls, in order.
#[derive(Debug, Default)]
pub struct Batch {
    /// The messages.
    pub digests: Digests,
    /// The latest capture time of any packet so far.
    pub now_us: Micros,
    /// What has been counted so far.
    pub counters: Counters,
    /// The inputs that could not be read to their end, so far.
    pub damages: Vec<Damage>,
    /// Whether this is the last batch.
    pub last: bool,
}

/// What waits in the pipeline.
#[derive(Debug)]
pub enum Next {
    /// A batch.
    Batch(Box<Batch>),
    /// Nothing yet: the input is slow.
    NotYet,
    /// The decoding thread has ended without a last batch, which is a bug.
    Gone,
}

/// Captures that are read and decoded in the background.
#[derive(Debug)]
pub struct Pipeline {
    batches: Receiver<Batch>,
    /// Attempts are read by the thread that takes a batch: without them, decoding is still the greater part.
    digester: Digester,
    table: HeaderTable,
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
        let limit = if live { 1 } else { BATCH_MESSAGES };
        let own = digester.clone();
        thread::Builder::new()
            .name("spit-decode".into())
            .spawn(move || run(captures, Decoder::new(settings), &own, limit, &full, &empty))?;
        Ok(Pipeline {
            batches,
            digester,
            table: HeaderTable::default(),
            used,
            read,
            total,
        })
    }

    /// The next batch, when it comes within `patience`.
    pub fn next_batch(&mut self, patience: Duration) -> Next {
        match self.batches.recv_timeout(patience) {
            Ok(mut batch) => {
                batch.digests.read_attempts(&self.digester, &mut self.table);
                Next::Batch(Box::new(batch))
            }
            Err(RecvTimeoutError::Timeout) => Next::NotYet,
            Err(RecvTimeoutError::Disconnected) => Next::Gone,
        }
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
        let digests = &mut batch.digests;
        let mut keep = |message: &Message<'_>, seen: &Seen| {
            digests.keep(digester, message, seen);
        };
        match packet {
            Some(packet) => {
                now_us = now_us.max(packet.time_us);
                decoder.frame(packet.time_us, packet.link, packet.data, packet.original_len, &mut keep);
            }
            None => decoder.flush(now_us, &mut keep),
        }
        if last || batch.digests.len() >= limit {
            batch.now_us = now_us;
            batch.last = last;
            batch.counters = Counters::of(&decoder);
            batch.damages = captures.damages().to_vec();
            // Nobody listens any more: the reader was dropped.
            if full.send(batch).is_err() || last {
                return;
            }
            batch = empty.try_recv().unwrap_or_default();
            batch.digests.clear();
        }
    }
}
