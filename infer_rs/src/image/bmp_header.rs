//! BMP's headers as Pillow's BmpImagePlugin reads them: which files it takes, and how their pixels lie.

use super::Decoded;

/// How a pixel is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Samples {
    /// An index of so many bits into `Header::colours`.
    Index(usize),
    /// 16 bits: 5 of each colour.
    Five,
    /// 16 bits: 5 red, 6 green, 5 blue.
    FiveSixFive,
    /// Bytes per pixel, and which of them are red, green, blue.
    Bytes(usize, [usize; 3]),
}

impl Samples {
    /// Bits per pixel.
    pub fn bits(self) -> usize {
        match self {
            Self::Index(bits) => bits,
            Self::Five | Self::FiveSixFive => 16,
            Self::Bytes(count, _) => 8 * count,
        }
    }
}

/// How the rows are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all: one row begins so many bytes after the other.
    Rows(usize),
    /// Run lengths of bytes, or of nibbles.
    Runs {
        /// Whether two indices share a byte.
        nibbles: bool,
    },
}

/// What the headers and the palette say.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Header {
    pub width: usize,
    pub height: usize,
    pub samples: Samples,
    pub packing: Packing,
    /// Colours by index, black where the palette has none.
    pub colours: [[u8; 3]; 256],
    /// Where the pixels begin.
    pub start: usize,
    pub top_down: bool,
}

const RUNS_OF_BYTES: u32 = 1;
const RUNS_OF_NIBBLES: u32 = 2;
const MASKED: u32 = 3;

/// Reads everything before the pixels.
pub fn read(file: &[u8]) -> Decoded<Header> {
    let mut reader = Reader { file, at: 10 };
    let mut start = reader.number()? as usize;
    let size = reader.number()? as usize;
    let body = reader.take(size.saturating_sub(4)).ok_or("truncated BMP: its header is longer than the file")?;
    let mut info = match size {
        12 => Info::short(body),
        40 | 52 | 56 | 64 | 108 | 124 => Info::long(body),
        _ => return Err(format!("BMP with an unknown header of {size} bytes")),
    };
    if info.packing == MASKED {
        info.masks = masks(body, &mut reader)?;
    }
    let entry = if size == 12 { 3 } else { 4 };
    if info.colours == 0 {
        info.colours = 1_u64.checked_shl(info.bits).unwrap_or(u64::MAX);
    }
    if start == 14 + size && info.bits <= 8 {
        start += entry * info.colours as usize;
    }
    let mut samples = samples(&info)?;
    let mut colours = [[0; 3]; 256];
    if matches!(samples, Samples::Index(_)) {
        if info.colours == 0 || info.colours > 65_536 {
            return Err(format!("BMP with a palette of {} colours", info.colours));
        }
        let palette = reader.take_up_to(entry * info.colours as usize);
        if is_grey_ramp(palette, entry, info.colours as usize) {
            // Pillow forgets the palette and the file's depth: two colours are read as bits, more of them as bytes.
            (samples, colours) = if info.colours <= 2 {
                (Samples::Index(1), std::array::from_fn(|index| [if index > 0 { 255 } else { 0 }; 3]))
            } else {
                (Samples::Index(8), std::array::from_fn(|index| [index as u8; 3]))
            };
        } else {
            let entries = palette.chunks_exact(entry);
            if entries.len() > 256 {
                return Err(format!("BMP with a palette of {} colours", entries.len()));
            }
            for (colour, stored) in colours.iter_mut().zip(entries) {
                *colour = [stored[2], stored[1], stored[0]];
            }
        }
    }
    let packing = match info.packing {
        RUNS_OF_BYTES | RUNS_OF_NIBBLES if info.bits > 8 => return Err("BMP with runs of true colours".into()),
        RUNS_OF_BYTES => Packing::Runs { nibbles: false },
        RUNS_OF_NIBBLES => Packing::Runs { nibbles: true },
        0 | MASKED => Packing::Rows((info.width * u64::from(info.bits)).div_ceil(32) as usize * 4),
        other => return Err(format!("BMP packed by an unknown method, {other}")),
    };
    let start = if start == 0 { reader.at } else { start };
    let (width, height) = (info.width as usize, info.height as usize);
    Ok(Header { width, height, samples, packing, colours, start, top_down: info.top_down })
}

