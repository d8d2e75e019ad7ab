//! `PIL.Image.resize` of Pillow 13.0.0 for 8-bit RGB, to the last bit, for a window of the result.
//!
//! After Pillow's Resample.c (MIT-CMU licence), rewritten: two passes with 22-bit fixed-point weights and bytes between them. Each pixel
//! of the result is independent of the others, so only those that the crop keeps are computed.

use crate::image::Rgb;
use crate::spec::Interpolation;

const PRECISION: u32 = 32 - 8 - 2;

/// A part of the resized image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "a rectangle")]
pub struct Window {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// Resizes `image` to `width` x `height` and returns the window of that.
pub fn resize(image: &Rgb, width: usize, height: usize, filter: Interpolation, window: Window) -> Rgb {
    let across = (width != image.width).then(|| Weights::new(filter, image.width, width, window.x, window.width));
    let down = (height != image.height).then(|| Weights::new(filter, image.height, height, window.y, window.height));
    match (across, down) {
        (None, None) => cut(image, window),
        (Some(across), None) => horizontal(image, &across, window.y, window.height),
        (None, Some(down)) => vertical(image, &down, window.x, window.width),
        (Some(across), Some(down)) if vertical_first(image, width, height) => {
            let (start, count) = across.source();
            let rows = vertical(image, &down, start, count);
            horizontal(&rows, &across.moved(start), 0, window.height)
        }
        (Some(across), Some(down)) => {
            let (start, count) = down.source();
            let columns = horizontal(image, &across, start, count);
            vertical(&columns, &down.moved(start), 0, window.width)
        }
    }
}

/// The order of the passes since Pillow 13.0.0; it shows in the last bit, because the passes hand on bytes.
fn vertical_first(image: &Rgb, width: usize, height: usize) -> bool {
    let (less_wide, less_high) = (image.width as i64 - width as i64, image.height as i64 - height as i64);
    less_high > 0 && less_high > 2 * less_wide
}

/// For each pixel of the result: the first source pixel that counts, and the weights from there on.
struct Weights {
    first: Vec<usize>,
    end: Vec<usize>,
    values: Vec<i32>,
}

impl Weights {
    fn new(filter: Interpolation, source: usize, size: usize, start: usize, count: usize) -> Self {
        let radius = match filter {
            Interpolation::Bilinear => 1.0,
            Interpolation::Bicubic => 2.0,
        };
        let scale = source as f64 / size as f64;
        let filter_scale = scale.max(1.0);
        let support = radius * filter_scale;
        let inverse = 1.0 / filter_scale;
        let mut made = Self { first: Vec::with_capacity(count), end: Vec::with_capacity(count), values: Vec::new() };
        let mut exact = Vec::new();
        for place in start..start + count {
            let center = (place as f64 + 0.5) * scale;
            let first = ((center - support + 0.5) as i64).max(0) as usize;
            let last = ((center + support + 0.5) as usize).min(source);
            exact.clear();
            exact.extend((first..last).map(|at| weight(filter, (at as f64 - center + 0.5) * inverse)));
            // From left to right, as C does: another order has another last bit.
            let sum = exact.iter().fold(0.0, |sum, weight| sum + weight);
            made.first.push(first);
            made.values.extend(exact.iter().map(|weight| fixed_point(if sum == 0.0 { *weight } else { weight / sum })));
            made.end.push(made.values.len());
        }
        made
    }

    /// The source pixels that count for any pixel of the window: first, and how many.
    fn source(&self) -> (usize, usize) {
        let first = self.first.iter().copied().min().unwrap_or(0);
        let end = self.iter().map(|(first, weights)| first + weights.len()).max().unwrap_or(0);
        (first, end - first)
    }

