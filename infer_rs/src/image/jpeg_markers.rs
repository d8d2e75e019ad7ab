//! JPEG headers as Pillow's Python parser reads them, up to the first scan: it refuses files that libjpeg would accept.

use super::orientation::{Info, Metadata};
use super::{Decoded, exif};

const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// What the last frame header says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 grey, 3 colour, 4 CMYK.
    pub channels: usize,
}

/// Reads the segments before the first scan.
pub fn read(file: &[u8]) -> Decoded<Frame> {
    parse(file)?.finish()
}

/// What a file that can be read says of itself.
pub fn metadata(file: &[u8]) -> Decoded<Metadata> {
    let parser = parse(file)?;
    let exif = (!parser.exif.is_empty()).then_some(Info::Bytes(parser.exif));
    Ok(Metadata { exif, xmp: parser.xmp.map(|xmp| Info::Bytes(xmp.to_vec())), ..Metadata::default() })
}

fn parse(file: &[u8]) -> Decoded<Parser<'_>> {
    let mut parser = Parser { file, at: 3, frame: Frame::default(), profile: vec![], exif: vec![], xmp: None, has_resolution: false };
    // The third byte of the magic already belongs to the first marker.
    let mut first = Some(0xff);
    while let Some(byte) = first {
        if byte != 0xff {
            first = parser.byte();
            continue;
        }
        let Some(code) = parser.byte() else { break };
        first = match code {
            0xda => {
                parser.segment()?;
                return Ok(parser);
            }
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xde => parser.frame().map(|()| parser.byte())?,
            0xdb => parser.quantisation().map(|()| parser.byte())?,
            0xe0..=0xef => parser.application(code).map(|()| parser.byte())?,
            0xc4 | 0xcc | 0xdc | 0xdd | 0xdf | 0xfe => parser.segment().map(|_| parser.byte())?,
            0xc8 | 0xd0..=0xd9 | 0xf0..=0xfd | 0x00 => parser.byte(),
            // Padding: this byte may start the next marker.
            0xff => Some(0xff),
            _ => return Err(format!("broken JPEG: no marker is called FF{code:02X}")),
        };
    }
    Err("broken JPEG: it has no scan".into())
}

struct Parser<'a> {
    file: &'a [u8],
    at: usize,
    frame: Frame,
    /// Parts of the colour profile since the last frame header.
    profile: Vec<&'a [u8]>,
    exif: Vec<u8>,
    xmp: Option<&'a [u8]>,
    /// Whether a JFIF segment gave a resolution: then Pillow asks no other.
    has_resolution: bool,
}

impl<'a> Parser<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.file.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn segment(&mut self) -> Decoded<&'a [u8]> {
        let cut = || "truncated JPEG: a segment is longer than the file".to_owned();
        let length = big_endian(self.file, self.at).ok_or_else(cut)?;
        // A length that does not even count itself means an empty body.
        let start = self.at + 2;
        let end = start + length.saturating_sub(2);
        self.at = end;
        self.file.get(start..end).ok_or_else(cut)
    }

    fn frame(&mut self) -> Decoded<()> {
        let body = self.segment()?;
        let cut = || "broken JPEG: its frame header is cut short".to_owned();
        let (height, width) = (big_endian(body, 1).ok_or_else(cut)?, big_endian(body, 3).ok_or_else(cut)?);
        if body[0] != 8 {
            return Err(format!("JPEG with {} bits a sample, only 8 are supported", body[0]));
        }
        let channels = usize::from(*body.get(5).ok_or_else(cut)?);
        if !matches!(channels, 1 | 3 | 4) {
            return Err(format!("JPEG with {channels} channels"));
        }
        if (body.len() - 6) % 3 != 0 {
            return Err(cut());
        }
        let first = self.profile.iter().min();
        if first.is_some_and(|part| part.len() < 14) {
            return Err("broken JPEG: its colour profile is cut short".into());
        }
        self.profile.clear();
        self.frame = Frame { width, height, channels };
        Ok(())
    }

    fn quantisation(&mut self) -> Decoded<()> {
        let mut rest = self.segment()?;
        while let Some(kind) = rest.first() {
            let length = if kind >> 4 == 0 { 65 } else { 129 };
            rest = rest.get(length..).ok_or("broken JPEG: a quantisation table is cut short")?;
        }
        Ok(())
    }

    fn application(&mut self, code: u8) -> Decoded<()> {
        let body = self.segment()?;
        let named = |name: &[u8]| body.starts_with(name);
        let short = (code == 0xe0 && named(b"JFIF") || code == 0xee && named(b"Adobe")) && body.len() < 7;
        if short || code == 0xed && named(b"Photoshop 3.0\0") && resources_end_at_a_name(body) {
            return Err(format!("broken JPEG: segment APP{} is cut short", code & 15));
        }
        if code == 0xe0 && named(b"JFIF") {
            self.has_resolution |= body.len() >= 12 && matches!(body[7], 1 | 2);
        }
        if code == 0xe1 && named(b"Exif\0\0") {
            // Long data come in several segments.
            self.exif.extend(if self.exif.is_empty() { body } else { &body[6..] });
        }
        if code == 0xe1 && named(XMP) {
            self.xmp = Some(&body[XMP.len()..]);
        }
        if code == 0xe2 && named(b"ICC_PROFILE\0") {
            self.profile.push(body);
        }
        Ok(())
    }

    fn finish(self) -> Decoded<Frame> {
        if !self.has_resolution && exif::trips_pillow(&self.exif) {
            return Err("broken JPEG: its EXIF data have half a resolution".into());
        }
        if self.frame.channels == 0 { Err("broken JPEG: a scan before any frame header".into()) } else { Ok(self.frame) }
    }
}

