//! The compressed payload (chunk 16): zlib, bounded.

use flate2::{Decompress, FlushDecompress, Status};

/// The most bytes that a compressed payload may grow to: no SIP message that fits IP is longer.
pub const MAX_INFLATED: usize = 64 * 1024;

/// Why a payload was not inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InflateError {
    /// No zlib stream, or one that ends early.
    NotZlib,
    /// More than [`MAX_INFLATED`] bytes.
    Bomb,
}

/// Inflates a zlib stream (RFC 1950). At most one byte more than the limit is ever made.
pub(super) fn inflate(bytes: &[u8]) -> Result<Vec<u8>, InflateError> {
    let mut zlib = Decompress::new(true);
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4).clamp(1024, MAX_INFLATED + 1));
    loop {
        let used = usize::try_from(zlib.total_in()).unwrap_or(bytes.len()).min(bytes.len());
        let made = out.len();
        let status = zlib
            .decompress_vec(&bytes[used..], &mut out, FlushDecompress::Finish)
            .map_err(|_| InflateError::NotZlib)?;
        if out.len() > MAX_INFLATED {
            return Err(InflateError::Bomb);
        }
        match status {
            Status::StreamEnd => return Ok(out),
            // No room is left: make some, up to one byte beyond the limit.
            _ if out.len() == out.capacity() => {
                let room = out.capacity().max(1024);
                out.reserve_exact(room.min(MAX_INFLATED + 1 - out.len()));
            }
            // The input is used up, or no progress is possible.
            _ if zlib.total_in() >= bytes.len() as u64 || out.len() == made => return Err(InflateError::NotZlib),
            _ => {}
        }
    }
}
