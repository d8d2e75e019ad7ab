//! PNG samples to RGB: what Pillow's raw modes and `convert("RGB")` make of every colour type and depth.

/// How samples are stored, and what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1, 2, 4 or 8 bits of grey, spread to 8.
    Grey(usize),
    /// 16 bits of grey: Pillow clips them at 255 where every other program takes the high byte.
    Grey16,
    /// An index of 1, 2, 4 or 8 bits.
    Index(usize),
    /// Grey and alpha, with bytes per sample.
    GreyAlpha(usize),
    /// Red, green, blue, with bytes per sample.
    Rgb(usize),
    /// Red, green, blue, alpha, with bytes per sample.
    RgbAlpha(usize),
}

impl Kind {
    /// From the header's depth and colour type; none for a pair that PNG does not have.
    pub fn new(depth: u8, colour: u8) -> Option<Self> {
        Some(match (colour, depth) {
            (0, 1 | 2 | 4 | 8) => Self::Grey(usize::from(depth)),
            (0, 16) => Self::Grey16,
            (2, 8 | 16) => Self::Rgb(usize::from(depth / 8)),
            (3, 1 | 2 | 4 | 8) => Self::Index(usize::from(depth)),
            (4, 8 | 16) => Self::GreyAlpha(usize::from(depth / 8)),
            (6, 8 | 16) => Self::RgbAlpha(usize::from(depth / 8)),
            _ => return None,
        })
    }

    /// Bits per pixel.
    pub fn bits(self) -> usize {
        match self {
            Self::Grey(bits) | Self::Index(bits) => bits,
            Self::Grey16 => 16,
            Self::GreyAlpha(bytes) => 16 * bytes,
            Self::Rgb(bytes) => 24 * bytes,
            Self::RgbAlpha(bytes) => 32 * bytes,
        }
    }

    /// Whether pixels are indices into the palette.
    pub fn is_indexed(self) -> bool {
        matches!(self, Self::Index(_))
    }

    /// One pixel; for indices all three are the index. `bytes` begins with the pixel's first bit.
    fn pixel(self, bytes: &[u8]) -> [u8; 3] {
        match self {
            Self::Grey(8) | Self::Index(8) | Self::GreyAlpha(_) => [bytes[0]; 3],
            Self::Grey(bits) => [(bytes[0] >> (8 - bits)) * (255 / ((1 << bits) - 1) as u8); 3],
            Self::Index(bits) => [bytes[0] >> (8 - bits); 3],
            Self::Grey16 => [if bytes[0] > 0 { 255 } else { bytes[1] }; 3],
            Self::Rgb(step) | Self::RgbAlpha(step) => [bytes[0], bytes[step], bytes[2 * step]],
        }
    }
}

/// One of Adam7's passes (source: PNG specification, section 8.2).
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Pass {
    pub first_row: usize,
    pub row_step: usize,
    first_column: usize,
    column_step: usize,
}

/// All passes, in order.
pub const PASSES: [Pass; 7] = [
    Pass { first_row: 0, row_step: 8, first_column: 0, column_step: 8 },
    Pass { first_row: 0, row_step: 8, first_column: 4, column_step: 8 },
    Pass { first_row: 4, row_step: 8, first_column: 0, column_step: 4 },
    Pass { first_row: 0, row_step: 4, first_column: 2, column_step: 4 },
    Pass { first_row: 2, row_step: 4, first_column: 0, column_step: 2 },
    Pass { first_row: 0, row_step: 2, first_column: 1, column_step: 2 },
    Pass { first_row: 1, row_step: 2, first_column: 0, column_step: 1 },
];

/// The image that rows are put into.
pub struct Canvas {
    kind: Kind,
    width: usize,
    /// Left, top, right, bottom of the frame that the data fill.
    frame: [usize; 4],
    /// Whether rows come in seven passes.
    pub interlaced: bool,
    data: Vec<u8>,
}

impl Canvas {
    /// A black image (of index 0, for palettes).
    pub fn new(kind: Kind, (width, height): (usize, usize), frame: [usize; 4], interlaced: bool) -> Self {
        Self { kind, width, frame, interlaced, data: vec![0; 3 * width * height] }
    }

    /// Rows of the frame.
    pub fn rows(&self) -> usize {
        self.frame[3] - self.frame[1]
    }

    /// Bytes of a whole row of the frame.
    pub fn row_bytes(&self) -> usize {
        ((self.frame[2] - self.frame[0]) * self.kind.bits()).div_ceil(8)
    }

