//! Decodes packets and SIP, tracks calls, folds keyed state.
//!
//! Pure: no clock, no I/O, no `unsafe`. Time is always an argument. It holds no score and no threshold.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod anomaly;
pub mod attempt;
pub mod call;
pub mod callers;
pub mod counters;
pub mod decode;
pub mod evidence;
pub mod file;
pub mod fold;
pub mod forest;
pub mod hep;
pub mod packet;
pub mod plan;
pub mod sip;

/// A point in time: microseconds since the Unix epoch.
pub type Micros = i64;
