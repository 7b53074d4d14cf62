//! Looking for a byte in short text. `memchr` is made for long text: on the parts of a header its set-up costs more than
//! the search.

use wide::u8x16;

/// Bytes that are looked at together.
pub(crate) const WORD: usize = 16;

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
        return find_in_short(text, wanted);
    };
    let mut at = 0;
    while let Some(word) = text[at..].first_chunk::<WORD>() {
        let found = those_of(*word, wanted);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += WORD;
    }
    // What is left is shorter than a word: the last word covers it, and the bytes before it have none.
    let found = those_of(*last, wanted);
    (found != 0).then(|| text.len() - WORD + found.trailing_zeros() as usize)
}

/// As `find_any` in less than a word: two halves that overlap, side by side.
#[inline]
fn find_in_short<const N: usize>(text: &[u8], wanted: [u8; N]) -> Option<usize> {
    const HALF: usize = WORD / 2;
    let (Some(first), Some(last)) = (text.first_chunk::<HALF>(), text.last_chunk::<HALF>()) else {
        return text.iter().position(|byte| wanted.contains(byte));
    };
    let halves = u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << 64;
    let found = those_of(halves.to_le_bytes(), wanted);
    if found == 0 {
        return None;
    }
    let at = found.trailing_zeros() as usize;
    Some(if at < HALF { at } else { at + text.len() - WORD })
}

/// One bit for each byte of a word that is wanted.
#[inline]
pub(crate) fn those_of<const N: usize>(word: [u8; WORD], wanted: [u8; N]) -> u32 {
    let word = u8x16::new(word);
    let found = wanted
        .iter()
        .fold(u8x16::splat(0), |found, one| found | word.simd_eq(u8x16::splat(*one)));
    found.to_bitmask()
}

/// How many digits stand in front.
#[inline]
pub(crate) fn digits_len(text: &[u8]) -> usize {
    if let Some(word) = text.first_chunk::<WORD>() {
        let digits = u8x16::new(*word) - u8x16::splat(b'0');
        let others = !digits.simd_eq(digits.min(u8x16::splat(9))).to_bitmask() & 0xffff;
        if others != 0 {
            return others.trailing_zeros() as usize;
        }
    }
    text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len())
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
                    assert_eq!(find_either(&text, b'y', 0), Some(first), "{len} {first} {second}");
                    assert_eq!(
                        find_any(&text, [b'a', b'z', b'y']),
                        Some(first),
                        "{len} {first} {second}"
                    );
                }
            }
        }
    }

    #[test]
    fn digits_in_front_at_every_length() {
        for len in 0..40 {
            for digits in 0..=len {
                for other in [b'/', b':', b'@', 0, 0xff, b'0' + 0x80] {
                    let mut text = vec![b'0'; len];
                    text.iter_mut().enumerate().for_each(|(n, b)| *b += (n % 10) as u8);
                    text.get_mut(digits).into_iter().for_each(|b| *b = other);
                    assert_eq!(digits_len(&text), digits, "{len} {other}");
                }
            }
        }
    }
}
