//! Captures from interfaces and HEP senders, and tracks calls as they come.
//!
//! Unlike the core it does I/O and reads the clock. `unsafe` stands in three modules, which face the kernel: the packet
//! socket, its ring, and privileges.

#![deny(unsafe_op_in_unsafe_fn)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bpf;
pub mod filter;
mod order;
mod queue;
#[cfg(test)]
mod testing;
