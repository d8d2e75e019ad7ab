//! PNG's text chunks: Pillow unpacks them, and refuses a file whose texts are too large; a few may state an orientation.

use flate2::{Decompress, FlushDecompress, Status};

use super::Decoded;
use super::orientation::{Info, Metadata};

/// The key of an XMP packet.
pub const XMP: &[u8] = b"XML:com.adobe.xmp";
/// Pillow's MAX_TEXT_CHUNK, unpacked.
const MOST_UNPACKED: usize = 1 << 20;
/// Pillow's MAX_TEXT_MEMORY, in characters.
const MOST_IN_ALL: usize = 64 << 20;

/// How much text there has been.
#[derive(Debug, Default)]
pub struct Texts {
    characters: usize,
}

impl Texts {
    /// `tEXt`: key, zero, text.
    pub fn plain(&mut self, body: &[u8], metadata: &mut Metadata) -> Decoded<()> {
        let (key, text) = at_zero(body);
        // Under this one key Pillow keeps bytes.
        metadata.put(key, if key == b"exif" { Info::Bytes(text.to_vec()) } else { Info::Text(text.to_vec()) });
        self.count(key, text.len())
    }

    /// `zTXt`: key, zero, method, packed text.
    pub fn packed(&mut self, body: &[u8], metadata: &mut Metadata) -> Decoded<()> {
        let (key, rest) = at_zero(body);
        if rest.first().is_some_and(|method| *method != 0) {
            return Err("broken PNG: chunk zTXt is packed by an unknown method".into());
        }
        let text = unpacked(rest.get(1..).unwrap_or_default())?.unwrap_or_default();
        let length = text.len();
        metadata.put(key, Info::Text(text));
        self.count(key, length)
    }

    /// `iTXt`: key, zero, flag, method, language, zero, translated key, zero, text.
    pub fn international(&mut self, body: &[u8], metadata: &mut Metadata) -> Decoded<()> {
        let Some((key, rest)) = split(body) else { return Ok(()) };
        let [packed, method, rest @ ..] = rest else { return Ok(()) };
        let Some((language, rest)) = split(rest) else { return Ok(()) };
        let Some((translated, text)) = split(rest) else { return Ok(()) };
        let text = match (packed, method) {
            (0, _) => text.to_vec(),
            (_, 0) => match unpacked(text)? {
                Some(text) => text,
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        if key == XMP {
            metadata.xmp = Some(Info::Bytes(text.clone()));
        }
        if [language, translated].iter().any(|part| std::str::from_utf8(part).is_err()) {
            return Ok(());
        }
        let Ok(characters) = std::str::from_utf8(&text).map(|text| text.chars().count()) else { return Ok(()) };
        metadata.put(key, Info::Text(text));
        // Unlike the other two, this text is kept even when its key is empty.
        self.count(b"-", characters)
    }

    /// `iCCP`: name, zero, method, packed profile.
    pub fn profile(body: &[u8]) -> Decoded<()> {
        // Without a zero, Pillow's find() gives -1, and the method is the first byte.
        let zero = body.iter().position(|byte| *byte == 0).map_or(0, |zero| zero + 1);
        let method = body.get(zero).ok_or("broken PNG: chunk iCCP is cut short")?;
        if *method != 0 {
            return Err("broken PNG: chunk iCCP is packed by an unknown method".into());
        }
        unpacked(&body[zero + 1..]).map(drop)
    }

    fn count(&mut self, key: &[u8], characters: usize) -> Decoded<()> {
        if !key.is_empty() {
            self.characters += characters;
        }
        if self.characters > MOST_IN_ALL { Err("PNG with more than 64 MiB of texts".into()) } else { Ok(()) }
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..zero], &bytes[zero + 1..]))
}

fn at_zero(bytes: &[u8]) -> (&[u8], &[u8]) {
    split(bytes).unwrap_or((bytes, &[]))
}

/// The text, or none when the packed data are broken, which nobody minds; too much of it is an error.
fn unpacked(packed: &[u8]) -> Decoded<Option<Vec<u8>>> {
    let mut inflate = Decompress::new(true);
    let mut text = vec![0; MOST_UNPACKED];
    loop {
        let (read, written) = (inflate.total_in() as usize, inflate.total_out() as usize);
        let Ok(status) = inflate.decompress(&packed[read..], &mut text[written..], FlushDecompress::None) else {
            return Ok(None);
        };
        let (now_read, now_written) = (inflate.total_in() as usize, inflate.total_out() as usize);
        let stuck = (read, written) == (now_read, now_written);
        if status == Status::StreamEnd || now_read == packed.len() || stuck {
            // Input that is left while the room is full is what Python calls an unconsumed tail.
            if status != Status::StreamEnd && now_read < packed.len() {
                return Err("broken PNG: a text is larger than 1 MiB unpacked".into());
            }
            text.truncate(now_written);
            return Ok(Some(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn a_text_bomb_is_refused_and_broken_data_are_not() {
        let mut texts = Texts::default();
        let chunk = |size| [b"k\0\0".to_vec(), pack(&vec![b'a'; size])].concat();
        let mut packed = |chunk: &[u8]| texts.packed(chunk, &mut Metadata::default());
        assert!(packed(&chunk(1000)).is_ok());
        assert!(packed(&chunk(2 << 20)).is_err());
        assert!(packed(b"k\0\0broken").is_ok());
        assert!(packed(b"k\0\x01").is_err());
        assert!(Texts::profile(b"name\0\0broken").is_ok());
        assert!(Texts::profile(b"name\0\x02").is_err());
        assert!(Texts::profile(b"name\0").is_err());
    }

    #[test]
    fn texts_are_counted() {
        let mut texts = Texts::default();
        let large = [b"k\0".to_vec(), vec![b'a'; 40 << 20]].concat();
        let mut plain = |chunk: &[u8]| texts.plain(chunk, &mut Metadata::default());
        assert!(plain(&large).is_ok());
        assert!(plain(&large[1..]).is_ok(), "without a key it is not kept");
        assert!(plain(&large).is_err());
    }
}
