//! Everything that one decoder counts.

use crate::decode::{DecodeCounters, Decoder};
use crate::packet::defrag::DefragCounters;
use crate::packet::tcp::TcpCounters;

/// What a decoder has counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Frames and messages.
    pub decode: DecodeCounters,
    /// IP fragments.
    pub fragments: DefragCounters,
    /// TCP streams.
    pub tcp: TcpCounters,
}

impl Counters {
    /// What this decoder has counted so far.
    pub fn of(decoder: &Decoder) -> Counters {
        Counters {
            decode: decoder.counters,
            fragments: decoder.fragments.counters,
            tcp: decoder.streams.counters,
        }
    }
}
