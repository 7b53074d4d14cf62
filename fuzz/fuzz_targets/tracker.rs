#![no_main]

#[path = "../../crates/spit-core/tests/invariants/tracker.rs"]
mod tracker;

libfuzzer_sys::fuzz_target!(|data: &[u8]| tracker::check(data));
