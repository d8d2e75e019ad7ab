//! PNG's chunks as Pillow's PngStream walks them: which are looked at, which have their sum checked, which refuse the file.

use super::Decoded;
use super::orientation::{Info, Metadata};
use super::png_pixels::Kind;
use super::png_text::Texts;
use super::png_transparent::Transparent;

/// What the header says.
#[derive(Debug, Default, Clone, Copy)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Header {
    pub width: usize,
    pub height: usize,
    pub kind: Option<Kind>,
    pub interlaced: bool,
}

/// What a chunk means for the walk.
pub enum Step {
    /// Go on with the next.
    Go,
    /// Image data of this many bytes begin.
    Data(usize),
    /// The end.
    End,
}

/// A walk over the chunks of a file.
pub struct Chunks<'a> {
    file: &'a [u8],
    at: usize,
    /// Name and body of the chunk last read, for its sum.
    last: &'a [u8],
    /// The last valid header.
    pub header: Header,
    /// Left, top, right, bottom of the first animation frame, when the data belong to one.
    pub frame: Option<[usize; 4]>,
    palette: Option<&'a [u8]>,
    /// What tRNS said.
    pub transparent: Transparent,
    frames: Option<u32>,
    sequence: Option<u32>,
    texts: Texts,
    /// What the file says of itself, in texts and otherwise.
    pub metadata: Metadata,
    default_image: bool,
    /// Whether image data have begun: a palette after that is too late.
    begun: bool,
}

impl<'a> Chunks<'a> {
    /// Begins after the signature.
    pub fn new(file: &'a [u8]) -> Self {
        Self {
            file,
            at: 8,
            last: &[],
            header: Header::default(),
            frame: None,
            palette: None,
            transparent: Transparent::default(),
            frames: None,
            sequence: None,
            texts: Texts::default(),
            metadata: Metadata::default(),
            default_image: false,
            begun: false,
        }
    }

    /// Reads a chunk before the image data.
    pub fn header(&mut self) -> Decoded<Step> {
        let (name, length) = self.name_and_length()?;
        self.chunk(name, length)
    }

    /// Checks the sum of the chunk last read.
    pub fn check_sum(&mut self) -> Decoded<()> {
        let sum = self.take(4).map_err(|_| "truncated PNG: a checksum is cut short".to_owned())?;
        if crc32fast::hash(self.last).to_be_bytes() == sum { Ok(()) } else { Err("broken PNG: a checksum is wrong".into()) }
    }

    /// More frames than one: the walk after the data then ends at the next frame.
    pub fn is_animated(&self) -> bool {
        // A default image is a frame of its own, not counted by the file.
        self.frames.is_some_and(|frames| frames > 1 || self.default_image)
    }

    /// The next data chunk's length, none when another chunk follows.
    pub fn next_data(&mut self) -> Decoded<Option<usize>> {
        self.take_up_to(4);
        let (name, length) = self.name_and_length()?;
        if name == b"fdAT" {
            return match self.chunk(name, length)? {
                Step::Data(length) => Ok(Some(length)),
                _ => Ok(None),
            };
        }
        if name == b"IDAT" || name == b"DDAT" {
            return Ok(Some(length));
        }
        Ok(None)
    }

