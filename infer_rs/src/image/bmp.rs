//! BMP: pixels from bytes as Pillow's BmpImagePlugin, its raw decoder and its memory map make them.

use super::bmp_header::{self, Header, Packing, Samples};
use super::{Decoded, Rgb, bmp_runs, check_size};

/// Decodes a BMP file.
pub fn decode(file: &[u8]) -> Decoded<Rgb> {
    let header = bmp_header::read(file)?;
    check_size(header.width, header.height)?;
    let mut image = Rgb::black(header.width, header.height);
    let targets = image.data.chunks_exact_mut(3 * header.width);
    match header.packing {
        Packing::Runs { nibbles } => {
            let indices = bmp_runs::unpack(file, header.start, header.width, header.height, nibbles)?;
            let rows = indices.chunks_exact(header.width).map(|row| Ok((Samples::Index(8), row)));
            fill(targets, rows, &header)?;
        }
        Packing::Rows(stride) => {
            let (stride, length) = row_sizes(file, &header, stride)?;
            let row = |number: usize| {
                let start = header.start + number * stride;
                let row = file.get(start..start + length).ok_or("truncated BMP: the data end before the last row")?;
                Ok((header.samples, row))
            };
            fill(targets, (0..header.height).map(row), &header)?;
        }
    }
    Ok(image)
}

/// From one row to the next, and bytes of a row's pixels; the last row needs no padding.
fn row_sizes(file: &[u8], header: &Header, stride: usize) -> Decoded<(usize, usize)> {
    let bits = header.samples.bits();
    let length = (header.width * bits).div_ceil(8);
    let fits = |stride: usize| header.start + header.height * stride <= file.len();
    if stride < length {
        // A grey ramp of 1 or 4 bits is read as bytes. Pillow's memory map then takes rows without padding, its decoder refuses them.
        return if fits(length) { Ok((length, length)) } else { Err("BMP with a grey palette and too few bits for it".into()) };
    }
    // What its decoder, but not its memory map, has no row buffer for.
    let mapped = matches!(header.samples, Samples::Index(8) | Samples::Bytes(4, [0, 1, 2])) && fits(stride);
    if header.width + 7 > i32::MAX as usize / bits && !mapped {
        return Err(format!("BMP with rows of {} pixels", header.width));
    }
    Ok((stride, length))
}

type Row<'a> = (Samples, &'a [u8]);

/// Puts the rows in their order; the usual one is from the bottom up.
fn fill<'a, 'b>(
    targets: impl DoubleEndedIterator<Item = &'a mut [u8]>,
    rows: impl Iterator<Item = Decoded<Row<'b>>>,
    header: &Header,
) -> Decoded<()> {
    let put = |(target, row): (&mut [u8], Decoded<Row>)| {
        let (samples, row) = row?;
        put_row(target, samples, row, &header.colours);
        Ok(())
    };
    if header.top_down { targets.zip(rows).try_for_each(put) } else { targets.rev().zip(rows).try_for_each(put) }
}

