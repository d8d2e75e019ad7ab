//! PNG: reading the chunks, unpacking the rows, and stopping where Pillow's PngImagePlugin and ZipDecode.c stop.

use flate2::{Decompress, FlushDecompress, Status};

use super::orientation::Metadata;
use super::png_chunks::{Chunks, Step};
use super::png_pixels::{Canvas, Kind, PASSES, Pass};
use super::{Decoded, Rgb, check_size};

/// Pillow feeds its decoder in blocks of at most this many bytes.
const BLOCK: usize = 65_536;

/// Decodes a PNG file; of an animated one its first frame.
pub fn decode(file: &[u8]) -> Decoded<Rgb> {
    let mut chunks = Chunks::new(file);
    let first = loop {
        match chunks.header()? {
            Step::Go => chunks.check_sum()?,
            Step::Data(length) => break length,
            Step::End => return Err("broken PNG: it has no image data".into()),
        }
    };
    // Copied here: what a second header after the data says no longer counts.
    let header = chunks.header;
    let kind = header.kind.ok_or("broken PNG: unknown colour type or depth")?;
    check_size(header.width, header.height)?;
    let animated = chunks.is_animated();
    let frame = chunks.frame.unwrap_or([0, 0, header.width, header.height]);
    if frame[2] <= frame[0] || frame[3] <= frame[1] {
        return Err("broken PNG: an empty frame".into());
    }
    // The frame was held against the header in force then, and a second one may have made the image smaller since.
    if frame[2] > header.width || frame[3] > header.height {
        return Err("broken PNG: a frame reaches beyond the image".into());
    }
    let mut canvas = Canvas::new(kind, (header.width, header.height), frame, header.interlaced);
    let left = unpack(&mut chunks, first, &mut canvas)?;
    chunks.finish(left, animated)?;
    match kind {
        Kind::Index(_) if chunks.puts_no_colour(|| canvas.has_every_index()) => {
            return Err("broken PNG: a transparent colour of more than eight bits, and a palette".into());
        }
        Kind::Index(_) => canvas.colour(&chunks.palette()?),
        Kind::Grey(2..) if chunks.transparent.is_colour() => return Err("broken PNG: a transparent colour, and grey pixels".into()),
        // The palette of an earlier header, one of indices: Pillow now takes greys for indices, and refuses what is neither (nor are
        // 16 bits of grey and alpha, which it keeps as colours).
        Kind::Grey(2..) | Kind::GreyAlpha(1) if chunks.has_palette() => canvas.colour(&chunks.palette()?),
        _ if chunks.has_palette() => return Err("broken PNG: a palette, and pixels that are no indices".into()),
        _ => {}
    }
    Ok(Rgb { width: header.width, height: header.height, data: canvas.into_data() })
}

/// What a file that can be decoded says of itself, before its pixels and behind them; they are passed over.
pub fn metadata(file: &[u8]) -> Metadata {
    let mut chunks = Chunks::new(file);
    // Of a file whose pixels end early, what comes after them may be cut short: what was read until then stands.
    let _ = walk(&mut chunks);
    chunks.metadata
}

fn walk(chunks: &mut Chunks) -> Decoded<()> {
    loop {
        match chunks.header()? {
            Step::Go => chunks.check_sum()?,
            Step::Data(length) => return chunks.finish(length, chunks.is_animated()),
            Step::End => return Ok(()),
        }
    }
}

/// Inflates row by row, as far as rows are needed; returns what is left of the current data chunk.
fn unpack(chunks: &mut Chunks, first: usize, canvas: &mut Canvas) -> Decoded<usize> {
    let mut inflate = Decompress::new(true);
    let mut rows = Rows::new(canvas);
    let mut left = first;
    loop {
        while left == 0 {
            left = chunks.next_data()?.ok_or_else(truncated)?;
        }
        let wanted = left.min(BLOCK);
        let block = chunks.take_up_to(wanted);
        left -= wanted;
        if block.is_empty() {
            return Err(truncated());
        }
        if rows.feed(block, &mut inflate, canvas)? {
            return Ok(left);
        }
    }
}

fn truncated() -> String {
    "truncated PNG: the data end before the last row".into()
}

/// The row that is being filled, the one above it, and where they go.
struct Rows {
    current: Vec<u8>,
    previous: Vec<u8>,
    filled: usize,
    length: usize,
    y: usize,
    pass: Option<usize>,
}

