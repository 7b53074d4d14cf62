//! Looking for a byte in short text. `memchr` is made for long text: on the parts of a header its set-up costs more than
//! the search.

use wide::u8x16;

const WORD: usize = 16;

/// Where `wanted` stands first.
#[inline]
pub(crate) fn find(text: &[u8], wanted: u8) -> Option<usize> {
    find_any(text, [wanted])
}

/// Where one of two bytes stands first.
#[inline]
pub(crate) fn find_either(text: &[u8], a: u8, b: u8) -> Option<usize> {
    find_any(text, [a, b])
}

/// Where one of several bytes stands first.
#[inline]
pub(crate) fn find_any<const N: usize>(text: &[u8], wanted: [u8; N]) -> Option<usize> {
    let Some(last) = text.last_chunk::<WORD>() else {
        return text.iter().position(|byte| wanted.contains(byte));
    };
    let wanted = wanted.map(u8x16::splat);
    let first_in = |word: &[u8; WORD]| {
        let word = u8x16::new(*word);
        let found = wanted
            .iter()
            .fold(u8x16::splat(0), |found, one| found | word.simd_eq(*one));
        let found = found.to_bitmask();
        (found != 0).then(|| found.trailing_zeros() as usize)
    };
    let mut at = 0;
    while let Some(word) = text[at..].first_chunk::<WORD>() {
        if let Some(n) = first_in(word) {
            return Some(at + n);
        }
        at += WORD;
    }
    // What is left is shorter than a word: the last word covers it, and the bytes before it have none.
    first_in(last).map(|n| text.len() - WORD + n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_at_every_place_and_length() {
        for len in 0..70 {
            assert_eq!(find(&vec![b'x'; len], b'y'), None);
            for first in 0..len {
                for second in [first, (first + 1).min(len - 1), len - 1] {
                    let mut text = vec![b'x'; len];
                    text[second] = b'z';
                    text[first] = b'y';
                    assert_eq!(find(&text, b'y'), Some(first), "{len} {first} {second}");
                    assert_eq!(find_either(&text, b'z', b'y'), Some(first), "{len} {first} {second}");
                    assert_eq!(
                        find_any(&text, [b'a', b'z', b'y']),
                        Some(first),
                        "{len} {first} {second}"
                    );
                }
            }
        }
    }
}
