//! The fuzz targets with a thousand inputs each, the same in every run: real files and payloads, more
//! and more damaged.

use crate::contracts::BUILT_IN;

const INPUTS: u64 = 1000;
const PAYLOADS: [&str; 4] = [
    "wh_1\nevt_1\n{\"b\":1,\"2\":[1.0,{\"a\":\"\\u00e9\\ud800\"}],\"1\":1e21}",
    "\n\n{\"a\":{\"a\":{\"a\":{}}},\"__proto__\":null,\"\":[true,false,-0.0]}",
    "a\"b\\\u{1}\nx\n{\"x\":12345678901234567890,\"y\":\"\u{2028}\"}",
    "\u{e9}\n\n{}",
];

/// A generator of numbers (xorshift64*): the same from the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % limit
    }

    /// Takes out, doubles, replaces and moves pieces of a text.
    fn damage(&mut self, text: &str, times: usize) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..times {
            let from = self.below(bytes.len() + 1);
            let to = (from + self.below(40)).min(bytes.len());
            let piece = bytes[from..to].to_vec();
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 => drop(bytes.drain(from..to)),
                1 => drop(bytes.splice(at..at, piece)),
                2 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                _ => {
                    let characters = b"{}[]\"'=.,\n0123456789#\\\xff";
                    bytes.insert(at, characters[self.below(characters.len())]);
                }
            }
        }
        bytes
    }
}

#[test]
fn contract_files_are_read_or_refused() {
    for seed in 1..=INPUTS {
        let mut random = Random(seed);
        let (_, text) = BUILT_IN[random.below(BUILT_IN.len())];
        let times = random.below(6);
        super::contract_file(&random.damage(text, times));
    }
}

#[test]
fn bodies_are_in_normal_form() {
    for seed in 1..=INPUTS {
        let mut random = Random(seed);
        let payload = PAYLOADS[random.below(PAYLOADS.len())];
        let times = random.below(3);
        super::body(&random.damage(payload, times));
    }
}