    /// The same for a source that begins `start` pixels later.
    fn moved(mut self, start: usize) -> Self {
        self.first.iter_mut().for_each(|first| *first -= start);
        self
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let starts = std::iter::once(0).chain(self.end.iter().copied());
        self.first.iter().zip(starts.zip(&self.end)).map(|(first, (start, end))| (*first, &self.values[start..*end]))
    }
}

fn weight(filter: Interpolation, x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    match filter {
        Interpolation::Bilinear if x < 1.0 => 1.0 - x,
        Interpolation::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        Interpolation::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}

fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION);
    (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// Resizes the given rows across.
fn horizontal(image: &Rgb, weights: &Weights, start: usize, rows: usize) -> Rgb {
    let mut result = Rgb::black(weights.first.len(), rows);
    let source = image.data.chunks_exact(3 * image.width).skip(start);
    for (from, to) in source.zip(result.data.chunks_exact_mut(3 * weights.first.len())) {
        for (pixel, (first, weights)) in to.chunks_exact_mut(3).zip(weights.iter()) {
            let mut sums = [1 << (PRECISION - 1); 3];
            for (source, weight) in from[3 * first..3 * (first + weights.len())].chunks_exact(3).zip(weights) {
                sums[0] += i32::from(source[0]) * weight;
                sums[1] += i32::from(source[1]) * weight;
                sums[2] += i32::from(source[2]) * weight;
            }
            pixel.copy_from_slice(&sums.map(to_byte));
        }
    }
    result
}

/// Resizes the given columns down.
fn vertical(image: &Rgb, weights: &Weights, start: usize, columns: usize) -> Rgb {
    let mut result = Rgb::black(columns, weights.first.len());
    let mut sums = vec![0; 3 * columns];
    for (to, (first, weights)) in result.data.chunks_exact_mut(3 * columns).zip(weights.iter()) {
        sums.fill(1 << (PRECISION - 1));
        for (row, weight) in (first..).zip(weights) {
            let from = 3 * (row * image.width + start);
            // A whole row at a time, which the compiler turns into vector code.
            for (sum, byte) in sums.iter_mut().zip(&image.data[from..from + 3 * columns]) {
                *sum += i32::from(*byte) * weight;
            }
        }
        for (byte, sum) in to.iter_mut().zip(&sums) {
            *byte = to_byte(*sum);
        }
    }
    result
}

fn cut(image: &Rgb, window: Window) -> Rgb {
    let rows = image.data.chunks_exact(3 * image.width).skip(window.y).take(window.height);
    let data = rows.flat_map(|row| &row[3 * window.x..3 * (window.x + window.width)]).copied().collect();
    Rgb { width: window.width, height: window.height, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grain(width: usize, height: usize) -> Rgb {
        Rgb { width, height, data: (0..3 * width * height).map(|at| (at * at * 31 % 251) as u8).collect() }
    }

    fn whole(width: usize, height: usize) -> Window {
        Window { x: 0, y: 0, width, height }
    }

    #[test]
    fn a_window_is_the_same_as_cutting_the_whole() {
        let sizes = [(40, 30, 17, 13), (17, 90, 20, 20), (9, 9, 30, 31), (50, 20, 50, 10), (50, 20, 11, 20), (12, 12, 12, 12)];
        for (width, height, new_width, new_height) in sizes {
            for filter in [Interpolation::Bilinear, Interpolation::Bicubic] {
                let image = grain(width, height);
                let window = Window { x: 2, y: 3, width: new_width - 5, height: new_height - 4 };
                let all = resize(&image, new_width, new_height, filter, whole(new_width, new_height));
                assert_eq!(resize(&image, new_width, new_height, filter, window), cut(&all, window));
            }
        }
    }

    #[test]
    fn one_colour_stays_one_colour() {
        let image = Rgb { width: 7, height: 5, data: vec![201; 105] };
        for filter in [Interpolation::Bilinear, Interpolation::Bicubic] {
            assert!(resize(&image, 3, 11, filter, whole(3, 11)).data.iter().all(|byte| *byte == 201));
        }
    }

    #[test]
    fn the_same_size_is_a_copy() {
        let image = grain(6, 4);
        assert_eq!(resize(&image, 6, 4, Interpolation::Bicubic, whole(6, 4)), image);
    }

    #[test]
    fn the_order_of_the_passes_is_that_of_pillow_13() {
        assert!(vertical_first(&Rgb::black(10, 100), 5, 50));
        assert!(!vertical_first(&Rgb::black(100, 100), 50, 50));
        assert!(vertical_first(&Rgb::black(10, 100), 20, 99));
        assert!(!vertical_first(&Rgb::black(10, 100), 20, 100));
    }
}
