//! Damaged files do not bring the decoders down: no panic, no crash. The answer itself is bench fuzz's business.
//!
//! `CONCORD_INPUTS=1000000 cargo test --locked --test no_panic -- --nocapture` takes as many as wanted, and says how long they took.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod common;

use std::time::Instant;

use common::data;
use infer_rs::image::decode;

/// Vigna's SplitMix64: good enough for damage, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % sides.max(1)
    }
}

fn damage(dice: &mut Dice, file: &mut Vec<u8>, others: &[Vec<u8>]) {
    // Headers are short, and decide more than pixels do.
    let reach = [30, 80, 300, file.len()][dice.roll(4)];
    let at = dice.roll(file.len().min(reach));
    let end = (at + 1 + dice.roll(8)).min(file.len());
    match dice.roll(9) {
        0 | 1 if at < file.len() => file[at] ^= 1 << dice.roll(8),
        2 | 3 if at < file.len() => file[at] = [0, 1, 2, 127, 128, 254, 255, dice.roll(256) as u8][dice.roll(8)],
        4 => file.insert(at, dice.roll(256) as u8),
        5 if at < end => drop(file.drain(at..end)),
        6 => file.truncate(dice.roll(file.len() + 1)),
        7 => {
            let other = &others[dice.roll(others.len())];
            let start = dice.roll(other.len());
            let stop = (start + dice.roll(60)).min(other.len());
            file.splice(at..at, other[start..stop].iter().copied());
        }
        _ => {
            let twice = file[at.min(end)..end].to_vec();
            file.splice(at..at, twice);
        }
    }
    // Sums would keep most damage from the code behind them.
    if file.starts_with(b"\x89PNG") && dice.roll(2) == 0 {
        mend(file);
    }
}

/// Makes the sums of PNG chunks right.
fn mend(file: &mut [u8]) {
    let mut at = 8;
    while let Some(head) = file.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let end = at + 8 + length;
        if file.len() < end + 4 {
            return;
        }
        let sum = crc32fast::hash(&file[at + 4..end]);
        file[end..end + 4].copy_from_slice(&sum.to_be_bytes());
        at = end + 4;
    }
}

#[test]
fn damaged_files_do_not_bring_the_decoders_down() {
    let inputs: usize = std::env::var("CONCORD_INPUTS").map_or(4_000, |text| text.parse().unwrap());
    let mut paths: Vec<_> = std::fs::read_dir(data().join("images")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let files: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let (mut dice, start, mut decoded) = (Dice(4), Instant::now(), 0);
    for number in 0..inputs {
        let mut file = files[number % files.len()].clone();
        for _ in 0..=dice.roll(4) {
            damage(&mut dice, &mut file, &files);
        }
        if let Ok(image) = decode(&file) {
            assert_eq!(image.data.len(), 3 * image.width * image.height);
            decoded += 1;
        }
    }
    println!("{inputs} damaged files, {decoded} of them decoded, {:.0} s: no panic, no crash", start.elapsed().as_secs_f64());
    assert!(decoded > inputs / 20 && decoded < inputs, "{decoded} of {inputs}");
}
