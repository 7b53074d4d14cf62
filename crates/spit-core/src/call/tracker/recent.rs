//! Calls that began a moment ago, by caller and callee: how the two sides of a B2BUA are joined when nothing names the other.

use hashbrown::HashMap;

use crate::Micros;

/// Which call, and which use of its place.
pub(super) type CallRef = (u32, u32);

/// For how long a call counts as recent, and how many of them one window may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) window_us: Micros,
    pub(super) max_calls: usize,
}

/// Calls of the last window, and some of the one before: memory in proportion to the rate of calls, not to those that
/// go on.
#[derive(Debug, Default)]
pub(super) struct Recent {
    current: HashMap<u64, CallRef>,
    previous: HashMap<u64, CallRef>,
    since_us: Option<Micros>,
}

impl Recent {
    pub(super) fn insert(&mut self, parties: u64, call: CallRef, now_us: Micros, bounds: Bounds) {
        let since_us = *self.since_us.get_or_insert(now_us);
        if now_us.saturating_sub(since_us) > bounds.window_us || self.current.len() >= bounds.max_calls {
            std::mem::swap(&mut self.current, &mut self.previous);
            self.current.clear();
            self.since_us = Some(now_us);
        }
        self.current.insert(parties, call);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.current.len() + self.previous.len()
    }

    /// Every entry, older ones of the same parties left out.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, CallRef)> + '_ {
        let older = self
            .previous
            .iter()
            .filter(|(parties, _)| !self.current.contains_key(*parties));
        self.current
            .iter()
            .chain(older)
            .map(|(parties, call)| (*parties, *call))
    }

    /// The latest call between the two, perhaps one that has ended or is older than the window.
    pub(super) fn get(&self, parties: u64) -> Option<CallRef> {
        self.current
            .get(&parties)
            .or_else(|| self.previous.get(&parties))
            .copied()
    }
}
