//! User-Agent texts, each once for all calls that show it: a few hundred products make millions of calls.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::state::{Paged, NONE};

#[derive(Debug)]
struct Agent {
    text: Box<[u8]>,
    calls: u32,
}

/// Texts by their place, kept as long as a call has them.
#[derive(Debug, Default)]
pub(super) struct Agents {
    places: Paged<Agent>,
    by_text: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Agents {
    /// The place of a text, which one more call has; [`NONE`] without a text.
    pub(super) fn take(&mut self, text: Option<&[u8]>) -> u32 {
        let Some(text) = text else { return NONE };
        let hash = self.hasher.hash_one(text);
        let places = &mut self.places;
        if let Some(at) = self.by_text.find(hash, |at| *places.at(*at).text == *text) {
            places.at_mut(*at).calls += 1;
            return *at;
        }
        let at = places.add(Agent {
            text: text.into(),
            calls: 1,
        });
        let hasher = &self.hasher;
        self.by_text
            .insert_unique(hash, at, |at| hasher.hash_one(&*places.at(*at).text));
        at
    }

    /// The text in a place.
    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<&[u8]> {
        self.places.get(at).map(|agent| &*agent.text)
    }

    /// One call less has the text.
    pub(super) fn release(&mut self, at: u32) {
        let Some(agent) = self.places.get_mut(at) else { return };
        agent.calls = agent.calls.saturating_sub(1);
        if agent.calls > 0 {
            return;
        }
        let hash = self.hasher.hash_one(&*agent.text);
        if let Ok(entry) = self.by_text.find_entry(hash, |other| *other == at) {
            entry.remove();
        }
        self.places.at_mut(at).text = Box::default();
        self.places.free(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_as_long_as_a_call_has_it() {
        let mut agents = Agents::default();
        assert_eq!(agents.take(None), NONE);
        assert_eq!(agents.get(NONE), None);
        let (a, b) = (agents.take(Some(b"a")), agents.take(Some(b"")));
        assert_eq!(
            (agents.take(Some(b"a")), agents.get(a), agents.get(b)),
            (a, Some(&b"a"[..]), Some(&b""[..]))
        );
        agents.release(a);
        assert_eq!(agents.get(a), Some(&b"a"[..]));
        agents.release(a);
        agents.release(NONE);
        assert_eq!(agents.places.len(), 1);
        let c = agents.take(Some(b"c"));
        assert_eq!((agents.get(c), agents.places.len()), (Some(&b"c"[..]), 2));
    }
}
