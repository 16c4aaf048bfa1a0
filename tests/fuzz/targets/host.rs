#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jarchi_tests::fuzz::host(bytes));
