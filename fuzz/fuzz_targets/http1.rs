#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| newswired::hostile::http1(data));
