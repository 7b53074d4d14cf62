//! Deadlines by event time, in slots of a second. A timer is never moved: when it is due, the call says whether it
//! meant it.

use std::collections::VecDeque;

use crate::Micros;

const SECOND_US: Micros = 1_000_000;
/// Slots of the wheel, about 4.5 hours; later timers wait in the last slot and are filed again from there.
const MAX_SLOTS: usize = 16_384;
/// Timers that an emptied slot keeps room for: with more, every slot of the wheel would in time be as large as the
/// busiest second.
const SPARE_PER_SLOT: usize = 64;

/// Which call, and which use of its slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Timer {
    pub(super) due_us: Micros,
    /// Before the place, so that of two that are due at once the older call's comes first.
    pub(super) generation: u32,
    pub(super) call: u32,
}

/// Timers in the order of their time: filing one costs no more than appending to a list.
#[derive(Debug, Default)]
pub(super) struct Timers {
    slots: VecDeque<Vec<Timer>>,
    /// Emptied slots, to be used again.
    spare: Vec<Vec<Timer>>,
    /// The second of the first slot.
    first_s: i64,
    /// The time of the latest look at what is due.
    now_us: Option<Micros>,
    /// Nothing is due before: nearly every look ends here.
    quiet_until_us: Option<Micros>,
    /// Whether the first slot is sorted, the earliest timer last.
    sorted: bool,
    len: usize,
}

impl Timers {
    /// Timers of which none is due before `now`.
    pub(super) fn starting(now_us: Micros) -> Timers {
        Timers {
            now_us: Some(now_us),
            ..Timers::default()
        }
    }

    #[inline]
    pub(super) fn push(&mut self, timer: Timer) {
        let second = timer.due_us.div_euclid(SECOND_US);
        if self.len == 0 {
            // The wheel begins at the present, so that no later timer is due before its first slot.
            for mut slot in self.slots.drain(..) {
                slot.shrink_to(SPARE_PER_SLOT);
                self.spare.push(slot);
            }
            let now_s = self.now_us.map(|now_us| now_us.div_euclid(SECOND_US));
            self.first_s = now_s.map_or(second, |now_s| now_s.min(second));
            self.sorted = false;
        }
        self.len += 1;
        self.quiet_until_us = self.quiet_until_us.map(|until_us| until_us.min(timer.due_us));
        let ahead = usize::try_from(second.saturating_sub(self.first_s)).unwrap_or(0);
        let at = ahead.min(MAX_SLOTS - 1);
        while self.slots.len() <= at {
            self.slots.push_back(self.spare.pop().unwrap_or_default());
        }
        let slot = &mut self.slots[at];
        if at == 0 && self.sorted {
            let place = slot.partition_point(|other| *other > timer);
            slot.insert(place, timer);
        } else {
            slot.push(timer);
        }
    }

    /// The earliest timer that is due at `now`.
    #[inline]
    pub(super) fn pop_due(&mut self, now_us: Micros) -> Option<Timer> {
        self.now_us = Some(now_us);
        if self.quiet_until_us.is_some_and(|until_us| now_us < until_us) {
            return None;
        }
        self.look(now_us)
    }

    fn look(&mut self, now_us: Micros) -> Option<Timer> {
        loop {
            let slot_us = self.first_s.saturating_mul(SECOND_US);
            if self.len == 0 || slot_us > now_us {
                self.quiet_until_us = Some(if self.len == 0 { Micros::MAX } else { slot_us });
                return None;
            }
            self.sort_first();
            let slot = self.slots.front_mut()?;
            let first_us = slot.last().map_or(Micros::MAX, |timer| timer.due_us);
            if first_us <= now_us {
                self.len -= 1;
                self.quiet_until_us = None;
                return slot.pop();
            }
            let next_slot_us = (self.first_s + 1).saturating_mul(SECOND_US);
            if next_slot_us > now_us {
                self.quiet_until_us = Some(first_us.min(next_slot_us));
                return None;
            }
            self.next_slot();
        }
    }

