//! GIF's compressed pixels, unpacked as Pillow's GifDecode.c does: what it takes for broken, and where it stops, decides which files are refused.

use super::Decoded;

/// Longest code in bits, and entries of the table and of the buffer that strings are unpacked into.
const LONGEST: u32 = 12;
const TABLE: usize = 1 << LONGEST;

/// Pillow hands its decoder blocks of this many bytes of the file.
const BLOCK: usize = 65_536;

/// First row and step of the four passes of an interlaced image.
const PASSES: [(usize, usize); 4] = [(0, 8), (4, 8), (2, 4), (1, 2)];

/// A part of a canvas of indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "a rectangle")]
pub struct Area {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// Unpacks `data`, which begin with the first block's length, into an area of a canvas of `canvas_width` columns.
pub fn unpack(data: &[u8], bits: u8, interlaced: bool, canvas: &mut [u8], canvas_width: usize, area: Area) -> Decoded<()> {
    if u32::from(bits) > LONGEST {
        return Err(format!("broken GIF: codes begin with {bits} bits"));
    }
    let mut codes = Codes::new(bits);
    let mut rows = Rows { canvas, canvas_width, area, x: 0, y: 0, pass: interlaced.then_some(0) };
    let (mut start, mut end) = (0, 0);
    loop {
        if end == data.len() {
            return Err("truncated GIF: the data end before the last row".into());
        }
        end = data.len().min(end + BLOCK);
        let (read, complete) = codes.feed(&data[start..end], &mut rows)?;
        if complete {
            return Ok(());
        }
        // An end code is no end to Pillow: it goes on as soon as there is another block.
        start += read;
    }
}

/// Where the next index goes.
struct Rows<'a> {
    canvas: &'a mut [u8],
    canvas_width: usize,
    area: Area,
    x: usize,
    y: usize,
    pass: Option<usize>,
}

impl Rows<'_> {
    /// True when this was the last.
    fn put(&mut self, mut indices: &[u8]) -> bool {
        while !indices.is_empty() {
            let count = indices.len().min(self.area.width - self.x);
            let start = (self.area.y + self.y) * self.canvas_width + self.area.x + self.x;
            self.canvas[start..start + count].copy_from_slice(&indices[..count]);
            indices = &indices[count..];
            self.x += count;
            if self.x == self.area.width && self.next_row() {
                return true;
            }
        }
        false
    }

    fn next_row(&mut self) -> bool {
        self.x = 0;
        self.y += self.pass.map_or(1, |pass| PASSES[pass].1);
        while self.y >= self.area.height {
            let Some(&(first, _)) = self.pass.and_then(|pass| PASSES.get(pass + 1)) else { return true };
            self.pass = self.pass.map(|pass| pass + 1);
            self.y = first;
        }
        false
    }
}

#[derive(PartialEq, Eq)]
enum State {
    /// The table is to be emptied.
    Empty,
    /// It is empty: the next code is a pixel.
    First,
    /// It grows.
    Growing,
}

struct Codes {
    state: State,
    bits: u32,
    clear: usize,
    next: usize,
    size: u32,
    waiting: u32,
    waiting_bits: u32,
    /// Bytes left in the current block.
    block: usize,
    last_code: usize,
    last_data: u8,
    /// Strings, as their last index and the code of what goes before it.
    data: Box<[u8; TABLE]>,
    link: Box<[u16; TABLE]>,
    string: Box<[u8; TABLE]>,
}

impl Codes {
    fn new(bits: u8) -> Self {
        let bits = u32::from(bits);
        Self {
            state: State::Empty,
            bits,
            clear: 1 << bits,
            next: 0,
            size: 0,
            waiting: 0,
            waiting_bits: 0,
            block: 0,
            last_code: 0,
            last_data: 0,
            data: Box::new([0; TABLE]),
            link: Box::new([0; TABLE]),
            string: Box::new([0; TABLE]),
        }
    }

    /// Takes whole blocks of `input`; how many bytes that were, and whether the image is complete.
    fn feed(&mut self, input: &[u8], rows: &mut Rows) -> Decoded<(usize, bool)> {
        let mut at = 0;
        loop {
            if self.state == State::Empty {
                self.next = self.clear + 2;
                self.size = self.bits + 1;
                self.state = State::First;
            }
            while self.waiting_bits < self.size {
                if self.block > 0 {
                    self.waiting |= u32::from(input[at]) << self.waiting_bits;
                    self.waiting_bits += 8;
                    self.block -= 1;
                } else {
                    match input.get(at) {
                        // Only a block that is here as a whole is begun.
                        Some(length) if input.len() - at > usize::from(*length) => self.block = usize::from(*length),
                        _ => return Ok((at, false)),
                    }
                }
                at += 1;
            }
            let code = (self.waiting & ((1 << self.size) - 1)) as usize;
            self.waiting >>= self.size;
            self.waiting_bits -= self.size;
            if code == self.clear {
                if self.state != State::First {
                    self.state = State::Empty;
                }
                continue;
            }
            if code == self.clear + 1 {
                return Ok((at, false));
            }
            let complete = if self.state == State::First {
                if code > self.clear {
                    return Err(broken());
                }
                self.state = State::Growing;
                self.last_code = code;
                self.last_data = code as u8;
                rows.put(&[self.last_data])
            } else {
                let first = self.expand(code)?;
                // The string's first index, then the others.
                rows.put(&[self.last_data]) || rows.put(&self.string[first..])
            };
            if complete {
                return Ok((at, true));
            }
        }
    }