    /// Distance to the byte that filters call the left one.
    pub fn pixel_bytes(&self) -> usize {
        self.kind.bits().div_ceil(8)
    }

    /// Bytes of a pass's row; 0 when the pass has no column.
    pub fn pass_bytes(&self, pass: &Pass) -> usize {
        (self.pass_columns(pass) * self.kind.bits()).div_ceil(8)
    }

    fn pass_columns(&self, pass: &Pass) -> usize {
        (self.frame[2] - self.frame[0]).saturating_sub(pass.first_column).div_ceil(pass.column_step)
    }

    /// Puts a whole row.
    pub fn put_row(&mut self, y: usize, row: &[u8]) {
        let columns = self.frame[2] - self.frame[0];
        let start = (self.frame[1] + y) * self.width + self.frame[0];
        let pixels = self.data[3 * start..3 * (start + columns)].chunks_exact_mut(3);
        match self.kind {
            // The usual ones, without a decision for each pixel.
            Kind::Rgb(1) => return pixels.zip(row.chunks_exact(3)).for_each(|(to, from)| to.copy_from_slice(from)),
            Kind::RgbAlpha(1) => return pixels.zip(row.chunks_exact(4)).for_each(|(to, from)| to.copy_from_slice(&from[..3])),
            _ => {}
        }
        self.put(row, (0..columns).map(|column| start + column));
    }

    /// Puts a pass's row. As in Pillow, it goes to the image's corner even when the frame begins elsewhere.
    pub fn put_pass_row(&mut self, y: usize, pass: &Pass, row: &[u8]) {
        let (columns, first, step) = (self.pass_columns(pass), pass.first_column, pass.column_step);
        let start = y * self.width;
        self.put(row, (0..columns).map(|column| start + first + column * step));
    }

    fn put(&mut self, row: &[u8], places: impl Iterator<Item = usize>) {
        let bits = self.kind.bits();
        for (number, place) in places.enumerate() {
            let target = &mut self.data[3 * place..3 * place + 3];
            let first = number * bits;
            if bits >= 8 {
                target.copy_from_slice(&self.kind.pixel(&row[first / 8..(first + bits) / 8]));
            } else {
                target.copy_from_slice(&self.kind.pixel(&[row[first / 8] << (first % 8)]));
            }
        }
    }

    /// Whether all 256 indices occur.
    pub fn has_every_index(&self) -> bool {
        let mut seen = [false; 256];
        self.data.chunks_exact(3).for_each(|pixel| seen[usize::from(pixel[0])] = true);
        seen.iter().all(|found| *found)
    }

    /// Turns indices into colours.
    pub fn colour(&mut self, palette: &[[u8; 3]; 256]) {
        for pixel in self.data.chunks_exact_mut(3) {
            pixel.copy_from_slice(&palette[usize::from(pixel[0])]);
        }
    }

    /// The pixels.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_depth_becomes_what_pillow_makes_of_it() {
        let cases: [(u8, u8, &[u8], [u8; 3]); 11] = [
            (1, 0, &[0x80], [255; 3]),
            (2, 0, &[0x80], [170; 3]),
            (4, 0, &[0x30], [51; 3]),
            (8, 0, &[7], [7; 3]),
            (16, 0, &[0, 9], [9; 3]),
            (16, 0, &[1, 9], [255; 3]),
            (2, 3, &[0xc0], [3; 3]),
            (16, 4, &[5, 6, 7, 8], [5; 3]),
            (8, 2, &[1, 2, 3], [1, 2, 3]),
            (16, 2, &[1, 9, 2, 9, 3, 9], [1, 2, 3]),
            (8, 6, &[1, 2, 3, 0], [1, 2, 3]),
        ];
        for (depth, colour, bytes, pixel) in cases {
            assert_eq!(Kind::new(depth, colour).unwrap().pixel(bytes), pixel, "{depth} {colour}");
        }
        assert_eq!(Kind::new(3, 0), None);
        assert_eq!(Kind::new(16, 3), None);
    }

    #[test]
    fn the_passes_cover_each_pixel_once() {
        let mut canvas = Canvas::new(Kind::Grey(8), (13, 11), [0, 0, 13, 11], true);
        let mut count = 0;
        for pass in &PASSES {
            for y in (pass.first_row..11).step_by(pass.row_step) {
                count += canvas.pass_bytes(pass);
                canvas.put_pass_row(y, pass, &vec![255; canvas.pass_bytes(pass)]);
            }
        }
        assert_eq!(count, 13 * 11);
        assert!(canvas.data.iter().all(|byte| *byte == 255));
    }
}
