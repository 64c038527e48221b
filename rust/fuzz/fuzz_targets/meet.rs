#![no_main]

#[path = "../../catfast-core/tests/fuzz/mod.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::meet(data));
