//! Decodes packets and SIP, tracks calls, folds keyed state.
//!
//! Pure: no clock, no I/O, no `unsafe`. Time is always an argument.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod fold;
