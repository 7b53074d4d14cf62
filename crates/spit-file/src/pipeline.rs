//! Reading and decoding in a thread of its own, so that tracking and output run beside it; in the caller's thread where
//! there is one processor only.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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
/// With so many batches waiting, tracking is behind: the thread that decodes then reads the attempts too.
const BEHIND: usize = WAITING / 2;
/// Packets without a message that are read in the caller's thread before it may look at its signals.
const PACKETS_BETWEEN_LOOKS: usize = 1 << 16;

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

/// Captures that are read and decoded in the background, where there is more than one processor.
#[derive(Debug)]
pub struct Pipeline {
    stage: Stage,
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

#[derive(Debug)]
enum Stage {
    /// Another thread decodes.
    Beside {
        batches: Receiver<Batch>,
        used: SyncSender<Batch>,
        /// Batches that have been sent and not been taken.
        waiting: Arc<AtomicUsize>,
        /// Attempts that the other thread left are read here, in a second parse of one message in seven.
        digester: Digester,
        table: HeaderTable,
    },
    /// The caller's thread decodes.
    Here { decoding: Box<Decoding>, batch: Batch },
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
        // A slow input must not keep the caller from its signals.
        let alone = !live && captures.are_files() && thread::available_parallelism().is_ok_and(|n| n.get() == 1);
        if alone {
            return Ok(Pipeline::in_this_thread(captures, settings, digester));
        }
        let (full, batches) = sync_channel(WAITING);
        let (used, empty) = sync_channel(WAITING + 2);
        let (read, total) = captures.progress_handle();
        let limit = if live { 1 } else { BATCH_MESSAGES };
        let waiting = Arc::<AtomicUsize>::default();
        let (own, sent) = (digester.clone(), Arc::clone(&waiting));
        thread::Builder::new().name("spit-decode".into()).spawn(move || {
            let decoding = Decoding::new(captures, settings, own);
            run(decoding, limit, &full, &empty, &sent);
        })?;
        Ok(Pipeline {
            stage: Stage::Beside {
                batches,
                used,
                waiting,
                digester,
                table: HeaderTable::default(),
            },
            read,
            total,
        })
    }

    /// As `start`, without another thread: what is taken is decoded when it is asked for.
    pub fn in_this_thread(captures: Captures, settings: DecodeSettings, digester: Digester) -> Pipeline {
        let (read, total) = captures.progress_handle();
        Pipeline {
            stage: Stage::Here {
                decoding: Box::new(Decoding::new(captures, settings, digester)),
                batch: Batch::default(),
            },
            read,
            total,
        }
    }

    /// The next batch, when it comes within `patience`.
    pub fn next_batch(&mut self, patience: Duration) -> Next {
        match &mut self.stage {
            Stage::Beside {
                batches,
                waiting,
                digester,
                table,
                ..
            } => match batches.recv_timeout(patience) {
                Ok(mut batch) => {
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    batch.digests.read_attempts(digester, table);
                    Next::Batch(Box::new(batch))
                }
                Err(RecvTimeoutError::Timeout) => Next::NotYet,
                Err(RecvTimeoutError::Disconnected) => Next::Gone,
            },
            Stage::Here { decoding, batch } => {
                if decoding.ended {
                    return Next::Gone;
                }
                if !decoding.fill(batch, BATCH_MESSAGES, PACKETS_BETWEEN_LOOKS, Digests::push) {
                    return Next::NotYet;
                }
                Next::Batch(Box::new(std::mem::take(batch)))
            }
        }
    }

    /// Gives a batch back, to be filled again.
    pub fn recycle(&mut self, mut batch: Batch) {
        batch.digests.clear();
        match &mut self.stage {
            // A full or closed channel only means that the memory is freed instead.
            Stage::Beside { used, .. } => drop(used.try_send(batch)),
            Stage::Here { batch: next, .. } => *next = batch,
        }
    }

    /// Bytes read of the files themselves, and how many there are in all when that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.total)
    }
}

/// Captures and what decodes them.
struct Decoding {
    captures: Captures,
    decoder: Decoder,
    digester: Digester,
    now_us: Micros,
    ended: bool,
}

impl std::fmt::Debug for Decoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoding")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Decoding {
    fn new(captures: Captures, settings: DecodeSettings, digester: Digester) -> Decoding {
        Decoding {
            captures,
            decoder: Decoder::of_calls(settings),
            digester,
            now_us: Micros::MIN,
            ended: false,
        }
    }

    /// Fills a batch up to `limit` messages with `add`; `false` when it has not come to that after so many packets.
    #[inline]
    fn fill(
        &mut self,
        batch: &mut Batch,
        limit: usize,
        packets: usize,
        add: impl Fn(&mut Digests, &Digester, &Message<'_>, &Seen) -> bool,
    ) -> bool {
        let digests = &mut batch.digests;
        for _ in 0..packets {
            let packet = self.captures.next_packet();
            let mut take = |message: &Message<'_>, seen: &Seen| {
                add(digests, &self.digester, message, seen);
            };
            match packet {
                Some(packet) => {
                    self.now_us = self.now_us.max(packet.time_us);
                    self.decoder
                        .frame(packet.time_us, packet.link, packet.data, packet.original_len, &mut take);
                }
                None => {
                    self.decoder.flush(self.now_us, &mut take);
                    self.ended = true;
                }
            }
            if self.ended || digests.len() >= limit {
                batch.now_us = self.now_us;
                batch.last = self.ended;
                batch.counters = Counters::of(&self.decoder);
                batch.damages = self.captures.damages().to_vec();
                return true;
            }
        }
        false
    }
}

fn run(mut decoding: Decoding, limit: usize, full: &SyncSender<Batch>, empty: &Receiver<Batch>, waiting: &AtomicUsize) {
    loop {
        let mut batch = empty.try_recv().unwrap_or_default();
        // One way for a whole batch: attempts that are kept come behind those that were read.
        if waiting.load(Ordering::Relaxed) < BEHIND {
            decoding.fill(&mut batch, limit, usize::MAX, Digests::keep);
        } else {
            decoding.fill(&mut batch, limit, usize::MAX, Digests::push);
        }
        waiting.fetch_add(1, Ordering::Relaxed);
        // Nobody listens any more: the reader was dropped.
        if full.send(batch).is_err() || decoding.ended {
            return;
        }
    }
}
