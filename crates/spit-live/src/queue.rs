//! What waits between the threads that decode and the one that tracks: bounded, and it sheds the oldest.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use spit_core::call::{DigestCursor, Digests};
use spit_core::Micros;

/// Batches that may wait whatever they hold: small ones cost more than their messages.
const MAX_BATCHES: usize = 4096;

/// A queue that holds more batches than this is behind; until then a batch goes on as soon as its thread has nothing to do.
const FEW_BATCHES: usize = 64;

/// Empty digests kept to be filled again, so that memory is allocated seldom.
const KEPT_EMPTY: usize = 64;

/// Messages from one source, in its order.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Which source: one ring, or the HEP collector.
    pub(crate) lane: usize,
    pub(crate) digests: Digests,
}

impl Batch {
    /// The time of its first message.
    pub(crate) fn first_us(&self) -> Option<Micros> {
        self.digests.time_us(DigestCursor::default())
    }
}

/// The queue. Its bound is in messages, because that is what memory follows.
#[derive(Debug)]
pub(crate) struct Queue {
    max_messages: usize,
    state: Mutex<State>,
    /// A batch has come, or a source has ended.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// In the order of arrival.
    waiting: VecDeque<Batch>,
    messages: usize,
    dropped: u64,
    sources: usize,
    /// Counts batches that came and sources that ended, so that none is slept through.
    changes: u64,
    empty: Vec<Digests>,
}

impl Queue {
    /// A queue that `sources` threads fill.
    pub(crate) fn new(max_messages: usize, sources: usize) -> Queue {
        Queue {
            max_messages,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                messages: 0,
                dropped: 0,
                sources,
                changes: 0,
                empty: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// Adds a batch, sheds the oldest ones where there is no room, and gives empty digests to fill.
    pub(crate) fn push(&self, batch: Batch) -> Digests {
        let mut state = self.lock();
        state.changes += 1;
        state.messages += batch.digests.len();
        state.waiting.push_back(batch);
        while state.messages > self.max_messages || state.waiting.len() > MAX_BATCHES {
            let Some(oldest) = state.waiting.pop_front() else {
                break;
            };
            state.messages -= oldest.digests.len();
            state.dropped += oldest.digests.len() as u64;
            state.keep(oldest.digests);
        }
        let empty = state.empty.pop().unwrap_or_default();
        drop(state);
        self.changed.notify_one();
        empty
    }

    /// The messages that may wait.
    pub(crate) fn max_messages(&self) -> usize {
        self.max_messages
    }

    /// Whether few batches wait, so that a small one may be added.
    pub(crate) fn is_short(&self) -> bool {
        self.lock().waiting.len() < FEW_BATCHES
    }

    /// Moves every batch whose first message is `due` to `taken`, in the order of arrival. Answers how many changes there
    /// have been, for [`Queue::wait`].
    pub(crate) fn take_due(&self, due: impl Fn(Micros) -> bool, taken: &mut Vec<Batch>) -> u64 {
        let mut state = self.lock();
        for _ in 0..state.waiting.len() {
            let Some(batch) = state.waiting.pop_front() else {
                break;
            };
            if batch.first_us().is_none_or(&due) {
                state.messages -= batch.digests.len();
                taken.push(batch);
            } else {
                state.waiting.push_back(batch);
            }
        }
        state.changes
    }

    /// Takes digests back that have been tracked.
    pub(crate) fn recycle(&self, used: impl Iterator<Item = Digests>) {
        let mut state = self.lock();
        used.for_each(|digests| state.keep(digests));
    }

    /// One of the sources gives no more.
    pub(crate) fn end_source(&self) {
        let mut state = self.lock();
        state.sources = state.sources.saturating_sub(1);
        state.changes += 1;
        drop(state);
        self.changed.notify_one();
    }

    /// Sources that have not ended.
    pub(crate) fn sources(&self) -> usize {
        self.lock().sources
    }

    /// Waits at most for `patience` until there have been more changes than these.
    pub(crate) fn wait(&self, changes: u64, patience: Duration) {
        let state = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(state, patience, |state| state.changes == changes);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether batches wait.
    pub(crate) fn holds_any(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Messages that were shed.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// No thread leaves the state half changed: a lock poisoned by a panic elsewhere is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, mut digests: Digests) {
        if self.empty.len() < KEPT_EMPTY {
            digests.clear();
            self.empty.push(digests);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{digests, times};

    fn batch(lane: usize, times_us: &[Micros]) -> Batch {
        Batch {
            lane,
            digests: digests(times_us),
        }
    }

    fn all(queue: &Queue) -> Vec<Vec<Micros>> {
        let mut taken = Vec::new();
        queue.take_due(|_| true, &mut taken);
        taken.iter().map(|batch| times(&batch.digests)).collect()
    }

    #[test]
    fn a_full_queue_sheds_the_oldest_and_counts_their_messages() {
        let queue = Queue::new(5, 1);
        queue.push(batch(0, &[1, 2]));
        queue.push(batch(0, &[3]));
        queue.push(batch(0, &[4, 5]));
        assert_eq!(queue.dropped(), 0);
        queue.push(batch(0, &[6, 7]));
        assert_eq!(queue.dropped(), 2);
        assert_eq!(all(&queue), [vec![3], vec![4, 5], vec![6, 7]]);
    }

    #[test]
    fn it_recovers_when_it_is_emptied() {
        let queue = Queue::new(2, 1);
        for time in 0..10 {
            queue.push(batch(0, &[time]));
        }
        assert_eq!(queue.dropped(), 8);
        assert_eq!(all(&queue), [[8], [9]]);
        queue.push(batch(0, &[10]));
        queue.push(batch(0, &[11]));
        assert_eq!(all(&queue), [[10], [11]]);
        assert_eq!(queue.dropped(), 8);
    }

    #[test]
    fn small_batches_are_bounded_too() {
        let queue = Queue::new(usize::MAX, 1);
        for time in 0..MAX_BATCHES as Micros + 3 {
            queue.push(batch(0, &[time]));
        }
        assert_eq!(queue.dropped(), 3);
        assert_eq!(all(&queue).len(), MAX_BATCHES);
    }

    #[test]
    fn only_what_is_due_is_taken_and_the_rest_keeps_its_order() {
        let queue = Queue::new(100, 2);
        queue.push(batch(0, &[50]));
        queue.push(batch(1, &[10]));
        queue.push(batch(0, &[60]));
        let mut taken = Vec::new();
        assert_eq!(queue.take_due(|time| time <= 20, &mut taken), 3);
        assert_eq!(taken.iter().map(|batch| batch.lane).collect::<Vec<_>>(), [1]);
        assert_eq!(all(&queue), [[50], [60]]);
        // What is taken makes room.
        assert!(!queue.holds_any());
    }

    #[test]
    fn memory_is_used_again() {
        let queue = Queue::new(1, 1);
        queue.push(batch(0, &[1]));
        // The batch that is shed for this one comes back empty.
        assert!(queue.push(batch(0, &[2])).is_empty());
        queue.recycle([digests(&[3])].into_iter());
        assert!(queue.push(batch(0, &[4])).is_empty());
    }
}