    /// At most this many of the next bytes.
    pub fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let start = self.at.min(self.file.len());
        let end = start.saturating_add(count).min(self.file.len());
        self.at = end;
        &self.file[start..end]
    }

    /// Walks the chunks after the image data: sums are not checked, but what is cut short refuses the file.
    pub fn finish(&mut self, left: usize, animated: bool) -> Decoded<()> {
        self.take_up_to(left);
        loop {
            self.take_up_to(4);
            let Ok((name, length)) = self.name_and_length() else { return Ok(()) };
            if name == b"IEND" || name == b"fcTL" && animated {
                return Ok(());
            }
            if let Step::Data(length) = self.chunk(name, length)? {
                self.take(length)?;
            }
        }
    }

    /// Whether there is one, of this header or of one before it.
    pub fn has_palette(&self) -> bool {
        self.palette.is_some()
    }

    /// Whether Pillow fails to put a transparent colour into the palette, for it is none; it does not try where every index is taken.
    pub fn puts_no_colour(&self, every_index_occurs: impl FnOnce() -> bool) -> bool {
        let full = || self.palette.is_some_and(|palette| palette.len() / 3 >= 256);
        self.transparent.is_no_colour() && !(full() && every_index_occurs())
    }

    /// Colours by index, black where there are none.
    pub fn palette(&self) -> Decoded<[[u8; 3]; 256]> {
        let mut colours = [[0; 3]; 256];
        if self.palette.is_none() && self.transparent.needs_palette() {
            return Err("broken PNG: a transparent colour, but no palette".into());
        }
        let entries = self.palette.unwrap_or_default().chunks_exact(3);
        if entries.len() > 256 {
            return Err(format!("broken PNG: a palette of {} colours", entries.len()));
        }
        for (colour, entry) in colours.iter_mut().zip(entries) {
            colour.copy_from_slice(entry);
        }
        Ok(colours)
    }

    fn name_and_length(&mut self) -> Decoded<(&'a [u8], usize)> {
        let head = self.take_up_to(8);
        if head.len() < 8 {
            return Err("truncated PNG: a chunk is cut short".into());
        }
        let name = &head[4..];
        if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return Err("broken PNG: a chunk without a name".into());
        }
        Ok((name, number(head, 0) as usize))
    }

    fn take(&mut self, length: usize) -> Decoded<&'a [u8]> {
        let taken = self.take_up_to(length);
        if taken.len() == length { Ok(taken) } else { Err("truncated PNG: a chunk is longer than the file".into()) }
    }

    fn chunk(&mut self, name: &'a [u8], length: usize) -> Decoded<Step> {
        match name {
            b"IEND" => return Ok(Step::End),
            // Before a valid header, image data are a chunk like any unknown one.
            b"IDAT" if self.header.kind.is_some() => return Ok(self.data(length)),
            b"fdAT" => return self.frame_data(length),
            _ => {}
        }
        let start = self.at;
        let body = self.take(length)?;
        self.last = &self.file[start - 4..start + length];
        let least = match name {
            b"IHDR" => 13,
            b"gAMA" => 4,
            b"cHRM" => 32,
            b"sRGB" => 1,
            b"pHYs" => 9,
            b"acTL" => 8,
            b"fcTL" => 26,
            _ => 0,
        };
        if length < least {
            return Err(format!("broken PNG: chunk {} is cut short", String::from_utf8_lossy(name)));
        }
        match name {
            b"IHDR" => self.image_header(body)?,
            b"PLTE" if self.header.kind.is_some_and(Kind::is_indexed) && !self.begun => self.palette = Some(body),
            b"tRNS" => {
                if let Some(said) = Transparent::new(self.header.kind, body)? {
                    self.transparent = said;
                }
            }
            b"acTL" => self.animation(body),
            b"fcTL" => self.frame_control(body)?,
            b"iCCP" => Texts::profile(body)?,
            b"tEXt" => self.texts.plain(body, &mut self.metadata)?,
            b"zTXt" => self.texts.packed(body, &mut self.metadata)?,
            b"iTXt" => self.texts.international(body, &mut self.metadata)?,
            b"eXIf" => self.metadata.exif = Some(Info::Bytes([b"Exif\0\0", body].concat())),
            _ => {}
        }
        Ok(Step::Go)
    }

    fn data(&mut self, length: usize) -> Step {
        if self.frame.is_none() && self.frames.is_some() {
            self.default_image = true;
        }
        self.begun = true;
        Step::Data(length)
    }

    fn image_header(&mut self, body: &[u8]) -> Decoded<()> {
        self.header.width = number(body, 0) as usize;
        self.header.height = number(body, 4) as usize;
        // An unknown pair leaves the one of an earlier header in force.
        self.header.kind = Kind::new(body[8], body[9]).or(self.header.kind);
        self.header.interlaced |= body[12] != 0;
        if body[11] != 0 {
            return Err("broken PNG: unknown filter method".into());
        }
        Ok(())
    }

    fn animation(&mut self, body: &[u8]) {
        let frames = number(body, 0);
        if self.frames.is_some() {
            self.frames = None;
        } else if (1..=0x8000_0000).contains(&frames) {
            self.frames = Some(frames);
        }
    }

    fn frame_control(&mut self, body: &[u8]) -> Decoded<()> {
        self.in_sequence(number(body, 0))?;
        let [width, height, x, y] = [4, 8, 12, 16].map(|at| number(body, at) as usize);
        if x + width > self.header.width || y + height > self.header.height {
            return Err("broken PNG: a frame reaches beyond the image".into());
        }
        self.frame = Some([x, y, x + width, y + height]);
        Ok(())
    }

    fn frame_data(&mut self, length: usize) -> Decoded<Step> {
        if length < 4 {
            return Err("broken PNG: chunk fdAT is cut short".into());
        }
        let body = self.take(4)?;
        if self.sequence.is_none() {
            return Err("broken PNG: frame data before any frame".into());
        }
        self.in_sequence(number(body, 0))?;
        Ok(self.data(length - 4))
    }

    fn in_sequence(&mut self, number: u32) -> Decoded<()> {
        let expected = self.sequence.map_or(Some(0), |last| last.checked_add(1));
        if expected != Some(number) {
            return Err("broken PNG: frames out of sequence".into());
        }
        self.sequence = Some(number);
        Ok(())
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
