//! JPEG files that take hours: each of their scans goes over all pixels once more, and a scan needs but ten bytes.
//!
//! The limit of pixels bounds what an image takes in memory, not how often it is painted. contract/scans.py has the same rule.

use super::Decoded;

/// Pixels times scans: 96 scans of the largest image allowed. Encoders write 10 of a progressive one.
const MOST_PAINTED: u64 = 1 << 33;

/// A scan costs something, however small the image is.
const LEAST_PIXELS: u64 = 1 << 12;

/// Refuses a file of so many pixels for its number of scans.
pub fn check(file: &[u8], width: usize, height: usize) -> Decoded<()> {
    let most = MOST_PAINTED / (width as u64 * height as u64).max(LEAST_PIXELS);
    // Nearly always the whole file has too few pairs of such bytes, wherever they stand.
    let pairs = file.windows(2).filter(|pair| *pair == [0xff, 0xda]).count() as u64;
    if pairs <= most {
        return Ok(());
    }
    let scans = count(file);
    if scans <= most {
        return Ok(());
    }
    Err(format!("{scans} scans of {width} x {height} pixels are more than {most}: could be a decompression bomb"))
}

/// Scans before the end of the (first) image: those in thumbnails, and in what is appended, are not counted.
fn count(file: &[u8]) -> u64 {
    let (mut scans, mut at) = (0, 2);
    while let Some((code, behind)) = marker(file, at) {
        at = behind;
        match code {
            0xd9 => break,
            0x01 | 0xd8 => (),
            _ => {
                let length = match file.get(at..) {
                    Some([high, low, ..]) => usize::from(*high) << 8 | usize::from(*low),
                    Some([only]) => usize::from(*only),
                    _ => 0,
                };
                at += length.max(2);
            }
        }
        scans += u64::from(code == 0xda);
    }
    scans
}

/// The next marker and where its body begins. In pixel data FF 00 is a byte, FF D0 to FF D7 a restart, and a row of FF is padding.
fn marker(file: &[u8], from: usize) -> Option<(u8, usize)> {
    let found = file.get(from..)?.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff))?;
    Some((file[from + found + 1], from + found + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: &[u8] = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0pixels\xff\0\xff\xd3\xff\xff";

    fn file(parts: &[&[u8]]) -> Vec<u8> {
        [&b"\xff\xd8"[..], &parts.concat()].concat()
    }

    #[test]
    fn scans_are_counted_up_to_the_end_of_the_image() {
        let thumbnail = [&b"\xff\xe1\0\x18"[..], SCAN].concat();
        assert_eq!(thumbnail.len(), 2 + 0x18);
        let cases: [(&[&[u8]], u64); 6] = [
            (&[], 0),
            (&[SCAN], 1),
            (&[SCAN, SCAN, b"\xff\xd9", SCAN], 2),
            (&[&thumbnail, SCAN, b"\xff\xd9"], 1),
            (&[b"\xff\x01", SCAN, b"\xff\xc4\0\x02", SCAN], 2),
            (&[SCAN, b"\xff\xda"], 2),
        ];
        for (parts, scans) in cases {
            assert_eq!(count(&file(parts)), scans, "{parts:x?}");
        }
    }

    #[test]
    fn many_scans_are_allowed_of_few_pixels() {
        let many = file(&[&SCAN.repeat(100)]);
        assert!(check(&many, 1, 1).is_ok());
        assert!(check(&many, 9_000, 9_000).is_ok());
        assert!(check(&many, 9_400, 9_400).unwrap_err().starts_with("100 scans of 9400 x 9400 pixels are more than 97"));
        // What is behind the image is not painted.
        assert!(check(&file(&[SCAN, b"\xff\xd9", &SCAN.repeat(100)]), 9_400, 9_400).is_ok());
    }
}
