//! Line ends found 64 bytes at a time.

use wide::u8x16;

/// The places of every LF, in order.
#[derive(Debug)]
pub(crate) struct LineEnds<'a> {
    bytes: &'a [u8],
    /// Where the block after the current one begins.
    next_block: usize,
    /// One bit for each LF of the current block that has not been given yet.
    mask: u64,
}

/// Bytes that are looked at together.
pub(super) const BLOCK: usize = 64;

impl<'a> LineEnds<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        LineEnds {
            bytes,
            next_block: 0,
            mask: 0,
        }
    }
}

impl Iterator for LineEnds<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            self.mask = feeds_at(self.bytes, self.next_block)?;
            self.next_block += BLOCK;
        }
        let at = self.next_block - BLOCK + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(at)
    }
}

/// One bit for each LF of the [`BLOCK`] bytes at a place, or of those that are left there; `None` at the end.
#[inline(always)]
pub(super) fn feeds_at(bytes: &[u8], at: usize) -> Option<u64> {
    let rest = bytes.get(at..)?;
    match rest.first_chunk::<BLOCK>() {
        Some(block) => Some(line_feeds(block)),
        None if rest.is_empty() => None,
        // The last block covers what is left; the bytes before it have been looked at.
        None => match bytes.last_chunk::<BLOCK>() {
            Some(block) => Some(line_feeds(block) >> (BLOCK - rest.len())),
            None => {
                let mut block = [0; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                Some(line_feeds(&block))
            }
        },
    }
}

/// One bit for each LF of a block.
#[inline(always)]
fn line_feeds(block: &[u8; BLOCK]) -> u64 {
    let feed = u8x16::splat(b'\n');
    let mut mask = 0u64;
    for (i, part) in block.chunks_exact(16).enumerate() {
        let mut sixteen = [0u8; 16];
        sixteen.copy_from_slice(part);
        let found = u8x16::new(sixteen).simd_eq(feed).to_bitmask();
        mask |= u64::from(found) << (16 * i);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lf_at_every_length() {
        for len in 0..200 {
            for step in [1, 2, 7, 63, 64, 65] {
                let bytes: Vec<u8> = (0..len).map(|i| if i % step == 0 { b'\n' } else { b'x' }).collect();
                let want: Vec<usize> = (0..len).step_by(step).collect();
                assert_eq!(LineEnds::new(&bytes).collect::<Vec<_>>(), want, "{len} {step}");
            }
        }
    }
}
