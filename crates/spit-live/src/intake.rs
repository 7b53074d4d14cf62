//! From packets to batches for the tracker: what every thread that receives does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use spit_core::call::{Digester, Digests};
use spit_core::counters::Counters;
use spit_core::decode::{Decoder, Seen};
use spit_core::packet::LinkType;
use spit_core::sip::message::Message;
use spit_core::Micros;

use crate::queue::{Batch, Queue};

/// Messages in one batch, at most.
const BATCH_MESSAGES: usize = 256;

/// A part-filled batch goes on after this, however far the tracker is behind.
const PATIENCE: Duration = Duration::from_millis(50);

/// One source of a thread: its number, and its batch that is being filled.
#[derive(Debug)]
struct Lane {
    number: usize,
    digests: Digests,
    /// When the first message was put into the batch.
    since: Instant,
}

/// A decoder and the batches that it fills. TCP and fragments are put together here, so all packets of a connection must
/// come to one intake.
pub(crate) struct Intake {
    decoder: Decoder,
    digester: Arc<Digester>,
    queue: Arc<Queue>,
    /// Messages in one batch: a short queue must not be filled by one, or it would shed all it has at once.
    batch_messages: usize,
    lanes: Vec<Lane>,
    published: Arc<Mutex<Counters>>,
    now_us: Micros,
}

impl Intake {
    /// An intake for these sources.
    pub(crate) fn new(
        decoder: Decoder,
        digester: Arc<Digester>,
        queue: Arc<Queue>,
        lanes: impl Iterator<Item = usize>,
        published: Arc<Mutex<Counters>>,
    ) -> Intake {
        Intake {
            decoder,
            digester,
            batch_messages: (queue.max_messages() / 8).clamp(1, BATCH_MESSAGES),
            queue,
            lanes: lanes
                .map(|number| Lane {
                    number,
                    digests: Digests::default(),
                    since: Instant::now(),
                })
                .collect(),
            published,
            now_us: Micros::MIN,
        }
    }

    /// Decodes a frame of the source at this place among the intake's own.
    #[inline]
    pub(crate) fn frame(&mut self, at: usize, time_us: Micros, link: LinkType, data: &[u8], original_len: usize) {
        self.now_us = self.now_us.max(time_us);
        let digests = &mut self.lanes[at].digests;
        let was_empty = digests.is_empty();
        self.decoder
            .frame(time_us, link, data, original_len, &mut |message, seen| {
                digests.push(&self.digester, message, seen);
            });
        self.filled(at, was_empty);
    }

    /// Decodes a HEP packet.
    pub(crate) fn hep(&mut self, at: usize, received_us: Micros, packet: &[u8]) {
        self.now_us = self.now_us.max(received_us);
        let digests = &mut self.lanes[at].digests;
        let was_empty = digests.is_empty();
        self.decoder.hep(packet, received_us, &mut |message, seen| {
            digests.push(&self.digester, message, seen);
        });
        self.filled(at, was_empty);
    }

    #[inline]
    fn filled(&mut self, at: usize, was_empty: bool) {
        let lane = &mut self.lanes[at];
        if was_empty && !lane.digests.is_empty() {
            lane.since = Instant::now();
        }
        if lane.digests.len() >= self.batch_messages {
            lane.hand_on(&self.queue);
        }
    }

    /// Hands on what is part-filled, when there is nothing else to do or it has waited long enough, and tells what has
    /// been counted.
    pub(crate) fn pause(&mut self, idle: bool) {
        let at_once = idle && self.queue.is_short();
        for lane in &mut self.lanes {
            if !lane.digests.is_empty() && (at_once || lane.since.elapsed() >= PATIENCE) {
                lane.hand_on(&self.queue);
            }
        }
        self.publish();
    }

    /// Hands on everything: what waits behind gaps of TCP too.
    pub(crate) fn end(&mut self) {
        if let Some(lane) = self.lanes.first_mut() {
            let digests = &mut lane.digests;
            let mut keep = |message: &Message<'_>, seen: &Seen| {
                digests.push(&self.digester, message, seen);
            };
            self.decoder.flush(self.now_us, &mut keep);
        }
        for lane in &mut self.lanes {
            if !lane.digests.is_empty() {
                lane.hand_on(&self.queue);
            }
        }
        self.publish();
    }

    fn publish(&self) {
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Counters::of(&self.decoder);
    }
}

