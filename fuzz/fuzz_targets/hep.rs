#![no_main]

#[path = "../../crates/spit-core/tests/invariants/hep.rs"]
mod hep;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hep::check(data));
