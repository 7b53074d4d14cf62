//! A thread that takes packets from one ring of each interface.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use spit_core::packet::LinkType;

use crate::filter::{self, Front};
use crate::intake::Intake;
use crate::queue::Queue;
use crate::ring::{Ring, RETIRE_MS};
use crate::socket::wait;

/// How long a ring without packets is waited for.
const IDLE: Duration = Duration::from_millis(50);

/// Blocks taken from one ring before the next has its turn.
const BLOCKS_PER_TURN: usize = 8;

/// After the end of capture the kernel gives over its last block within [`RETIRE_MS`]; this is for a machine that is busy.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// What the kernel counted for the rings of a thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RingCounters {
    /// Packets that passed the filter, dropped ones among them.
    pub(crate) received: u64,
    /// Packets that found the ring full.
    pub(crate) dropped: u64,
    /// Times a ring was full.
    pub(crate) freezes: u64,
    /// Times an interface told of an error, such as that it went down.
    pub(crate) errors: u64,
}

/// A ring and what its frames begin with.
pub(crate) struct Source {
    pub(crate) ring: Ring,
    pub(crate) front: Front,
}

/// The thread's part of the capture.
pub(crate) struct Worker {
    pub(crate) sources: Vec<Source>,
    pub(crate) intake: Intake,
    pub(crate) counters: Arc<Mutex<RingCounters>>,
}

/// Tells the queue that a source has ended, however its thread ends.
pub(crate) struct EndOfSource(pub(crate) Arc<Queue>);

impl Drop for EndOfSource {
    fn drop(&mut self) {
        self.0.end_source();
    }
}

impl Worker {
    /// Works until `stop`, then takes what the rings still hold.
    pub(crate) fn run(mut self, stop: &AtomicBool) -> io::Result<()> {
        let mut ready = Vec::new();
        let mut draining = None;
        loop {
            if draining.is_none() && stop.load(Ordering::Acquire) {
                for source in &self.sources {
                    source.ring.socket.attach(&filter::nothing())?;
                }
                draining = Some(Instant::now());
            }
            let idle = self.take_turn();
            self.intake.pause(idle);
            self.count();
            if !idle {
                continue;
            }
            if let Some(since) = draining {
                let empty = self.sources.iter().all(|source| source.ring.packets_to_come() == 0);
                // A block may have been given over between the turn and the look at it.
                if (empty && self.take_turn()) || since.elapsed() > DRAIN_LIMIT {
                    break;
                }
            }
            let patience = match draining {
                Some(_) => Duration::from_millis(u64::from(RETIRE_MS)),
                None => IDLE,
            };
            wait(
                self.sources.iter().map(|source| source.ring.socket.fd()),
                patience,
                &mut ready,
            )?;
        }
        self.intake.end();
        self.count();
        Ok(())
    }

    /// Takes some blocks of each ring; whether there was none.
    fn take_turn(&mut self) -> bool {
        let mut idle = true;
        for (at, Source { ring, front }) in self.sources.iter_mut().enumerate() {
            let link = match front {
                Front::Ethernet => LinkType::Ethernet,
                Front::Ip => LinkType::RawIp,
            };
            for _ in 0..BLOCKS_PER_TURN {
                let Some(block) = ring.next_block() else {
                    break;
                };
                idle = false;
                for packet in block.packets() {
                    self.intake
                        .frame(at, packet.time_us, link, packet.data, packet.original_len);
                }
            }
        }
        idle
    }

    fn count(&self) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for source in &self.sources {
            let socket = &source.ring.socket;
            if let Ok(counted) = socket.statistics() {
                counters.received += u64::from(counted.received);
                counters.dropped += u64::from(counted.dropped);
                counters.freezes += u64::from(counted.freezes);
            }
            // Taken, or else waiting returns at once for ever. A ring goes on when its interface is up again.
            counters.errors += u64::from(socket.take_error().is_err());
        }
    }
}
