//! Strings in numbered slots: what columns of state kept elsewhere are indexed by.

use std::hash::BuildHasher;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::FoldError;

/// Each string held has a slot of its own; a released slot is given to the next new string.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The hasher is seeded at random: whoever chooses the strings cannot choose collisions.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    names: Vec<Option<Box<str>>>,
    free: Vec<u32>,
}

impl Names {
    /// Strings held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no string is held.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The slot of `name`, if it is held.
    pub fn slot(&self, name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(name);
        self.index.find(hash, |&slot| self.name(slot) == Some(name)).copied()
    }

    /// The slot of `name`, and whether it was taken for it just now. Fails when 2^32 - 1 strings are held.
    pub fn claim(&mut self, name: &str) -> Result<(u32, bool), FoldError> {
        let Self {
            index,
            hasher,
            names,
            free,
        } = self;
        let held = |slot: u32| names.get(slot as usize).and_then(Option::as_deref);
        let vacant = match index.entry(
            hasher.hash_one(name),
            |&slot| held(slot) == Some(name),
            |&slot| hasher.hash_one(held(slot).unwrap_or_default()),
        ) {
            Entry::Occupied(found) => return Ok((*found.get(), false)),
            Entry::Vacant(vacant) => vacant,
        };
        let slot = match free.pop() {
            Some(slot) => slot,
            None => u32::try_from(names.len())
                .ok()
                .filter(|&slot| slot < u32::MAX)
                .ok_or_else(|| FoldError::new(format!("names: expected fewer than {}", u32::MAX)))?,
        };
        vacant.insert(slot);
        match names.get_mut(slot as usize) {
            Some(place) => *place = Some(name.into()),
            None => names.push(Some(name.into())),
        }
        Ok((slot, true))
    }

    /// Forgets the string of `slot`. Answers whether there was one.
    pub fn release(&mut self, slot: u32) -> bool {
        let Some(name) = self.names.get_mut(slot as usize).and_then(Option::take) else {
            return false;
        };
        let hash = self.hasher.hash_one(&*name);
        if let Ok(entry) = self.index.find_entry(hash, |&held| held == slot) {
            entry.remove();
        }
        self.free.push(slot);
        true
    }

    /// The string of `slot`, if it holds one.
    pub fn name(&self, slot: u32) -> Option<&str> {
        self.names.get(slot as usize)?.as_deref()
    }

    /// The slots that hold a string, in rising order.
    pub fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..)
            .zip(&self.names)
            .filter_map(|(slot, name)| name.as_ref().map(|_| slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_slot_and_a_released_slot_is_used_again() {
        let mut names = Names::default();
        let slots: Vec<_> = ["a", "b", "a", ""].map(|name| names.claim(name).unwrap()).to_vec();
        assert_eq!(slots, [(0, true), (1, true), (0, false), (2, true)]);
        assert!(names.release(1));
        assert!(!names.release(1) && !names.release(7));
        assert_eq!((names.len(), names.slot("b"), names.name(1)), (2, None, None));
        assert_eq!(names.claim("c").unwrap(), (1, true));
        assert_eq!((names.slot("c"), names.name(1)), (Some(1), Some("c")));
        assert_eq!(names.slots().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn growth_and_release_lose_nothing() {
        let mut names = Names::default();
        for round in 0..3 {
            for i in 0..1000 {
                names.claim(&format!("{round}-{i}")).unwrap();
            }
            for i in (0..1000).step_by(2) {
                let slot = names.slot(&format!("{round}-{i}")).unwrap();
                assert!(names.release(slot));
            }
        }
        assert_eq!(names.len(), 1500);
        assert_eq!(names.slots().count(), 1500);
        for slot in names.slots().collect::<Vec<_>>() {
            assert_eq!(names.slot(names.name(slot).unwrap()), Some(slot));
        }
    }
}