    /// Looks a code up: its first index becomes `last_data`, the others lie at the end of `string`, from the returned place on.
    fn expand(&mut self, code: usize) -> Decoded<usize> {
        let mut at = TABLE;
        let mut rest = code;
        if code > self.next {
            return Err(broken());
        }
        if code == self.next {
            // The string that is only now complete: the last one, with its own first index at the end.
            at -= 1;
            self.string[at] = self.last_data;
            rest = self.last_code;
        }
        while rest >= self.clear {
            if at == 0 || rest >= TABLE {
                return Err(broken());
            }
            at -= 1;
            self.string[at] = self.data[rest];
            rest = usize::from(self.link[rest]);
        }
        self.last_data = rest as u8;
        if self.next < TABLE {
            self.data[self.next] = rest as u8;
            self.link[self.next] = self.last_code as u16;
            if self.next == (1 << self.size) - 1 && self.size < LONGEST {
                self.size += 1;
            }
            self.next += 1;
        }
        self.last_code = code;
        Ok(at)
    }
}

fn broken() -> String {
    "broken GIF: a code that stands for nothing".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Area = Area { x: 1, y: 1, width: 3, height: 2 };

    /// Codes of 3 bits (for 2-bit indices) in blocks of one byte each.
    fn packed(codes: &[u8]) -> Vec<u8> {
        let bits = codes.iter().rev().fold(0_u64, |bits, code| bits << 3 | u64::from(*code));
        bits.to_le_bytes()[..(3 * codes.len()).div_ceil(8)].iter().flat_map(|byte| [1, *byte]).chain([0]).collect()
    }

    fn unpacked(data: &[u8], interlaced: bool) -> Decoded<Vec<u8>> {
        let mut canvas = vec![9; 5 * 4];
        unpack(data, 2, interlaced, &mut canvas, 5, AREA)?;
        Ok([&canvas[6..9], &canvas[11..14]].concat())
    }

    #[test]
    fn codes_become_indices() {
        assert_eq!(unpacked(&packed(&[4, 0, 4, 1, 4, 2, 4, 3, 4, 0, 4, 1]), false).unwrap(), [0, 1, 2, 3, 0, 1]);
        // 6 is the string that this very code completes.
        assert_eq!(unpacked(&packed(&[4, 1, 6, 4, 2, 6, 4, 3, 4, 0]), false).unwrap(), [1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn unknown_codes_and_cut_data_are_refused() {
        assert!(unpacked(&packed(&[4, 1, 7]), false).unwrap_err().contains("broken"));
        assert!(unpacked(&packed(&[4, 6]), false).unwrap_err().contains("broken"));
        assert!(unpacked(&packed(&[4, 1, 5]), false).unwrap_err().contains("truncated"));
        let whole = packed(&[4, 0, 4, 1, 4, 2, 4, 3, 4, 0, 4, 1]);
        assert!((0..whole.len() - 1).all(|length| unpacked(&whole[..length], false).is_err()));
        assert!(unpack(&whole, 13, false, &mut [0; 20], 5, AREA).is_err());
    }

    #[test]
    fn interlaced_rows_come_in_four_passes() {
        let mut rows =
            Rows { canvas: &mut [0; 20], canvas_width: 1, area: Area { x: 0, y: 0, width: 1, height: 20 }, x: 0, y: 0, pass: Some(0) };
        let order: Vec<u8> = (1..=20).collect();
        assert!(rows.put(&order));
        let row_of = |number: u8| rows.canvas.iter().position(|index| *index == number).unwrap();
        let found: Vec<usize> = order.iter().map(|number| row_of(*number)).collect();
        assert_eq!(found, [0, 8, 16, 4, 12, 2, 6, 10, 14, 18, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
        let mut low =
            Rows { canvas: &mut [0; 2], canvas_width: 1, area: Area { x: 0, y: 0, width: 1, height: 2 }, x: 0, y: 0, pass: Some(0) };
        assert!(low.put(&[1, 2]));
    }
}
