//! The EXIF orientation that a file states, found where Pillow's `Image.getexif` looks for it, and turning by it as
//! `ImageOps.exif_transpose` does. The file must be one that can be decoded.

use super::exif::{self, Stated};
use super::{Decoded, Rgb, format, jpeg_markers, png, png_text};

/// An entry of Pillow's `Image.info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Info {
    /// A `bytes` object.
    Bytes(Vec<u8>),
    /// A `str`, in the file's own encoding: all that is looked for in it is ASCII.
    Text(Vec<u8>),
}

/// As much of Pillow's `Image.info` as can state an orientation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// `exif`.
    pub exif: Option<Info>,
    /// `Raw profile type exif`, ImageMagick's way.
    pub raw_profile: Option<Info>,
    /// `xmp`.
    pub xmp: Option<Info>,
    /// `XML:com.adobe.xmp`.
    pub xmp_text: Option<Info>,
}

impl Metadata {
    /// Keeps what a text chunk says, if it is of use.
    pub fn put(&mut self, key: &[u8], value: Info) {
        match key {
            b"exif" => self.exif = Some(value),
            b"Raw profile type exif" => self.raw_profile = Some(value),
            b"xmp" => self.xmp = Some(value),
            png_text::XMP => self.xmp_text = Some(value),
            _ => {}
        }
    }

    /// The orientation, 1 to 8; none also where Pillow raises an error.
    fn orientation(&self) -> Option<u8> {
        let stated = match (&self.exif, &self.raw_profile) {
            (Some(Info::Bytes(data)), _) => exif::orientation(data),
            // Pillow searches it for bytes.
            (Some(Info::Text(_)), _) => Stated::Nonsense,
            (None, Some(Info::Bytes(text) | Info::Text(text))) => hex(text).map_or(Stated::Nonsense, |data| exif::orientation(&data)),
            (None, None) => Stated::Nothing,
        };
        match stated {
            Stated::Orientation(number) => Some(number),
            Stated::Nonsense => None,
            Stated::Nothing => self.in_xmp(),
        }
    }

    fn in_xmp(&self) -> Option<u8> {
        let packet = match (&self.xmp_text, &self.xmp) {
            (Some(Info::Text(packet)), _) if !packet.is_empty() => packet,
            // A text under the key of the bytes is another error of Pillow's.
            (_, Some(Info::Bytes(packet))) => packet,
            _ => return None,
        };
        let name = b"tiff:Orientation";
        let digit = packet.windows(name.len()).enumerate().filter(|(_, part)| part == name).find_map(|(at, _)| {
            let rest = &packet[at + name.len()..];
            let digit = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"))?.first()?;
            digit.is_ascii_digit().then_some(digit - b'0')
        });
        digit.filter(|number| (1..=8).contains(number))
    }
}

/// Bytes of a raw profile: three lines of heading, then hexadecimal digits, as Python's `bytes.fromhex` takes them.
fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.split(|byte| *byte == b'\n').skip(3).flatten().copied().collect();
    let mut rest = digits.as_slice();
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    let value = |digit: &u8| char::from(*digit).to_digit(16).map(|value| value as u8);
    loop {
        // Spaces may stand between bytes, but not inside of one.
        let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | 9..=13)).count();
        match &rest[spaces..] {
            [] => return Some(bytes),
            [high, low, more @ ..] => {
                bytes.push(value(high)? << 4 | value(low)?);
                rest = more;
            }
            [_] => return None,
        }
    }
}

/// The orientation that the bytes of a file state, 1 to 8.
pub fn orientation(file: &[u8]) -> Option<u8> {
    let metadata: Decoded<Metadata> = match format(file) {
        Some("JPEG") => jpeg_markers::metadata(file),
        Some("PNG") => Ok(png::metadata(file)),
        Some("WebP") => Ok(webp(file)),
        _ => return None,
    };
    metadata.ok()?.orientation()
}

