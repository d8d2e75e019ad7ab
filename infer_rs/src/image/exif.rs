//! The one rule by which EXIF data refuse a JPEG file: Pillow takes a resolution stored as a text or byte too short to be two numbers
//! for a fraction, and that error is one it does not catch (JpegImagePlugin, `_read_dpi_from_exif`).

const X_RESOLUTION: u16 = 0x011a;
const RESOLUTION_UNIT: u16 = 0x0128;

/// Whether Pillow trips over these EXIF data (with their `Exif\0\0`) when it looks for a resolution.
pub fn trips_pillow(mut data: &[u8]) -> bool {
    while let Some(rest) = data.strip_prefix(b"Exif\0\0") {
        data = rest;
    }
    let Some(directory) = Directory::new(data) else { return false };
    let Some((kind, value)) = directory.resolution() else { return false };
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

    /// Type and bytes of the resolution, when a unit is there, too.
    fn resolution(&self) -> Option<(u16, &'a [u8])> {
        let mut found: Vec<(u16, u16, &[u8])> = Vec::new();
        let mut used = 0_usize;
        let count = self.number(self.data.get(self.start..self.start.checked_add(2)?)?);
        for entry in 0..count {
            let at = self.start + 2 + 12 * entry;
            // Where the directory is cut off, what was read before stays.
            let Some(entry) = self.data.get(at..at + 12) else { break };
            let (tag, kind) = (self.number(&entry[..2]) as u16, self.number(&entry[2..4]) as u16);
            // Of a tag that comes twice, the first counts.
            let twice = found.iter().any(|(known, ..)| *known == tag);
            let Some(unit) = unit(kind).filter(|_| !twice) else { continue };
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
                found.push((tag, kind, value));
            }
        }
        let of = |wanted: u16| found.iter().find(|(tag, ..)| *tag == wanted).map(|(_, kind, value)| (*kind, *value));
        of(RESOLUTION_UNIT).and(of(X_RESOLUTION))
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
    }

    #[test]
    fn no_cut_is_a_panic() {
        let whole = exif(&[resolution(5, 1, [0, 0, 0, 200]), UNIT]);
        assert!((0..whole.len()).all(|length| !trips_pillow(&whole[..length])));
        assert!(!trips_pillow(b"Exif\0\0II*\0\xff\xff\xff\xff"));
    }
}