    /// A timer of the earliest slot that has one, due or not: about the earliest, which is enough to make room.
    pub(super) fn pop(&mut self) -> Option<Timer> {
        let timer = self.slots.iter_mut().find_map(Vec::pop)?;
        self.len -= 1;
        Some(timer)
    }

    /// How many timers are filed.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keeps only the timers that are still meant.
    pub(super) fn retain(&mut self, meant: impl Fn(&Timer) -> bool) {
        for slot in &mut self.slots {
            slot.retain(&meant);
            slot.shrink_to(2 * slot.len());
        }
        self.len = self.slots.iter().map(Vec::len).sum();
    }

    #[inline]
    fn sort_first(&mut self) {
        if !self.sorted {
            if let Some(slot) = self.slots.front_mut() {
                slot.sort_unstable_by(|a, b| b.cmp(a));
            }
            self.sorted = true;
        }
    }

    /// Goes on to the next second. What is left of the first slot waits for later and is filed again.
    fn next_slot(&mut self) {
        let Some(mut slot) = self.slots.pop_front() else { return };
        self.first_s += 1;
        self.sorted = false;
        if self.slots.is_empty() {
            self.slots.push_back(self.spare.pop().unwrap_or_default());
        }
        self.len -= slot.len();
        for timer in slot.drain(..) {
            self.push(timer);
        }
        slot.shrink_to(SPARE_PER_SLOT);
        self.spare.push(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn timers_come_in_order_whatever_the_order_of_filing() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |n: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % n
        };
        let mut timers = Timers::default();
        let mut model = BTreeSet::new();
        let mut now_us = -5_000_000;
        assert_eq!(timers.pop_due(now_us), None);
        for call in 0..20_000 {
            let ahead: i64 = [0, 300, 900_000, 32_000_000, 14_400_000_000, 900_000_000_000][next(6) as usize];
            let due_us = now_us + ahead + next(1000) as i64 - 500;
            let timer = Timer {
                due_us,
                call,
                generation: 0,
            };
            timers.push(timer);
            model.insert(timer);
            if next(50) == 0 {
                assert!(model.remove(&timers.pop().unwrap()));
            }
            now_us += [0, 1, 200_000, 5_000_000, 100_000_000][next(5) as usize];
            while let Some(timer) = timers.pop_due(now_us) {
                assert_eq!(Some(timer), model.pop_first());
            }
            assert!(model.first().is_none_or(|timer| timer.due_us > now_us));
            assert_eq!(timers.len, model.len());
            assert!(timers.slots.len() <= MAX_SLOTS);
        }
    }

    #[test]
    fn emptied_slots_do_not_keep_the_room_of_the_busiest_second() {
        let mut timers = Timers::default();
        let file = |timers: &mut Timers, due_us| {
            timers.push(Timer {
                due_us,
                call: 0,
                generation: 0,
            });
        };
        assert_eq!(timers.pop_due(0), None);
        file(&mut timers, 14_400 * SECOND_US);
        for second in 0..3000 {
            while timers.pop_due(second * SECOND_US).is_some() {}
            for _ in 0..1000 {
                file(&mut timers, (second + 3) * SECOND_US);
            }
        }
        let room: usize = timers.slots.iter().chain(&timers.spare).map(Vec::capacity).sum();
        assert!(room <= MAX_SLOTS * SPARE_PER_SLOT + 4 * 1024, "{room}");
    }

    #[test]
    fn a_jump_of_years_takes_no_longer_than_the_wheel() {
        let mut timers = Timers::default();
        for (call, due_us) in [(0, 0), (1, Micros::MAX), (2, 1)] {
            timers.push(Timer {
                due_us,
                call,
                generation: 0,
            });
        }
        let order: Vec<u32> = std::iter::from_fn(|| timers.pop_due(SECOND_US * 100_000))
            .map(|t| t.call)
            .collect();
        assert_eq!(order, [0, 2]);
    }
}