/// The chunks of a WebP file (source: WebP Container Specification): libwebp hands out those that the header's flags announce.
fn webp(file: &[u8]) -> Metadata {
    const XMP: u8 = 4;
    const EXIF: u8 = 8;
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    let mut found = Metadata::default();
    let end = file.get(4..8).map_or(0, number).saturating_add(8).min(file.len());
    let mut rest = file.get(12..end).unwrap_or_default();
    // Only the extended format has chunks besides the picture's.
    let flags = if rest.starts_with(b"VP8X") { rest.get(8).copied().unwrap_or(0) } else { 0 };
    while let (Some(name), Some(size)) = (rest.get(..4), rest.get(4..8)) {
        let size = number(size);
        let Some(body) = rest.get(8..size.saturating_add(8)) else { break };
        // The first of a name counts, and an empty one is none.
        let put = |slot: &mut Option<Info>| {
            slot.get_or_insert_with(|| Info::Bytes(body.to_vec()));
        };
        match name {
            b"EXIF" if flags & EXIF != 0 => put(&mut found.exif),
            b"XMP " if flags & XMP != 0 => put(&mut found.xmp),
            _ => {}
        }
        rest = rest.get(8 + size + size % 2..).unwrap_or_default();
    }
    let filled = |info: Option<Info>| info.filter(|info| *info != Info::Bytes(Vec::new()));
    Metadata { exif: filled(found.exif), xmp: filled(found.xmp), ..found }
}

/// An image upright, when it is stored as this orientation says.
pub fn turned(image: Rgb, orientation: Option<u8>) -> Rgb {
    let (width, height) = (image.width, image.height);
    let (right, bottom) = (width.wrapping_sub(1), height.wrapping_sub(1));
    // From row and column of the upright image to those of the stored one.
    match orientation {
        Some(2) => moved(&image, width, height, |row, column| (row, right - column)),
        Some(3) => moved(&image, width, height, |row, column| (bottom - row, right - column)),
        Some(4) => moved(&image, width, height, |row, column| (bottom - row, column)),
        Some(5) => moved(&image, height, width, |row, column| (column, row)),
        Some(6) => moved(&image, height, width, |row, column| (bottom - column, row)),
        Some(7) => moved(&image, height, width, |row, column| (bottom - column, right - row)),
        Some(8) => moved(&image, height, width, |row, column| (column, right - row)),
        _ => image,
    }
}

