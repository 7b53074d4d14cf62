#![no_main]

#[path = "../../crates/spit-core/tests/invariants/sip_message.rs"]
mod sip_message;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sip_message::check(data));
