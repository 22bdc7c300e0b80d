#![no_main]
//! See `semper_tests::fuzz`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| semper_tests::fuzz::run("by_hand", input));
