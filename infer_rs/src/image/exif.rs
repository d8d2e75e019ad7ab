//! EXIF data as Pillow reads them, damaged ones too: the orientation they state, and the one rule by which they refuse a JPEG file.
//!
//! The rule: Pillow takes a resolution stored as a text or byte too short to be two numbers for a fraction, and that error is one it does
//! not catch (JpegImagePlugin, `_read_dpi_from_exif`).

use std::collections::BTreeMap;

const ORIENTATION: u16 = 0x0112;
const X_RESOLUTION: u16 = 0x011a;
const RESOLUTION_UNIT: u16 = 0x0128;

/// Whether Pillow trips over these EXIF data (with their `Exif\0\0`) when it looks for a resolution.
pub fn trips_pillow(data: &[u8]) -> bool {
    let Some(directory) = Directory::new(without_prefix(data)) else { return false };
    let entries = directory.entries();
    let Some(&(kind, value)) = entries.get(&RESOLUTION_UNIT).and(entries.get(&X_RESOLUTION)) else { return false };
    match kind {
        BYTE | UNDEFINED => value.len() == 1,
        // A digit is a number, and then the second one is missing; anything else is an error that Pillow does catch.
        ASCII => match value.strip_suffix(b"\0").unwrap_or(value) {
            [] => true,
            [sign] => sign.is_ascii_digit(),
            _ => false,
        },
        _ => false,
    }
}

/// What EXIF data say of the orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stated {
    /// There is no such tag: XMP may have it.
    Nothing,
    /// The tag is there, with a value from 1 to 8.
    Orientation(u8),
    /// It has another value, or Pillow gives up on the data: nobody else is asked.
    Nonsense,
}

/// The orientation in these EXIF data, with or without their `Exif\0\0`.
pub fn orientation(data: &[u8]) -> Stated {
    let data = without_prefix(data);
    if data.is_empty() {
        return Stated::Nothing;
    }
    let Some(directory) = Directory::new(data) else { return Stated::Nonsense };
    let Some((kind, value)) = directory.entries().remove(&ORIENTATION) else { return Stated::Nothing };
    (1..=8).find(|number| directory.is_number(kind, value, *number)).map_or(Stated::Nonsense, Stated::Orientation)
}

/// Pillow takes off two of them at most.
fn without_prefix(data: &[u8]) -> &[u8] {
    let rest = data.strip_prefix(b"Exif\0\0").unwrap_or(data);
    rest.strip_prefix(b"Exif\0\0").unwrap_or(rest)
}

const BYTE: u16 = 1;
const ASCII: u16 = 2;
const UNDEFINED: u16 = 7;

/// Bytes per value of the types that Pillow knows.
fn unit(kind: u16) -> Option<usize> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 => 8,
        _ => return None,
    })
}

/// A TIFF directory (source: TIFF 6.0, section 2), read as far as Pillow reads a damaged one.
struct Directory<'a> {
    data: &'a [u8],
    big_endian: bool,
    start: usize,
}

impl<'a> Directory<'a> {
    fn new(data: &'a [u8]) -> Option<Self> {
        let head = data.get(..8)?;
        // BigTIFF's little-endian mark is known and then fails for want of eight more bytes; its other mark passes for TIFF's.
        let big_endian = match &head[..4] {
            b"MM\0*" | b"MM*\0" | b"MM\0+" => true,
            b"II*\0" | b"II\0*" => false,
            _ => return None,
        };
        let mut made = Self { data, big_endian, start: 0 };
        made.start = made.number(&head[4..8]);
        Some(made)
    }

    /// Type and bytes by tag.
    fn entries(&self) -> BTreeMap<u16, (u16, &'a [u8])> {
        let mut found = BTreeMap::new();
        let mut used = 0_usize;
        let count = self.data.get(self.start..self.start.saturating_add(2)).map_or(0, |count| self.number(count));
        for entry in 0..count {
            let at = self.start + 2 + 12 * entry;
            // Where the directory is cut off, what was read before stays.
            let Some(entry) = self.data.get(at..at + 12) else { break };
            let (tag, kind) = (self.number(&entry[..2]) as u16, self.number(&entry[2..4]) as u16);
            // Of a tag that comes twice, the first counts.
            let Some(unit) = unit(kind).filter(|_| !found.contains_key(&tag)) else { continue };
            let size = self.number(&entry[4..8]).saturating_mul(unit);
            let value = if size <= 4 {
                &entry[8..8 + size]
            } else {
                // Pillow counts the bytes of all values against the length of the data.
                used = used.saturating_add(size);
                if used > self.data.len() {
                    continue;
                }
                let offset = self.number(&entry[8..12]);
                let Some(value) = self.data.get(offset..offset + size) else { break };
                value
            };
            if !value.is_empty() {
                found.insert(tag, (kind, value));
            }
        }
        found
    }

    /// Whether the first of the values equals this number, as Python compares them: a fraction or a float may.
    fn is_number(&self, kind: u16, value: &[u8], wanted: u8) -> bool {
        let bits = |from: usize, to: usize| value.get(from..to).map_or(0, |bytes| self.number(bytes)) as u64;
        let wide = i128::from(wanted);
        match kind {
            3 => bits(0, 2) == u64::from(wanted),
            4 | 13 => bits(0, 4) == u64::from(wanted),
            16 => bits(0, 8) == u64::from(wanted),
            6 => bits(0, 1) as u8 as i8 == wanted as i8,
            8 => bits(0, 2) as u16 as i16 == i16::from(wanted),
            9 => bits(0, 4) as u32 as i32 == i32::from(wanted),
            5 => bits(4, 8) != 0 && i128::from(bits(0, 4)) == wide * i128::from(bits(4, 8)),
            10 => {
                let (over, under) = (bits(0, 4) as u32 as i32, bits(4, 8) as u32 as i32);
                under != 0 && i128::from(over) == wide * i128::from(under)
            }
            // Each of these numbers has one pattern of bits.
            11 => bits(0, 4) == u64::from(f32::from(wanted).to_bits()),
            12 => bits(0, 8) == f64::from(wanted).to_bits(),
            // Bytes and texts are no numbers.
            _ => false,
        }
    }