fn put_row(target: &mut [u8], samples: Samples, row: &[u8], colours: &[[u8; 3]; 256]) {
    let pixels = target.chunks_exact_mut(3);
    match samples {
        Samples::Index(8) => pixels.zip(row).for_each(|(pixel, index)| pixel.copy_from_slice(&colours[usize::from(*index)])),
        Samples::Index(bits) => {
            let mask = (1 << bits) - 1;
            for (number, pixel) in pixels.enumerate() {
                let first = number * bits;
                let index = row[first / 8] >> (8 - bits - first % 8) & mask;
                pixel.copy_from_slice(&colours[usize::from(index)]);
            }
        }
        Samples::Five | Samples::FiveSixFive => {
            let green = if samples == Samples::Five { 31 } else { 63 };
            let red_at = if samples == Samples::Five { 10 } else { 11 };
            for (pixel, stored) in pixels.zip(row.chunks_exact(2)) {
                let value = u32::from(stored[0]) | u32::from(stored[1]) << 8;
                let spread = |at: u32, most: u32| ((value >> at & most) * 255 / most) as u8;
                pixel.copy_from_slice(&[spread(red_at, 31), spread(5, green), spread(0, 31)]);
            }
        }
        Samples::Bytes(count, places) => {
            for (pixel, stored) in pixels.zip(row.chunks_exact(count)) {
                pixel.copy_from_slice(&places.map(|place| stored[place]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with a header of 40 bytes.
    fn file(width: u32, height: i32, bits: u16, packing: u32, palette: &[[u8; 4]], pixels: &[u8]) -> Vec<u8> {
        let start = 54 + 4 * palette.len() as u32;
        let mut made = [&b"BM"[..], &[0; 8], &start.to_le_bytes(), &40_u32.to_le_bytes()].concat();
        made.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
        made.extend([1_u16.to_le_bytes(), bits.to_le_bytes()].concat());
        made.extend([packing, 0, 0, 0, palette.len() as u32, 0].map(u32::to_le_bytes).concat());
        [&made[..], palette.as_flattened(), pixels].concat()
    }

    fn pixels(file: &[u8]) -> Vec<u8> {
        decode(file).unwrap().data
    }

    #[test]
    fn true_colours_from_the_bottom_up_and_from_the_top_down() {
        let rows = [1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0];
        assert_eq!(pixels(&file(2, 2, 24, 0, &[], &rows)), [9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4]);
        assert_eq!(pixels(&file(2, -2, 24, 0, &[], &rows)), [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
        assert!(decode(&file(2, 2, 24, 0, &[], &rows[..14])).is_ok(), "the last row needs no padding");
        assert!(decode(&file(2, 2, 24, 0, &[], &rows[..13])).is_err());
        assert_eq!(pixels(&file(1, 1, 32, 0, &[], &[1, 2, 3, 4])), [3, 2, 1]);
    }

    #[test]
    fn sixteen_bits_are_spread_and_rounded_down() {
        assert_eq!(pixels(&file(1, 1, 16, 0, &[], &[0x21, 0x04])), [8, 8, 8]);
        let masked = |masks: [u32; 3]| [&masks.map(u32::to_le_bytes).concat()[..], &[0x21, 0x0c, 0, 0]].concat();
        let mut six = file(1, 1, 16, 3, &[], &masked([0xf800, 0x7e0, 0x1f]));
        // The pixels begin after the masks.
        six[10] = 66;
        assert_eq!(pixels(&six), [8, 133, 8]);
        six[54] = 1;
        assert!(decode(&six).unwrap_err().contains("masks"));
    }

    #[test]
    fn palettes_of_every_depth() {
        let palette = [[1, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 0]];
        assert_eq!(pixels(&file(3, 1, 1, 0, &palette, &[0b1010_0000, 0, 0, 0])), [6, 5, 4, 3, 2, 1, 6, 5, 4]);
        assert_eq!(pixels(&file(3, 1, 4, 0, &palette, &[0x12, 0x30, 0, 0])), [6, 5, 4, 9, 8, 7, 0, 0, 0]);
        assert_eq!(pixels(&file(2, 1, 8, 0, &palette, &[2, 200, 0, 0])), [9, 8, 7, 0, 0, 0]);
        assert_eq!(pixels(&file(2, 1, 8, 1, &palette, &[2, 1])), [6, 5, 4, 6, 5, 4]);
        assert!(decode(&file(2, 1, 24, 1, &[], &[2, 1])).is_err(), "runs of true colours");
    }

    #[test]
    fn a_black_and_white_palette_makes_bits_of_any_depth() {
        let palette = [[0; 4], [255; 4]];
        assert_eq!(pixels(&file(2, 1, 1, 0, &palette, &[0x40, 0, 0, 0])), [0, 0, 0, 255, 255, 255]);
        assert_eq!(pixels(&file(2, 1, 8, 0, &palette, &[0x40, 0, 0, 0])), [0, 0, 0, 255, 255, 255]);
    }

    #[test]
    fn a_grey_ramp_of_few_bits_is_read_as_bytes_where_the_file_is_long_enough() {
        let ramp: Vec<[u8; 4]> = (0..16).map(|grey| [grey; 4]).collect();
        let row: Vec<u8> = (10..30).collect();
        let made = decode(&file(20, 1, 4, 0, &ramp, &row)).unwrap();
        assert_eq!(made.data.iter().step_by(3).copied().collect::<Vec<_>>(), row);
        assert!(decode(&file(20, 1, 4, 0, &ramp, &row[..19])).is_err());
    }

    #[test]
    fn what_pillow_refuses_is_refused() {
        for (at, value) in [(14, 41), (28, 2), (30, 4), (30, 7), (18, 0), (22, 0), (21, 0x7f), (50, 0)] {
            let mut made = file(1, 1, 8, 0, &[[9; 4]; 3], &[0; 4]);
            assert!(decode(&made).is_ok());
            made[at] = value;
            if at == 50 {
                made[46..50].copy_from_slice(&65_537_u32.to_le_bytes());
            }
            assert!(decode(&made).is_err(), "{at} {value}");
        }
        assert!((0..60).all(|length| decode(&file(4, 4, 8, 0, &[[9; 4]; 3], &[0; 16])[..length]).is_err()));
    }
}