impl Rows {
    fn new(canvas: &Canvas) -> Self {
        let size = canvas.row_bytes() + 1;
        let pass = canvas.interlaced.then_some(0);
        let length = pass.map_or(size - 1, |pass| canvas.pass_bytes(&PASSES[pass]));
        Self { current: vec![0; size], previous: vec![0; size], filled: 0, length, y: 0, pass }
    }

    /// Takes a block of compressed data; true when the image is complete.
    fn feed(&mut self, mut block: &[u8], inflate: &mut Decompress, canvas: &mut Canvas) -> Decoded<bool> {
        while !block.is_empty() {
            let (read, written) = (inflate.total_in(), inflate.total_out());
            let room = &mut self.current[self.filled..=self.length];
            let status = inflate
                .decompress(block, room, FlushDecompress::None)
                .map_err(|fault| format!("broken PNG: its compressed data are damaged ({fault})"))?;
            block = &block[(inflate.total_in() - read) as usize..];
            self.filled += (inflate.total_out() - written) as usize;
            if self.filled <= self.length {
                // More input is needed. What follows the end of the stream is never looked at again.
                return Ok(false);
            }
            self.filled = 0;
            self.unfilter(canvas.pixel_bytes())?;
            if self.place(canvas) || status == Status::StreamEnd {
                return Ok(true);
            }
            std::mem::swap(&mut self.current, &mut self.previous);
        }
        Ok(false)
    }

    /// Undoes the row's filter (source: PNG specification, section 9).
    fn unfilter(&mut self, step: usize) -> Decoded<()> {
        let (kind, row) = (self.current[0], &mut self.current[1..=self.length]);
        let above = &self.previous[1..=self.length];
        match step {
            1 => undo::<1>(kind, row, above),
            2 => undo::<2>(kind, row, above),
            3 => undo::<3>(kind, row, above),
            4 => undo::<4>(kind, row, above),
            6 => undo::<6>(kind, row, above),
            _ => undo::<8>(kind, row, above),
        }
    }

    /// Puts the row into the image and finds the next one; true after the last.
    fn place(&mut self, canvas: &mut Canvas) -> bool {
        let Some(mut number) = self.pass else {
            canvas.put_row(self.y, &self.current[1..=self.length]);
            self.y += 1;
            return self.y >= canvas.rows();
        };
        let pass: &Pass = &PASSES[number];
        canvas.put_pass_row(self.y, pass, &self.current[1..=self.length]);
        self.y += pass.row_step;
        while self.y >= canvas.rows() || self.length == 0 {
            number += 1;
            let Some(next) = PASSES.get(number) else { return true };
            self.y = next.first_row;
            self.length = canvas.pass_bytes(next);
            // Above a pass's first row there is nothing; this buffer becomes `previous`.
            self.current.fill(0);
        }
        self.pass = Some(number);
        false
    }
}

/// STEP, the bytes of a pixel, is known to the compiler, which doubles the speed.
fn undo<const STEP: usize>(kind: u8, row: &mut [u8], above: &[u8]) -> Decoded<()> {
    match kind {
        0 => {}
        1 => from_left::<STEP>(row, above, |left, _, _| left),
        2 => row.iter_mut().zip(above).for_each(|(byte, up)| *byte = byte.wrapping_add(*up)),
        3 => from_left::<STEP>(row, above, |left, up, _| u8::midpoint(left, up)),
        4 => from_left::<STEP>(row, above, paeth),
        _ => return Err("broken PNG: unknown row filter".into()),
    }
    Ok(())
}

/// Adds to each byte what is predicted from the one of the pixel to the left, the one above, and the one above that left one.
fn from_left<const STEP: usize>(row: &mut [u8], above: &[u8], predict: impl Fn(u8, u8, u8) -> u8) {
    let (mut left, mut corner) = ([0; STEP], [0; STEP]);
    for (pixel, above) in row.chunks_exact_mut(STEP).zip(above.chunks_exact(STEP)) {
        for channel in 0..STEP {
            pixel[channel] = pixel[channel].wrapping_add(predict(left[channel], above[channel], corner[channel]));
            left[channel] = pixel[channel];
            corner[channel] = above[channel];
        }
    }
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let (to_left, to_up, to_corner) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if to_left <= to_up && to_left <= to_corner {
        left
    } else if to_up <= to_corner {
        up
    } else {
        corner
    }
}
