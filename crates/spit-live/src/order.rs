//! Messages of several sources, one by one in the order of their times.

use std::collections::VecDeque;

use spit_core::call::{DigestCursor, Digested, Digests};
use spit_core::Micros;

use crate::queue::Batch;

/// How long a message is held for an earlier one from another source: a ring gives its packets at most 10 ms late, and
/// on a busy machine the thread that reads it may wait for its turn several times as long.
pub(crate) const HOLD_US: Micros = 100_000;

/// A message further ahead of the clock than this is not waited for: the clock was set back since.
const AHEAD_US: Micros = 1_000_000;

/// Which messages are due at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    until_us: Micros,
    ahead_us: Micros,
}

impl Due {
    /// At this time of the clock that the packets' times come from, with so many sources.
    pub(crate) fn at(now_us: Micros, lanes: usize) -> Due {
        let hold_us = if lanes > 1 { HOLD_US } else { 0 };
        Due {
            until_us: now_us - hold_us,
            ahead_us: now_us + AHEAD_US,
        }
    }

    /// Everything, when nothing more will come.
    pub(crate) fn everything() -> Due {
        Due {
            until_us: Micros::MAX,
            ahead_us: Micros::MAX,
        }
    }

    /// Whether a message of this time is due.
    pub(crate) fn is(self, time_us: Micros) -> bool {
        time_us <= self.until_us || time_us > self.ahead_us
    }

    /// Up to when messages are complete as far as can be known.
    pub(crate) fn until_us(self) -> Micros {
        self.until_us
    }
}

/// Batches that are being taken, by their source.
#[derive(Debug, Default)]
pub(crate) struct Order {
    lanes: Vec<VecDeque<(Digests, DigestCursor)>>,
    used: Vec<Digests>,
}

impl Order {
    pub(crate) fn new(lanes: usize) -> Order {
        Order {
            lanes: (0..lanes).map(|_| VecDeque::new()).collect(),
            used: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, batch: Batch) {
        if let Some(lane) = self.lanes.get_mut(batch.lane) {
            lane.push_back((batch.digests, DigestCursor::default()));
        }
    }

    /// The earliest message when it is due.
    pub(crate) fn next(&mut self, due: Due) -> Option<Digested<'_>> {
        for lane in &mut self.lanes {
            while let Some((digests, at)) = lane.front() {
                if digests.time_us(*at).is_some() {
                    break;
                }
                self.used.extend(lane.pop_front().map(|(digests, _)| digests));
            }
        }
        let fronts = self.lanes.iter().enumerate().filter_map(|(i, lane)| {
            let (digests, at) = lane.front()?;
            Some((digests.time_us(*at)?, i))
        });
        let (_, earliest) = fronts.filter(|(time_us, _)| due.is(*time_us)).min()?;
        let (digests, at) = self.lanes[earliest].front_mut()?;
        digests.next(at)
    }

    /// Whether messages are left that were not due.
    pub(crate) fn holds_any(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.is_empty())
    }

    /// Digests that have been taken to their end.
    pub(crate) fn used(&mut self) -> impl Iterator<Item = Digests> + '_ {
        self.used.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::digests;

    fn order(lanes: &[&[&[Micros]]]) -> Order {
        let mut order = Order::new(lanes.len());
        for (lane, batches) in lanes.iter().enumerate() {
            for times_us in *batches {
                order.add(Batch {
                    lane,
                    digests: digests(times_us),
                });
            }
        }
        order
    }

    fn taken(order: &mut Order, due: Due) -> Vec<Micros> {
        let mut times = Vec::new();
        while let Some(digested) = order.next(due) {
            times.push(digested.time_us());
        }
        times
    }

    #[test]
    fn messages_of_several_sources_come_in_the_order_of_their_times() {
        let mut order = order(&[&[&[1, 4], &[5, 9]], &[&[2, 3, 6]], &[&[7], &[8]]]);
        assert_eq!(taken(&mut order, Due::everything()), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(order.used().count(), 5);
    }

    #[test]
    fn a_message_is_held_for_earlier_ones_from_elsewhere() {
        let now_us = HOLD_US + 10_000;
        let mut order = order(&[&[&[1_000, now_us]], &[]]);
        assert_eq!(taken(&mut order, Due::at(now_us, 2)), [1_000]);
        order.add(Batch {
            lane: 1,
            digests: digests(&[now_us - 1_000, now_us + 1_000]),
        });
        assert_eq!(
            taken(&mut order, Due::at(now_us + HOLD_US, 2)),
            [now_us - 1_000, now_us]
        );
        assert_eq!(
            taken(&mut order, Due::at(now_us + HOLD_US + 1_000, 2)),
            [now_us + 1_000]
        );
    }

    #[test]
    fn one_source_is_not_held() {
        let mut order = order(&[&[&[1, 2, 3]]]);
        assert_eq!(taken(&mut order, Due::at(2, 1)), [1, 2]);
    }

    #[test]
    fn a_source_keeps_its_own_order() {
        // A capture may be slightly out of order in itself; the tracker takes that as it takes it from a file.
        let mut order = order(&[&[&[5, 3, 4]], &[&[6]]]);
        assert_eq!(taken(&mut order, Due::everything()), [5, 3, 4, 6]);
    }

    #[test]
    fn messages_from_before_the_clock_was_set_back_are_not_held() {
        let hour = 3_600_000_000;
        let mut order = order(&[&[&[2 * hour]], &[&[hour]]]);
        assert_eq!(taken(&mut order, Due::at(hour, 2)), [2 * hour]);
    }
}