struct Info {
    width: u64,
    height: u64,
    bits: u32,
    packing: u32,
    colours: u64,
    top_down: bool,
    masks: [u32; 4],
}

impl Info {
    /// BITMAPCOREHEADER, without its size.
    fn short(body: &[u8]) -> Self {
        let number = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
        Self {
            width: number(0).into(),
            height: number(2).into(),
            bits: number(6).into(),
            packing: 0,
            colours: 0,
            top_down: false,
            masks: [0; 4],
        }
    }

    /// BITMAPINFOHEADER and those that extend it.
    fn long(body: &[u8]) -> Self {
        // Only this byte tells a negative height; 2^24 rows and more would be a decompression bomb anyway.
        let top_down = body[7] == 0xff;
        let height = u64::from(number(body, 4));
        Self {
            width: number(body, 0).into(),
            height: if top_down { (1 << 32) - height } else { height },
            bits: u16::from_le_bytes([body[10], body[11]]).into(),
            packing: number(body, 12),
            colours: number(body, 28).into(),
            top_down,
            masks: [0; 4],
        }
    }
}

/// Of red, green, blue and alpha: in the header, or behind one that has no room for them.
fn masks(body: &[u8], reader: &mut Reader) -> Decoded<[u32; 4]> {
    if body.len() >= 48 {
        let alpha = if body.len() >= 52 { number(body, 48) } else { 0 };
        return Ok([number(body, 36), number(body, 40), number(body, 44), alpha]);
    }
    Ok([reader.number()?, reader.number()?, reader.number()?, 0])
}

fn samples(info: &Info) -> Decoded<Samples> {
    const BGR: [usize; 3] = [2, 1, 0];
    match (info.bits, info.packing) {
        (16 | 24 | 32, MASKED) => {}
        (_, MASKED) => return Err("BMP with masks that Pillow does not know".into()),
        (1 | 4 | 8, _) => return Ok(Samples::Index(info.bits as usize)),
        (16, _) => return Ok(Samples::Five),
        (24 | 32, _) => return Ok(Samples::Bytes(info.bits as usize / 8, BGR)),
        (bits, _) => return Err(format!("BMP with {bits} bits a pixel")),
    }
    let [red, green, blue, alpha] = info.masks;
    Ok(match (info.bits, [red, green, blue], alpha) {
        (16, [0xf800, 0x7e0, 0x1f], _) => Samples::FiveSixFive,
        (16, [0x7c00, 0x3e0, 0x1f], _) => Samples::Five,
        (24, [0xff_0000, 0xff00, 0xff], _) => Samples::Bytes(3, BGR),
        (32, [0xff_0000, 0xff00, 0xff], 0 | 0xff00_0000) | (32, [0, 0, 0], 0) => Samples::Bytes(4, BGR),
        (32, [0xff00_0000, 0xff_0000, 0xff00], 0 | 0xff) => Samples::Bytes(4, [3, 2, 1]),
        (32, [0xff00_0000, 0xff00, 0xff], 0 | 0xff_0000) => Samples::Bytes(4, [3, 1, 0]),
        (32, [0xff, 0xff00, 0xff_0000], 0xff00_0000) => Samples::Bytes(4, [0, 1, 2]),
        _ => return Err("BMP with masks that Pillow does not know".into()),
    })
}

/// Whether entry number n is the grey n (of two: black and white).
fn is_grey_ramp(palette: &[u8], entry: usize, colours: usize) -> bool {
    (0..colours).all(|index| {
        let grey = if colours == 2 && index == 1 { 255 } else { index as u8 };
        palette.get(entry * index..entry * index + 3) == Some(&[grey; 3][..])
    })
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn number(&mut self) -> Decoded<u32> {
        Ok(number(self.take(4).ok_or("truncated BMP: its header is cut short")?, 0))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.file.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let rest = &self.file[self.at..];
        let taken = &rest[..count.min(rest.len())];
        self.at += taken.len();
        taken
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
