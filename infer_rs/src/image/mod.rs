//! Decoding image files to RGB exactly as `PIL.Image.open(path).convert("RGB")` of Pillow 13.0.0 does, refusals included.
//!
//! The rules were found by experiment and by reading Pillow (MIT-CMU licence, by Jeffrey 'Alex' Clark, Fredrik Lundh and contributors);
//! this is a rewrite in our own words. One module per format; only magic bytes choose it, never the file's name.

mod bmp;
mod bmp_header;
mod bmp_runs;
mod exif;
mod gif;
mod gif_lzw;
mod jpeg;
mod jpeg_markers;
mod jpeg_scans;
mod orientation;
mod png;
mod png_chunks;
mod png_pixels;
mod png_text;
mod png_transparent;
mod webp;

use std::io::{self, Read as _};
use std::path::Path;

pub use orientation::{orientation, turned};

use crate::error::{Error, Result};
use crate::files;

/// Above this Pillow warns of a decompression bomb (`Image.MAX_IMAGE_PIXELS`), and all runtimes of Concord refuse.
pub const MOST_PIXELS: u64 = 89_478_485;

/// Larger files are refused by all runtimes of Concord, unread: the largest image allowed takes 716 MB as an uncompressed PNG of 16 bits
/// a sample. contract/pictures.py has the same.
pub const MOST_BYTES: u64 = 1 << 30;

/// So many bytes tell one format from another.
const HEAD: u64 = 16;

/// Why a file is no image, in words; the caller knows the path.
pub type Decoded<T> = std::result::Result<T, String>;

/// An image: rows of red, green, blue bytes without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `3 * width * height` bytes.
    pub data: Vec<u8>,
}

impl Rgb {
    /// A black image.
    pub fn black(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0; 3 * width * height] }
    }
}

/// Name and version of the JPEG decoder that is linked in.
pub const JPEG_DECODER: &str = concat!("libjpeg-turbo ", env!("CONCORD_JPEG_VERSION"));

/// Whether it was built with SIMD: build.rs looked for vector code in the library itself.
pub fn jpeg_has_simd() -> bool {
    env!("CONCORD_JPEG_SIMD") == "true"
}

const NEXT: &str = "replace or remove the file; only JPEG, PNG, WebP, BMP and GIF files that Pillow reads are accepted";

/// Reads and decodes a file.
pub fn decode_file(path: &Path) -> Result<Rgb> {
    decode_read(&read_file(path)?, path)
}

/// Reads and decodes a file, and says the EXIF orientation that it states, 1 to 8.
pub fn decode_file_and_orientation(path: &Path) -> Result<(Rgb, Option<u8>)> {
    let file = read_file(path)?;
    Ok((decode_read(&file, path)?, orientation(&file)))
}

/// Reads a file. One that begins like no image, or is too large, is refused unread.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let refused = |what: String| Error::data(what, path.display(), NEXT);
    let failed = |fault: io::Error| Error::reading(path, &fault);
    let mut file = files::open(path)?;
    let mut bytes = Vec::new();
    // The first bytes alone tell a picture from a film of 100 GB.
    file.by_ref().take(HEAD).read_to_end(&mut bytes).map_err(failed)?;
    known(&bytes).map_err(refused)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > MOST_BYTES {
        return Err(refused(format!("a file of {length} bytes, more than {MOST_BYTES}")));
    }
    bytes.reserve_exact((length + 1).saturating_sub(HEAD) as usize);
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Decodes what `read_file` read; an error names the path.
pub fn decode_read(file: &[u8], path: &Path) -> Result<Rgb> {
    decode(file).map_err(|what| Error::data(what, path.display(), NEXT))
}

/// Decodes the bytes of a file.
pub fn decode(file: &[u8]) -> Decoded<Rgb> {
    known(file)?(file)
}

type Decoder = fn(&[u8]) -> Decoded<Rgb>;

/// The decoder for a file that begins with these bytes.
fn known(head: &[u8]) -> Decoded<Decoder> {
    match format(head) {
        Some("JPEG") => Ok(jpeg::decode),
        Some("PNG") => Ok(png::decode),
        Some("WebP") => Ok(webp::decode),
        Some("BMP") => Ok(bmp::decode),
        Some("GIF") => Ok(gif::decode),
        Some(other) => Err(format!("format not supported: {other}")),
        None => Err("not an image: the first bytes are of no known format".into()),
    }
}

/// By the first bytes, as contract/pictures.py: FOREIGN has it for those that are refused.
fn format(file: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 18] = [
        (b"\xff\xd8\xff", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"GIF87a", "GIF"),
        (b"GIF89a", "GIF"),
        (b"BM", "BMP"),
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"II+\0", "TIFF"),
        (b"MM\0+", "TIFF"),
        (b"\0\0\x01\0", "ICO"),
        (b"8BPS", "PSD"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a", "JPEG XL"),
        (b"qoif", "QOI"),
        (b"DDS ", "DDS"),
        (b"%PDF-", "PDF"),
    ];
    if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
        return Some("WebP");
    }
    if file.get(4..8) == Some(b"ftyp") {
        return Some("AVIF or HEIF");
    }
    MAGIC.iter().find(|(magic, _)| file.starts_with(magic)).map(|(_, name)| *name)
}

/// Refuses sizes that Pillow refuses before any memory is taken.
fn check_size(width: usize, height: usize) -> Decoded<()> {
    if width == 0 || height == 0 {
        return Err(format!("an image of {width} x {height} pixels"));
    }
    if width as u64 * height as u64 > MOST_PIXELS {
        return Err(format!("{width} x {height} pixels are more than {MOST_PIXELS}: could be a decompression bomb"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_refused_by_name() {
        let cases: [(&[u8], &str); 4] = [(b"II*\0", "TIFF"), (b"8BPS\0", "PSD"), (b"\xff\x0a", "JPEG XL"), (b"\0\0\0\x20ftypavif", "AVIF")];
        for (file, name) in cases {
            assert!(decode(file).unwrap_err().starts_with(&format!("format not supported: {name}")));
        }
        assert!(decode(b"hello").unwrap_err().contains("not an image"));
        assert!(decode(b"").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn of_what_is_no_image_only_the_first_bytes_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.jpg");
        // A terabyte with nothing in it: reading it would end for want of memory.
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(decode_file(&path).unwrap_err().what.contains("not an image"));
        assert_eq!(decode_file(Path::new("/dev/zero")).unwrap_err().exit_code(), 4);
    }

    #[cfg(unix)]
    #[test]
    fn a_huge_file_is_refused_unread() {
        use std::io::Write as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.gif");
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(b"GIF89a").unwrap();
        file.set_len(1 << 40).unwrap();
        let error = decode_file(&path).unwrap_err();
        assert!(error.exit_code() == 4 && error.what.contains("more than 1073741824"), "{error}");
    }

    #[test]
    fn the_pixel_limit_is_pillows() {
        assert!(check_size(89_478_485, 1).is_ok());
        assert!(check_size(89_478_486, 1).is_err());
        assert!(check_size(0, 1).is_err());
    }

    #[test]
    fn an_error_names_the_file() {
        let error = decode_file(Path::new("/nowhere/x.jpg")).unwrap_err();
        assert_eq!((error.exit_code(), error.place.as_str()), (4, "/nowhere/x.jpg"));
    }
}