    fn number(&self, bytes: &[u8]) -> usize {
        let join = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        if self.big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exif(entries: &[[u8; 12]]) -> Vec<u8> {
        let head = b"Exif\0\0MM\0*\0\0\0\x08";
        [&head[..], &[0, entries.len() as u8], &entries.concat(), &[0; 4]].concat()
    }

    fn resolution(kind: u8, count: u8, value: [u8; 4]) -> [u8; 12] {
        let [a, b, c, d] = value;
        [0x01, 0x1a, 0, kind, 0, 0, 0, count, a, b, c, d]
    }

    const UNIT: [u8; 12] = [0x01, 0x28, 0, 3, 0, 0, 0, 1, 0, 2, 0, 0];

    #[test]
    fn one_byte_one_digit_and_an_empty_text_trip() {
        for (kind, count, value, trips) in [
            (1, 1, *b"a\0\0\0", true),
            (7, 1, *b"a\0\0\0", true),
            (7, 2, *b"ab\0\0", false),
            (2, 1, *b"\0\0\0\0", true),
            (2, 1, *b"7\0\0\0", true),
            (2, 2, *b"7\0\0\0", true),
            (2, 2, *b"a\0\0\0", false),
            (2, 2, *b"72\0\0", false),
            (2, 0, *b"72\0\0", false),
            (3, 1, *b"\0\x48\0\0", false),
        ] {
            assert_eq!(trips_pillow(&exif(&[resolution(kind, count, value), UNIT])), trips, "{kind} {value:?}");
        }
        assert!(!trips_pillow(&exif(&[resolution(1, 1, [0; 4])])), "without a unit Pillow does not look");
        let trips = exif(&[resolution(1, 1, *b"a\0\0\0"), UNIT]);
        assert!(trips_pillow(&[b"Exif\0\0", &trips[..]].concat()) && !trips_pillow(&[b"Exif\0\0Exif\0\0", &trips[..]].concat()));
    }

    #[test]
    fn an_orientation_may_be_of_any_type_of_number() {
        let entry = |kind: u8, count: u8, value: [u8; 4]| [&[0x01, 0x12, 0, kind, 0, 0, 0, count], &value[..]].concat().try_into().unwrap();
        for (kind, value, stated) in [
            (3, [0, 6, 0, 0], Stated::Orientation(6)),
            (4, [0, 0, 0, 8], Stated::Orientation(8)),
            (6, [2, 0, 0, 0], Stated::Orientation(2)),
            (8, [0, 3, 0, 0], Stated::Orientation(3)),
            (9, [0, 0, 0, 1], Stated::Orientation(1)),
            (11, [0x40, 0xa0, 0, 0], Stated::Orientation(5)),
            (13, [0, 0, 0, 7], Stated::Orientation(7)),
            (1, [6, 0, 0, 0], Stated::Nonsense),
            (2, *b"6\0\0\0", Stated::Nonsense),
            (7, [6, 0, 0, 0], Stated::Nonsense),
            (3, [0, 0, 0, 0], Stated::Nonsense),
            (3, [0, 9, 0, 0], Stated::Nonsense),
            (9, [0xff, 0xff, 0xff, 0xff], Stated::Nonsense),
            (99, [0, 6, 0, 0], Stated::Nothing),
        ] {
            assert_eq!(orientation(&exif(&[entry(kind, 1, value)])), stated, "{kind} {value:?}");
        }
        assert_eq!(orientation(&exif(&[entry(3, 2, [0, 6, 0, 3])])), Stated::Orientation(6), "of several the first");
        assert_eq!(orientation(&exif(&[entry(3, 1, [0, 6, 0, 0]), entry(3, 1, [0, 3, 0, 0])])), Stated::Orientation(6));
        let fraction = |kind: u8, over: i32, under: i32| {
            let data = exif(&[[0x01, 0x12, 0, kind, 0, 0, 0, 1, 0, 0, 0, 26]]);
            orientation(&[data, over.to_be_bytes().to_vec(), under.to_be_bytes().to_vec()].concat())
        };
        assert_eq!([fraction(5, 12, 2), fraction(10, -12, -2)], [Stated::Orientation(6); 2]);
        assert_eq!([fraction(5, 13, 2), fraction(5, 6, 0), fraction(10, -6, 1), fraction(5, -12, -2)], [Stated::Nonsense; 4]);
    }

    #[test]
    fn data_without_a_directory_are_nonsense_and_no_data_are_nothing() {
        for data in [&b"Exif\0\0"[..], b"", b"Exif\0\0Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff"] {
            assert_eq!(orientation(data), Stated::Nothing, "{data:?}");
        }
        for data in [&b"Exif\0\0Exif\0\0Exif\0\0"[..], b"Exif\0\0II*\0", b"hello", b"II+\0\x08\0\0\0\0\0"] {
            assert_eq!(orientation(data), Stated::Nonsense, "{data:?}");
        }
    }

    #[test]
    fn no_cut_is_a_panic() {
        let whole = exif(&[resolution(5, 1, [0, 0, 0, 200]), UNIT]);
        assert!((0..whole.len()).all(|length| !trips_pillow(&whole[..length])));
        assert!(!trips_pillow(b"Exif\0\0II*\0\xff\xff\xff\xff"));
    }
}
