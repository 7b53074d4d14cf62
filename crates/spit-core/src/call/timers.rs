//! Deadlines by event time. A timer is never moved: when it is due, the call says whether it meant it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Micros;

/// Which call, and which use of its slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Timer {
    pub(super) due_us: Micros,
    pub(super) call: u32,
    pub(super) generation: u32,
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
}

impl Timers {
    pub(super) fn push(&mut self, timer: Timer) {
        self.heap.push(Reverse(timer));
    }

    /// The earliest timer that is due at `now`.
    #[inline]
    pub(super) fn pop_due(&mut self, now: Micros) -> Option<Timer> {
        if self.heap.peek()?.0.due_us > now {
            return None;
        }
        self.heap.pop().map(|Reverse(timer)| timer)
    }

    /// The earliest timer, due or not.
    pub(super) fn pop(&mut self) -> Option<Timer> {
        self.heap.pop().map(|Reverse(timer)| timer)
    }
}
