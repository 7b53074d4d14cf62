//! Reads capture files: opens, decompresses, and merges several into one stream in time order.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bytes;
mod damage;
mod merge;
mod pipeline;
mod reader;

pub use damage::Damage;
pub use merge::Captures;
pub use pipeline::{Batch, Next, Pipeline};
pub use reader::{CaptureFile, Packet};