impl Lane {
    fn hand_on(&mut self, queue: &Queue) {
        let digests = std::mem::take(&mut self.digests);
        self.digests = queue.push(Batch {
            lane: self.number,
            digests,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{times, BYE};
    use spit_core::call::IdentitySettings;
    use spit_core::decode::DecodeSettings;

    fn intake(queue: &Arc<Queue>) -> Intake {
        let digester = Digester::new(1, IdentitySettings::default());
        Intake::new(
            Decoder::new(DecodeSettings::default()),
            Arc::new(digester),
            Arc::clone(queue),
            [7, 8].into_iter(),
            Arc::default(),
        )
    }

    /// An IPv4 packet with a UDP datagram, told from its duplicates by its number.
    fn packet(number: u16) -> Vec<u8> {
        let len = 28 + BYE.len() as u16;
        let mut bytes = vec![0x45, 0];
        bytes.extend(len.to_be_bytes());
        bytes.extend(number.to_be_bytes());
        bytes.extend([0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        bytes.extend([0x13, 0xc4, 0x13, 0xc4]);
        bytes.extend((len - 20).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(BYE);
        bytes
    }

    fn taken(queue: &Queue) -> Vec<(usize, Vec<Micros>)> {
        let mut batches = Vec::new();
        queue.take_due(|_| true, &mut batches);
        batches
            .iter()
            .map(|batch| (batch.lane, times(&batch.digests)))
            .collect()
    }

    fn give(intake: &mut Intake, at: usize, time_us: Micros) {
        let bytes = packet(time_us as u16);
        intake.frame(at, time_us, LinkType::RawIp, &bytes, bytes.len());
    }

    #[test]
    fn a_full_batch_goes_on_by_itself_and_a_part_filled_one_in_a_pause() {
        let queue = Arc::new(Queue::new(1_000_000, 1));
        let mut intake = intake(&queue);
        for time_us in 0..BATCH_MESSAGES as Micros + 1 {
            give(&mut intake, 0, time_us);
        }
        assert_eq!(taken(&queue), [(7, (0..BATCH_MESSAGES as Micros).collect())]);
        intake.pause(true);
        assert_eq!(taken(&queue), [(7, vec![BATCH_MESSAGES as Micros])]);
        intake.pause(true);
        assert!(taken(&queue).is_empty());
    }

    #[test]
    fn a_batch_fills_an_eighth_of_a_short_queue() {
        let queue = Arc::new(Queue::new(16, 1));
        let mut intake = intake(&queue);
        for time_us in 0..20 {
            give(&mut intake, 0, time_us);
        }
        let newest = (4..20).step_by(2).map(|first| (7, vec![first, first + 1]));
        assert_eq!(taken(&queue), newest.collect::<Vec<_>>());
        assert_eq!(queue.dropped(), 4);
    }

    #[test]
    fn each_source_has_batches_of_its_own() {
        let queue = Arc::new(Queue::new(1_000_000, 1));
        let mut intake = intake(&queue);
        for (at, time_us) in [(0, 10), (1, 11), (0, 12)] {
            give(&mut intake, at, time_us);
        }
        intake.end();
        assert_eq!(taken(&queue), [(7, vec![10, 12]), (8, vec![11])]);
    }

    #[test]
    fn small_batches_are_gathered_while_the_queue_is_long() {
        let queue = Arc::new(Queue::new(1_000_000, 1));
        let mut intake = intake(&queue);
        let mut time_us = 0;
        while queue.is_short() {
            give(&mut intake, 0, time_us);
            intake.pause(true);
            time_us += 1;
        }
        let waiting = time_us;
        give(&mut intake, 0, time_us);
        give(&mut intake, 0, time_us + 1);
        // Two messages in one batch, whenever it goes on.
        intake.pause(true);
        intake.end();
        let batches = taken(&queue);
        let messages: usize = batches.iter().map(|(_, times)| times.len()).sum();
        assert_eq!(messages as Micros, waiting + 2);
        assert_eq!(batches.len() as Micros, waiting + 1);
        assert_eq!(intake.published.lock().unwrap().decode.messages, messages as u64);
    }
}
