#![no_main]

#[path = "../../crates/spit-core/tests/invariants/packet.rs"]
mod packet;

libfuzzer_sys::fuzz_target!(|data: &[u8]| packet::check(data));
