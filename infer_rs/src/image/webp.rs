//! WebP: the first frame on its canvas, by libwebp's own animation decoder, which is what Pillow calls.

use super::{Decoded, Rgb, check_size};
use crate::ffi;

/// Decodes a WebP file; of an animated one its first frame. Alpha is dropped, not blended.
pub fn decode(file: &[u8]) -> Decoded<Rgb> {
    // libwebp takes memory for the canvas before it can be asked for its size.
    if let Some((width, height)) = canvas(file)? {
        check_size(width, height)?;
    }
    ffi::decode_webp(file, |width, height, pixels| {
        check_size(width, height)?;
        let data = pixels.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Ok(Rgb { width, height, data })
    })?
}

/// Width and height that the first chunk states (source: WebP container specification), none where it is damaged.
fn canvas(file: &[u8]) -> Decoded<Option<(usize, usize)>> {
    let small = |at: usize| usize::from(file[at]) | usize::from(file[at + 1]) << 8;
    let large = |at: usize| small(at) | usize::from(file[at + 2]) << 16;
    Ok(match file.get(12..16) {
        Some(b"VP8 ") => (file.get(23..26) == Some(b"\x9d\x01\x2a") && file.len() >= 30).then(|| (small(26) & 0x3fff, small(28) & 0x3fff)),
        Some(b"VP8X") => (file.len() >= 30).then(|| (large(24) + 1, large(27) + 1)),
        Some(b"VP8L") => (file.get(20) == Some(&0x2f) && file.len() >= 25).then(|| {
            let bits = large(21) | usize::from(file[24]) << 24;
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }),
        _ => return Err("broken WebP: it does not begin with an image".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One pixel, lossless, by Pillow.
    const PIXEL: &[u8] = include_bytes!("../../tests/data/images/pixel.webp");

    #[test]
    fn a_pixel_comes_out() {
        let image = decode(PIXEL).unwrap();
        assert_eq!((image.width, image.height, image.data), (1, 1, vec![201, 102, 3]));
    }

    #[test]
    fn sizes_are_read_from_every_kind_of_header() {
        let file = |kind: &[u8], rest: &[u8]| [b"RIFF\0\0\0\0WEBP", kind, &[0; 4], rest, &[0; 20]].concat();
        assert_eq!(canvas(&file(b"VP8X", &[0, 0, 0, 0, 4, 1, 0, 5, 0, 0])), Ok(Some((261, 6))));
        assert_eq!(canvas(&file(b"VP8 ", &[0, 0, 0, 0x9d, 1, 0x2a, 7, 0x40, 8, 0])), Ok(Some((7, 8))));
        assert_eq!(canvas(&file(b"VP8L", &[0x2f, 9, 0x80, 2, 0])), Ok(Some((10, 11))));
        assert_eq!(canvas(&file(b"VP8L", &[0, 9, 0x80, 2, 0])), Ok(None));
        assert!(canvas(&file(b"ALPH", &[])).is_err());
        let bomb = file(b"VP8X", &[0, 0, 0, 0, 0xff, 0xff, 0, 0xff, 0xff, 0]);
        assert!(decode(&bomb).unwrap_err().contains("bomb"));
    }

    #[test]
    fn no_cut_is_accepted() {
        assert!((0..PIXEL.len()).all(|length| decode(&PIXEL[..length]).is_err()));
    }
}
