//! GIF: the first frame, as Pillow's GifImagePlugin finds and colours it.

use super::gif_lzw::{self, Area};
use super::{Decoded, Rgb, check_size};

/// Decodes the first frame of a GIF file on its canvas.
pub fn decode(file: &[u8]) -> Decoded<Rgb> {
    let mut reader = Reader { file, at: 6 };
    let screen = reader.take(7)?;
    let (mut width, mut height) = (pair(screen, 0), pair(screen, 2));
    let global = reader.palette(screen[4])?.filter(|palette| !is_identity(palette));
    let (transparent, frame) = reader.first_frame()?;
    let area = Area { x: pair(frame, 0), y: pair(frame, 2), width: pair(frame, 4), height: pair(frame, 6) };
    // The canvas grows to the frame.
    width = width.max(area.x + area.width);
    height = height.max(area.y + area.height);
    check_size(width, height)?;
    // A palette that says nothing gives way to the file's own, and where none is left, indices are greys.
    let palette = reader.palette(frame[8])?.filter(|palette| !is_identity(palette)).or(global);
    let bits = reader.take(1)?[0];
    if area.width == 0 || area.height == 0 {
        return Err("broken GIF: an empty frame".into());
    }
    let mut indices = vec![transparent.unwrap_or(0); width * height];
    gif_lzw::unpack(&file[reader.at..], bits, frame[8] & 64 != 0, &mut indices, width, area)?;
    let mut colours: [[u8; 3]; 256] = std::array::from_fn(|index| if palette.is_some() { [0; 3] } else { [index as u8; 3] });
    for (colour, stored) in colours.iter_mut().zip(palette.unwrap_or_default().as_chunks().0) {
        *colour = *stored;
    }
    let data = indices.iter().flat_map(|index| colours[usize::from(*index)]).collect();
    Ok(Rgb { width, height, data })
}

/// Whether index n is the grey n for all n.
fn is_identity(palette: &[u8]) -> bool {
    palette.chunks_exact(3).enumerate().all(|(index, colour)| colour.iter().all(|byte| usize::from(*byte) == index))
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Decoded<&'a [u8]> {
        let taken = self.file.get(self.at..self.at + count).ok_or("truncated GIF: its headers are cut short")?;
        self.at += count;
        Ok(taken)
    }

    fn palette(&mut self, flags: u8) -> Decoded<Option<&'a [u8]>> {
        if flags & 128 != 0 { self.take(3 << ((flags & 7) + 1)).map(Some) } else { Ok(None) }
    }

    /// A block of data; none at the end of a row of them.
    fn block(&mut self) -> Decoded<Option<&'a [u8]>> {
        match self.take(1)?[0] {
            0 => Ok(None),
            length => self.take(length.into()).map(Some),
        }
    }

    fn skip_blocks(&mut self) -> Decoded<()> {
        while self.block()?.is_some() {}
        Ok(())
    }

    /// The transparent index, and position, size and flags of the first frame. What is no extension before it is passed over.
    fn first_frame(&mut self) -> Decoded<(Option<u8>, &'a [u8])> {
        let mut transparent = None;
        loop {
            match self.take(1)?[0] {
                b';' => return Err("broken GIF: it has no frame".into()),
                b',' => return Ok((transparent, self.take(9)?)),
                b'!' => {
                    let label = self.take(1)?[0];
                    // As Pillow does it: with no block at all, it takes the next byte for another block's length.
                    match (label, self.block()?) {
                        (0xfe, None) => {}
                        (0xf9, Some(block)) => {
                            let [flags, _, _, rest @ ..] = block else { return Err(cut()) };
                            if flags & 1 != 0 {
                                transparent = Some(*rest.first().ok_or_else(cut)?);
                            }
                            self.skip_blocks()?;
                        }
                        (0xff, Some(block)) if block.starts_with(b"NETSCAPE2.0") => {
                            self.block()?;
                            self.skip_blocks()?;
                        }
                        _ => self.skip_blocks()?,
                    }
                }
                _ => {}
            }
        }
    }
}

