//! The tracking side: batches of all sources in the order of their times, through one tracker.

use std::sync::Arc;

use spit_core::call::{EventSink, Tracker};
use spit_core::Micros;

use crate::order::{Due, Order};
use crate::queue::{Batch, Queue};

/// The tracker and what it has taken from the queue.
pub(crate) struct Consumer {
    pub(crate) tracker: Tracker,
    queue: Arc<Queue>,
    order: Order,
    lanes: usize,
    taken: Vec<Batch>,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The sink is full; more is due.
    Full,
    /// All that is due has been tracked. The number is for [`Queue::wait`]; `held` when something waits that is not due.
    UpToDate { changes: u64, held: bool },
    /// Nothing is left, and nothing more will come.
    Ended,
}

impl Consumer {
    pub(crate) fn new(tracker: Tracker, queue: Arc<Queue>, lanes: usize) -> Consumer {
        Consumer {
            tracker,
            queue,
            order: Order::new(lanes),
            lanes,
            taken: Vec::new(),
        }
    }

    /// Tracks what is due at a time until the sink is full. `stopped`: every source ends when it has given what it holds.
    pub(crate) fn step<S: EventSink>(
        &mut self,
        now_us: Micros,
        stopped: bool,
        sink: &mut S,
        is_full: impl Fn(&S) -> bool,
    ) -> Step {
        // Asked before the queue is looked into: what a source gives last is there when it has ended.
        let last = stopped && self.queue.sources() == 0;
        let due = if last {
            Due::everything()
        } else {
            Due::at(now_us, self.lanes)
        };
        let changes = self.queue.take_due(|time_us| due.is(time_us), &mut self.taken);
        for batch in self.taken.drain(..) {
            self.order.add(batch);
        }
        let full = loop {
            if is_full(sink) {
                break true;
            }
            match self.order.next(due) {
                Some(digested) => self.tracker.take(digested, sink),
                None => break false,
            }
        };
        self.queue.recycle(self.order.used());
        if full {
            return Step::Full;
        }
        // Calls end when their time runs out, also while no message comes.
        self.tracker.advance(if last { now_us } else { due.until_us() }, sink);
        if last {
            return Step::Ended;
        }
        Step::UpToDate {
            changes,
            held: self.queue.holds_any() || self.order.holds_any(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::HOLD_US;
    use crate::testing::digests;
    use spit_core::call::{CallView, EventKind, TrackSettings};

    struct Nothing;

    impl EventSink for Nothing {
        fn event(&mut self, _: EventKind, _: Micros, _: &CallView<'_>) {}
    }

    fn consumer(sources: usize, lanes: usize) -> (Arc<Queue>, Consumer) {
        let queue = Arc::new(Queue::new(1000, sources));
        let consumer = Consumer::new(Tracker::new(TrackSettings::default()), Arc::clone(&queue), lanes);
        (queue, consumer)
    }

    fn push(queue: &Queue, lane: usize, times_us: &[Micros]) {
        queue.push(Batch {
            lane,
            digests: digests(times_us),
        });
    }

    #[test]
    fn what_is_not_due_is_held_and_later_taken() {
        let (queue, mut consumer) = consumer(2, 2);
        push(&queue, 0, &[100_000]);
        let held = consumer.step(100_000, false, &mut Nothing, |_| false);
        assert!(matches!(held, Step::UpToDate { held: true, .. }));
        assert_eq!(consumer.tracker.counters.unmatched, 0);
        let done = consumer.step(100_000 + HOLD_US, false, &mut Nothing, |_| false);
        assert!(matches!(done, Step::UpToDate { held: false, .. }));
        assert_eq!(consumer.tracker.counters.unmatched, 1);
    }

    #[test]
    fn it_ends_when_stopped_and_drained_and_not_before() {
        let (queue, mut consumer) = consumer(1, 1);
        push(&queue, 0, &[10, 20]);
        assert!(matches!(
            consumer.step(5, true, &mut Nothing, |_| false),
            Step::UpToDate { held: true, .. }
        ));
        push(&queue, 0, &[30]);
        queue.end_source();
        assert_eq!(consumer.step(5, true, &mut Nothing, |_| true), Step::Full);
        assert_eq!(consumer.step(5, true, &mut Nothing, |_| false), Step::Ended);
        assert_eq!(consumer.tracker.counters.unmatched, 3);
    }

    #[test]
    fn a_source_that_ends_by_itself_is_no_end() {
        let (queue, mut consumer) = consumer(1, 1);
        queue.end_source();
        let step = consumer.step(5, false, &mut Nothing, |_| false);
        assert!(matches!(step, Step::UpToDate { .. }));
    }
}
