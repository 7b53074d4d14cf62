//! Captures from interfaces and HEP senders, and tracks calls as they come.
//!
//! Unlike the core it does I/O and reads the clock. `unsafe` stands in three modules, which face the kernel: the packet
//! socket, its ring, and privileges.

#![deny(unsafe_op_in_unsafe_fn)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
// Elsewhere than on Linux the parts that need no kernel are compiled without the ones that use them.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

mod bpf;
mod clock;
mod consumer;
pub mod filter;
mod hep_address;
mod hep_connection;
mod intake;
mod order;
mod queue;
mod settings;
#[cfg(test)]
mod testing;

#[cfg(target_os = "linux")]
mod hep_server;
#[cfg(target_os = "linux")]
mod kernel_drops;
#[cfg(target_os = "linux")]
mod live;
#[cfg(target_os = "linux")]
mod privileges;
#[cfg(target_os = "linux")]
mod ring;
#[cfg(target_os = "linux")]
mod socket;
#[cfg(not(target_os = "linux"))]
mod unsupported;
#[cfg(target_os = "linux")]
mod worker;

pub use bpf::Instruction;
pub use hep_address::HepAddress;
pub use settings::{LiveCounters, LiveSettings, ThreadGone};

#[cfg(target_os = "linux")]
pub use live::Live;
#[cfg(target_os = "linux")]
pub use privileges::drop_privileges;
#[cfg(not(target_os = "linux"))]
pub use unsupported::{drop_privileges, Live};