fn cut() -> String {
    "broken GIF: an extension is cut short".into()
}

fn pair(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) | usize::from(bytes[at + 1]) << 8
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED_GREEN: [u8; 6] = [200, 0, 0, 0, 200, 0];
    const GREYS: [u8; 6] = [0, 0, 0, 1, 1, 1];

    /// A canvas of 2 x 1 with a frame of two pixels, of the indices 1 and 0.
    fn file(global: &[u8], extensions: &[u8], frame: [u8; 8], local: &[u8]) -> Vec<u8> {
        let flags = |palette: &[u8]| if palette.is_empty() { 0 } else { 128 };
        let pixels = [2, 2, 0b0000_1100, 0b0000_0101 << 1, 0];
        let head = [&b"GIF89a\x02\0\x01\0"[..], &[flags(global), 0, 0], global, extensions].concat();
        [&head[..], b",", &frame, &[flags(local)], local, &pixels].concat()
    }

    const WHOLE: [u8; 8] = [0, 0, 0, 0, 2, 0, 1, 0];

    fn pixels(file: &[u8]) -> Vec<u8> {
        decode(file).unwrap().data
    }

    #[test]
    fn local_palettes_come_before_global_ones_unless_they_say_nothing() {
        let other = [1, 2, 3, 4, 5, 6];
        assert_eq!(pixels(&file(&RED_GREEN, b"", WHOLE, &[])), [0, 200, 0, 200, 0, 0]);
        assert_eq!(pixels(&file(&RED_GREEN, b"", WHOLE, &other)), [4, 5, 6, 1, 2, 3]);
        assert_eq!(pixels(&file(&RED_GREEN, b"", WHOLE, &GREYS)), [0, 200, 0, 200, 0, 0]);
        assert_eq!(pixels(&file(&GREYS, b"", WHOLE, &[])), [1, 1, 1, 0, 0, 0]);
        assert_eq!(pixels(&file(&[], b"", WHOLE, &[])), [1, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn the_canvas_grows_to_the_frame_and_is_transparent_around_it() {
        let control = b"!\xf9\x04\x01\0\0\x01\0";
        let grown = decode(&file(&RED_GREEN, control, [1, 0, 1, 0, 2, 0, 1, 0], &[])).unwrap();
        assert_eq!((grown.width, grown.height), (3, 2));
        assert_eq!(grown.data, [[0, 200, 0], [0, 200, 0], [0, 200, 0], [0, 200, 0], [0, 200, 0], [200, 0, 0]].concat());
    }

    #[test]
    fn extensions_are_passed_over_as_pillow_does() {
        for extension in [
            &b""[..],
            b"!\xfe\0",
            b"!\xfe\x02ab\x01c\0",
            b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0",
            b"!\xff\x0bNETSCAPE2.0\0\0",
            b"xyz",
            b"!\x01\x01a\0",
            b"!\x01\0\0",
        ] {
            assert_eq!(pixels(&file(&RED_GREEN, extension, WHOLE, &[])), [0, 200, 0, 200, 0, 0], "{extension:x?}");
        }
    }

    #[test]
    fn what_pillow_refuses_is_refused() {
        for extension in [&b";"[..], b"!\xf9\x01\0\0", b"!\xf9\x03\x01\0\0\0", b"!\x01\0"] {
            assert!(decode(&file(&RED_GREEN, extension, WHOLE, &[])).is_err(), "{extension:x?}");
        }
        assert!(decode(&file(&RED_GREEN, b"", [0, 0, 0, 0, 0, 0, 1, 0], &[])).unwrap_err().contains("empty"));
        assert!(decode(&file(&RED_GREEN, b"", [255, 255, 255, 255, 2, 0, 1, 0], &[])).unwrap_err().contains("bomb"));
        let whole = file(&RED_GREEN, b"!\xf9\x04\0\0\0\0\0", WHOLE, &RED_GREEN);
        assert!((0..whole.len() - 1).all(|length| decode(&whole[..length]).is_err()));
    }
}
