//! From an image file to a model's tensor, as the spec in the model says.

use std::path::Path;

use crate::error::Result;
use crate::geometry::{self, Span};
use crate::image::{self, Rgb};
use crate::resize::{Window, resize};
use crate::spec::{Scale, Spec};

/// A spec with everything worked out that does not depend on the image.
#[derive(Debug, Clone)]
pub struct Preprocess {
    spec: Spec,
    /// The float of every byte, per channel: by the exact expression, and faster than computing it.
    table: Box<[[f32; 256]; 3]>,
}

/// Every stage of one image.
#[derive(Debug)]
#[allow(missing_docs, reason = "bench/PROTOCOL.md, `stages`")]
pub struct Stages {
    pub decode: Rgb,
    pub resize: Rgb,
    pub crop: Rgb,
    pub normalise: Vec<f32>,
}

impl Preprocess {
    /// Prepares a spec.
    pub fn new(spec: &Spec) -> Self {
        let mut table = Box::new([[0.0; 256]; 3]);
        for (channel, row) in table.iter_mut().enumerate() {
            let (mean, std) = (spec.mean[channel] as f32, spec.std[channel] as f32);
            for (byte, float) in row.iter_mut().enumerate() {
                *float = (scaled(spec.scale, byte) - mean) / std;
            }
        }
        Self { spec: spec.clone(), table }
    }

    /// The whole way. The tensor is three planes of the returned width and height.
    pub fn image(&self, path: &Path) -> Result<(usize, usize, Vec<f32>)> {
        let image = self.shrink(&image::decode_file(path)?);
        let mut tensor = vec![0.0; image.data.len()];
        self.normalise(&image, &mut tensor);
        Ok((image.width, image.height, tensor))
    }

    /// Resize and crop in one: only pixels that the crop keeps are computed.
    pub fn shrink(&self, image: &Rgb) -> Rgb {
        let (width, height) = geometry::resized(self.spec.resize, image.width, image.height);
        let (across, down) = geometry::cropped(self.spec.crop, width, height);
        let window = Window { x: across.start, y: down.start, width: across.count, height: down.count };
        pad(resize(image, width, height, self.spec.interpolation, window), across, down)
    }

    /// Bytes in rows of pixels to floats in planes of channels.
    pub fn normalise(&self, image: &Rgb, tensor: &mut [f32]) {
        let planes = tensor.chunks_exact_mut(image.width * image.height);
        for (channel, (plane, table)) in planes.zip(self.table.iter()).enumerate() {
            for (float, pixel) in plane.iter_mut().zip(image.data.chunks_exact(3)) {
                *float = table[usize::from(pixel[channel])];
            }
        }
    }

    /// The same way with every stage kept: nothing is fused here.
    pub fn stages(&self, path: &Path) -> Result<Stages> {
        let decode = image::decode_file(path)?;
        let (width, height) = geometry::resized(self.spec.resize, decode.width, decode.height);
        let (across, down) = geometry::cropped(self.spec.crop, width, height);
        let whole = Window { x: 0, y: 0, width, height };
        let resized = resize(&decode, width, height, self.spec.interpolation, whole);
        let window = Window { x: across.start, y: down.start, width: across.count, height: down.count };
        let crop = pad(resize(&resized, width, height, self.spec.interpolation, window), across, down);
        let mut normalise = vec![0.0; crop.data.len()];
        self.normalise(&crop, &mut normalise);
        Ok(Stages { decode, resize: resized, crop, normalise })
    }
}

/// Each step rounds to f32, as torch does.
fn scaled(scale: Scale, byte: usize) -> f32 {
    match scale {
        Scale::Divide => byte as f32 / 255.0,
        Scale::Multiply => byte as f32 * ((1.0 / 255.0_f64) as f32),
    }
}

fn pad(image: Rgb, across: Span, down: Span) -> Rgb {
    if (image.width, image.height) == (across.size, down.size) {
        return image;
    }
    let mut padded = Rgb::black(across.size, down.size);
    let rows = padded.data.chunks_exact_mut(3 * across.size).skip(down.offset);
    for (to, from) in rows.zip(image.data.chunks_exact(3 * image.width)) {
        to[3 * across.offset..3 * (across.offset + image.width)].copy_from_slice(from);
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Colour, Crop, Interpolation, Layout, Resize};

    fn spec(scale: Scale) -> Spec {
        Spec {
            format: 1,
            colour: Colour::Rgb,
            orient: false,
            resize: Some(Resize::Shorter { size: 6 }),
            interpolation: Interpolation::Bilinear,
            crop: Some(Crop::Center { width: 8, height: 5 }),
            scale,
            mean: [0.5, 0.25, 0.0],
            std: [0.5, 0.25, 1.0],
            layout: Layout::Nchw,
        }
    }

    #[test]
    fn a_crop_wider_than_the_image_is_padded_with_black() {
        let image = Rgb { width: 6, height: 7, data: vec![9; 126] };
        let cropped = Preprocess::new(&spec(Scale::Divide)).shrink(&image);
        assert_eq!((cropped.width, cropped.height), (8, 5));
        assert_eq!(cropped.data[..3], [0; 3]);
        assert_eq!(cropped.data[3..21], [9; 18]);
        assert_eq!(cropped.data[21..24], [0; 3]);
    }

    #[test]
    fn channels_become_planes() {
        let image = Rgb { width: 2, height: 1, data: vec![255, 0, 255, 0, 255, 0] };
        let mut tensor = vec![9.0; 6];
        Preprocess::new(&spec(Scale::Divide)).normalise(&image, &mut tensor);
        assert_eq!(tensor, [1.0, -1.0, -1.0, 3.0, 1.0, 0.0]);
    }

    #[test]
    fn the_two_expressions_differ_in_126_bytes() {
        let different = |byte: &usize| scaled(Scale::Divide, *byte).to_bits() != scaled(Scale::Multiply, *byte).to_bits();
        assert_eq!((0..256).filter(different).count(), 126);
    }
}
