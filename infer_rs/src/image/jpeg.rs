//! JPEG: libjpeg-turbo's pixels, refused where Pillow refuses.

use super::{Decoded, Rgb, check_size, jpeg_markers, jpeg_scans};
use crate::ffi;

/// Decodes a JPEG file; of an MPO file its first image.
pub fn decode(file: &[u8]) -> Decoded<Rgb> {
    let frame = jpeg_markers::read(file)?;
    check_size(frame.width, frame.height)?;
    jpeg_scans::check(file, frame.width, frame.height)?;
    let pixels = frame.width * frame.height;
    let mut samples = vec![0; pixels * frame.channels];
    ffi::decode_jpeg(file, frame.width, frame.height, frame.channels, &mut samples)?;
    let data = match frame.channels {
        1 => samples.iter().flat_map(|grey| [*grey; 3]).collect(),
        3 => samples,
        _ => samples.chunks_exact(4).flat_map(inverted_cmyk_to_rgb).collect(),
    };
    Ok(Rgb { width: frame.width, height: frame.height, data })
}

/// Adobe's CMYK is inverted, and Pillow takes every CMYK file for Adobe's (rawmode `CMYK;I`, then cmyk2rgb in Convert.c).
fn inverted_cmyk_to_rgb(pixel: &[u8]) -> [u8; 3] {
    // 255 - k of the inverted k is the stored byte itself.
    let light = i32::from(pixel[3]);
    [pixel[0], pixel[1], pixel[2]].map(|stored| {
        let product = (255 - i32::from(stored)) * light + 128;
        (light - (((product >> 8) + product) >> 8)).clamp(0, 255) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cmyk_is_converted_by_pillows_formula() {
        // (10, 100, 200, 50) -> (197, 125, 44), measured with Pillow 13.0.0; stored inverted.
        assert_eq!(inverted_cmyk_to_rgb(&[245, 155, 55, 205]), [197, 125, 44]);
        assert_eq!(inverted_cmyk_to_rgb(&[255, 255, 255, 255]), [255; 3]);
        assert_eq!(inverted_cmyk_to_rgb(&[0, 128, 255, 0]), [0; 3]);
    }
}