fn moved(image: &Rgb, width: usize, height: usize, source: impl Fn(usize, usize) -> (usize, usize)) -> Rgb {
    let mut upright = Rgb::black(width, height);
    for (row, line) in upright.data.chunks_exact_mut(3 * width).enumerate() {
        for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
            let (y, x) = source(row, column);
            let at = 3 * (y * image.width + x);
            pixel.copy_from_slice(&image.data[at..at + 3]);
        }
    }
    upright
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXIF data that state 6.
    const SIX: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

    fn bytes(data: &[u8]) -> Info {
        Info::Bytes(data.to_vec())
    }

    fn text(data: &[u8]) -> Info {
        Info::Text(data.to_vec())
    }

    #[test]
    fn every_orientation_turns_the_first_pixel_to_its_place() {
        // Two rows of three pixels, numbered.
        let image = Rgb { width: 3, height: 2, data: (0..6).flat_map(|number| [number; 3]).collect() };
        let expected: [(Option<u8>, usize, [u8; 6]); 10] = [
            (None, 3, [0, 1, 2, 3, 4, 5]),
            (Some(1), 3, [0, 1, 2, 3, 4, 5]),
            (Some(2), 3, [2, 1, 0, 5, 4, 3]),
            (Some(3), 3, [5, 4, 3, 2, 1, 0]),
            (Some(4), 3, [3, 4, 5, 0, 1, 2]),
            (Some(5), 2, [0, 3, 1, 4, 2, 5]),
            (Some(6), 2, [3, 0, 4, 1, 5, 2]),
            (Some(7), 2, [5, 2, 4, 1, 3, 0]),
            (Some(8), 2, [2, 5, 1, 4, 0, 3]),
            (Some(9), 3, [0, 1, 2, 3, 4, 5]),
        ];
        for (orientation, width, pixels) in expected {
            let upright = turned(image.clone(), orientation);
            assert_eq!((upright.width, upright.height), (width, 6 / width), "{orientation:?}");
            assert_eq!(upright.data.iter().step_by(3).copied().collect::<Vec<_>>(), pixels, "{orientation:?}");
        }
    }

    #[test]
    fn exif_comes_before_the_raw_profile_and_that_before_xmp() {
        let raw = [b"\nexif\n  26\n", SIX.iter().map(|byte| format!("{byte:02x}\n")).collect::<String>().as_bytes()].concat();
        let three = Some(bytes(b"<a tiff:Orientation=\"3\"/>"));
        let cases = [
            (Metadata { exif: Some(bytes(SIX)), raw_profile: Some(text(b"")), xmp: three.clone(), xmp_text: None }, Some(6)),
            (Metadata { exif: None, raw_profile: Some(text(&raw)), xmp: three.clone(), xmp_text: None }, Some(6)),
            (Metadata { exif: None, raw_profile: Some(text(b"\n\n\nno")), xmp: three.clone(), xmp_text: None }, None),
            (Metadata { exif: Some(text(SIX)), xmp: three.clone(), ..Metadata::default() }, None),
            (Metadata { exif: Some(bytes(b"")), xmp: three.clone(), ..Metadata::default() }, Some(3)),
            (Metadata { exif: Some(bytes(b"no")), xmp: three.clone(), ..Metadata::default() }, None),
            (Metadata { xmp: three.clone(), xmp_text: Some(text(b"tiff:Orientation>8<")), ..Metadata::default() }, Some(8)),
            (Metadata { xmp: three.clone(), xmp_text: Some(text(b"")), ..Metadata::default() }, Some(3)),
            (Metadata { xmp: three, xmp_text: Some(text(b"none")), ..Metadata::default() }, None),
            (Metadata { xmp: Some(bytes(b"tiff:Orientation=x tiff:Orientation=\"9")), ..Metadata::default() }, None),
            (Metadata { xmp: Some(text(b"tiff:Orientation>3")), ..Metadata::default() }, None),
        ];
        for (metadata, stated) in cases {
            assert_eq!(metadata.orientation(), stated, "{metadata:?}");
        }
    }

    #[test]
    fn hexadecimal_digits_are_read_as_python_does() {
        for (text, read) in [
            (&b"\n\n\n0aFF"[..], Some(vec![10, 255])),
            (b"a\nb\nc\n 0a\t\nff ", Some(vec![10, 255])),
            (b"0a", Some(vec![])),
            (b"\n\n\n0 a", None),
            (b"\n\n\n0\na", Some(vec![10])),
            (b"\n\n\n0a0", None),
            (b"\n\n\n\xff0", None),
        ] {
            assert_eq!(hex(text), read, "{text:?}");
        }
    }

    #[test]
    fn a_webp_chunk_counts_when_it_is_announced() {
        let chunk = |name: &[u8], body: &[u8]| [name, &(body.len() as u32).to_le_bytes(), body, &[0][..body.len() % 2]].concat();
        let file = |flags: u8, chunks: &[Vec<u8>]| {
            let body = [chunk(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]), chunks.concat()].concat();
            [b"RIFF", &(body.len() as u32 + 4).to_le_bytes()[..], b"WEBP", &body].concat()
        };
        let exif = chunk(b"EXIF", SIX);
        let odd = chunk(b"ODD ", b"x");
        assert_eq!(orientation(&file(8, &[odd.clone(), exif.clone()])), Some(6));
        assert_eq!(orientation(&file(4, std::slice::from_ref(&exif))), None);
        assert_eq!(orientation(&file(8, &[chunk(b"EXIF", b""), exif.clone()])), None);
        assert_eq!(orientation(&file(4, &[chunk(b"XMP ", b"tiff:Orientation>3")])), Some(3));
        let whole = file(8, &[odd, exif]);
        assert!((12..whole.len()).all(|length| orientation(&whole[..length]).is_none_or(|stated| stated == 6)));
    }
}