/// Whether the image resources end where the length of a name should be: the one cut that Pillow does not forgive.
fn resources_end_at_a_name(body: &[u8]) -> bool {
    let mut at = 14;
    while body.get(at..at + 4) == Some(b"8BIM") {
        let Some(code) = big_endian(body, at + 4) else { return false };
        let Some(name) = body.get(at + 6) else { return true };
        at = even(at + 7 + usize::from(*name));
        let (Some(high), Some(low)) = (big_endian(body, at), big_endian(body, at + 2)) else { return false };
        let size = high << 16 | low;
        if code == 0x03ed && body.len().saturating_sub(at + 4).min(size) < 14 {
            return false;
        }
        at = even(at + 4 + size);
    }
    false
}

fn even(at: usize) -> usize {
    at + (at & 1)
}

fn big_endian(bytes: &[u8], at: usize) -> Option<usize> {
    let pair = bytes.get(at..at + 2)?;
    Some(usize::from(pair[0]) << 8 | usize::from(pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOF: &[u8] = b"\xff\xc0\0\x0b\x08\0\x02\0\x03\x01\x01\x11\0";
    const SOS: &[u8] = b"\xff\xda\0\x02";

    fn file(parts: &[&[u8]]) -> Vec<u8> {
        // The magic's last byte is the first marker's first.
        [&b"\xff\xd8"[..], &parts.concat()].concat()
    }

    #[test]
    fn padding_junk_and_empty_segments_are_passed_over() {
        let good = Frame { width: 3, height: 2, channels: 1 };
        for junk in [&b""[..], b"\xff\xff\xff", b"\xff\x00abc", b"\xff\xd0xyz", b"\xff\xfe\0\0", b"\xff\xe0\0\x01"] {
            assert_eq!(read(&file(&[b"\xff\xd8", junk, SOF, SOS])), Ok(good), "{junk:x?}");
        }
    }

    #[test]
    fn the_last_frame_header_counts() {
        let second = b"\xff\xc2\0\x0b\x08\0\x09\0\x07\x01\x01\x11\0";
        assert_eq!(read(&file(&[SOF, second, SOS])).unwrap().width, 7);
    }

    #[test]
    fn what_pillow_refuses_is_refused() {
        let cases: [&[&[u8]]; 14] = [
            &[SOF],
            &[SOS],
            &[b"\xff\x01", SOF, SOS],
            &[b"\xff\x80", SOF, SOS],
            &[b"\xff\xfe\0\xff", SOF, SOS],
            &[b"\xff\xdb\0\x04\0\0", SOF, SOS],
            &[b"\xff\xe0\0\x07JFIF\0", SOF, SOS],
            &[b"\xff\xee\0\x08Adobe\0", SOF, SOS],
            &[b"\xff\xe2\0\x0fICC_PROFILE\0\x01", SOF, SOS],
            &[b"\xff\xed\0\x16Photoshop 3.0\x008BIM\x04\x04", SOF, SOS],
            &[b"\xff\xc0\0\x0b\x0c\0\x02\0\x03\x01\x01\x11\0", SOS],
            &[b"\xff\xc0\0\x0b\x08\0\x02\0\x03\x02\x01\x11\0", SOS],
            &[b"\xff\xc0\0\x0a\x08\0\x02\0\x03\x01\x01\x11", SOS],
            &[SOF, b"\xff\xda\0\x09"],
        ];
        for parts in cases {
            assert!(read(&file(parts)).is_err(), "{parts:x?}");
        }
        // A colour profile is only looked at by a frame header that follows it.
        assert!(read(&file(&[SOF, b"\xff\xe2\0\x0fICC_PROFILE\0\x01", SOS])).is_ok());
    }
}
