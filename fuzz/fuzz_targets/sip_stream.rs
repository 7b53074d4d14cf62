#![no_main]

#[path = "../../crates/spit-core/tests/invariants/sip_stream.rs"]
mod sip_stream;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sip_stream::check(data));
