//! torchvision's rules for sizes and crops (source: torchvision/transforms/functional.py, `resize` and `center_crop`).

use crate::spec::{Crop, Resize};

/// Along one axis: which pixels of the resized image are kept, and where in the crop they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First pixel kept.
    pub start: usize,
    /// How many are kept.
    pub count: usize,
    /// Where the first goes; black before it.
    pub offset: usize,
    /// The crop's size.
    pub size: usize,
}

/// Width and height after `resize`.
pub fn resized(resize: Option<Resize>, width: usize, height: usize) -> (usize, usize) {
    match resize {
        None => (width, height),
        Some(Resize::Exact { width, height }) => (width, height),
        // Integers: a float formula is off by one for 1 in 5,000 sizes.
        Some(Resize::Shorter { size }) if width <= height => (size, size * height / width),
        Some(Resize::Shorter { size }) => (size * width / height, size),
    }
}

/// What `crop` keeps, horizontally and vertically.
pub fn cropped(crop: Option<Crop>, width: usize, height: usize) -> (Span, Span) {
    match crop {
        None => (center(width, width), center(height, height)),
        Some(Crop::Center { width: crop_width, height: crop_height }) => (center(width, crop_width), center(height, crop_height)),
    }
}

fn center(size: usize, crop: usize) -> Span {
    if size < crop {
        return Span { start: 0, count: size, offset: (crop - size) / 2, size: crop };
    }
    let rest = size - crop;
    // Python's round() takes halves to the even number: 1.5 -> 2, but 0.5 -> 0.
    Span { start: rest / 2 + usize::from(rest % 4 == 3), count: crop, offset: 0, size: crop }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_side_gets_the_size_and_the_longer_is_rounded_down() {
        let shorter = Some(Resize::Shorter { size: 232 });
        assert_eq!(resized(shorter, 640, 480), (309, 232));
        assert_eq!(resized(shorter, 480, 640), (232, 309));
        assert_eq!(resized(shorter, 5, 5), (232, 232));
        assert_eq!(resized(Some(Resize::Exact { width: 3, height: 4 }), 9, 9), (3, 4));
        assert_eq!(resized(None, 9, 8), (9, 8));
    }

    #[test]
    fn halves_are_rounded_to_even() {
        let starts: Vec<usize> = (0..8).map(|rest| center(224 + rest, 224).start).collect();
        assert_eq!(starts, [0, 0, 1, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn a_smaller_image_is_padded_with_the_odd_pixel_behind() {
        assert_eq!(center(221, 224), Span { start: 0, count: 221, offset: 1, size: 224 });
    }
}
