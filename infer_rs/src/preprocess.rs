//! From an image file to a model's tensor, as the spec in the model says.

use std::path::Path;

use crate::error::{Error, Result};
use crate::geometry::{self, Span};
use crate::image::{self, MOST_PIXELS, Rgb};
use crate::resize::{Window, resize};
use crate::spec::{Scale, Spec};

/// A spec with everything worked out that does not depend on the image.
#[derive(Debug, Clone)]
pub struct Preprocess {
    spec: Spec,
    /// The float of every byte, per channel: by the exact expression, and faster than computing it.
    table: Box<[[f32; 256]; 3]>,
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

    /// Whether images are turned by their EXIF orientation.
    pub fn orients(&self) -> bool {
        self.spec.orient
    }

    /// Width and height of the tensor, where they do not depend on the image.
    pub fn input_size(&self) -> Option<(usize, usize)> {
        self.spec.input_size()
    }

    /// Images as one tensor, N x 3 x height x width; all must come out in one size.
    pub fn images<P: AsRef<Path>>(&self, paths: &[P]) -> Result<([usize; 4], Vec<f32>)> {
        let mut shape = [paths.len(), 3, 0, 0];
        let mut values = Vec::new();
        for (number, path) in paths.iter().map(AsRef::as_ref).enumerate() {
            let (width, height, tensor) = self.image(path)?;
            if number > 0 && shape[2..] != [height, width] {
                let what = format!("becomes {width} x {height} pixels, and the images before it {} x {}", shape[3], shape[2]);
                return Err(Error::usage(what, path.display(), "give images of one size, or a model whose preprocessing crops"));
            }
            shape[2..].copy_from_slice(&[height, width]);
            values.extend(tensor);
        }
        Ok((shape, values))
    }

    /// The whole way. The tensor is three planes of the returned width and height.
    pub fn image(&self, path: &Path) -> Result<(usize, usize, Vec<f32>)> {
        let image = self.shrink(&self.open(path)?, path)?;
        let mut tensor = vec![0.0; image.data.len()];
        self.normalise(&image, &mut tensor);
        Ok((image.width, image.height, tensor))
    }

    /// Reads and decodes an image, and turns it where the spec says so.
    pub fn open(&self, path: &Path) -> Result<Rgb> {
        self.decode(&image::read_file(path)?, path)
    }

    /// Decodes what was read of an image's file, and turns the image where the spec says so.
    pub fn decode(&self, file: &[u8], path: &Path) -> Result<Rgb> {
        let image = image::decode_read(file, path)?;
        Ok(if self.spec.orient { image::turned(image, image::orientation(file)) } else { image })
    }

    /// The whole image resized; `shrink` does not compute it.
    pub fn resize(&self, image: &Rgb, path: &Path) -> Result<Rgb> {
        let (width, height, ..) = self.sizes(image, path)?;
        Ok(resize(image, width, height, self.spec.interpolation, Window { x: 0, y: 0, width, height }))
    }

    /// The crop of a resized image.
    pub fn crop(&self, image: &Rgb) -> Rgb {
        let (across, down) = geometry::cropped(self.spec.crop, image.width, image.height);
        let window = Window { x: across.start, y: down.start, width: across.count, height: down.count };
        pad(resize(image, image.width, image.height, self.spec.interpolation, window), across, down)
    }

    /// Resize and crop in one: only pixels that the crop keeps are computed.
    pub fn shrink(&self, image: &Rgb, path: &Path) -> Result<Rgb> {
        let (width, height, across, down) = self.sizes(image, path)?;
        let window = Window { x: across.start, y: down.start, width: across.count, height: down.count };
        Ok(pad(resize(image, width, height, self.spec.interpolation, window), across, down))
    }

    /// Width and height after resizing, and what the crop keeps. Refuses what no memory would hold, before any is taken.
    fn sizes(&self, image: &Rgb, path: &Path) -> Result<(usize, usize, Span, Span)> {
        let (width, height) = geometry::resized(self.spec.resize, image.width, image.height);
        let (across, down) = geometry::cropped(self.spec.crop, width, height);
        for (doing, width, height) in [("resizing", width, height), ("cropping", across.size, down.size)] {
            if width as u64 * height as u64 > MOST_PIXELS {
                let what =
                    format!("{} x {} pixels become {width} x {height} by {doing}: more than {MOST_PIXELS}", image.width, image.height);
                return Err(Error::data(what, path.display(), "replace or remove the file, or use a model that takes smaller images"));
            }
        }
        Ok((width, height, across, down))
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
        let cropped = Preprocess::new(&spec(Scale::Divide)).shrink(&image, Path::new("a.png")).unwrap();
        assert_eq!((cropped.width, cropped.height), (8, 5));
        assert_eq!(cropped.data[..3], [0; 3]);
        assert_eq!(cropped.data[3..21], [9; 18]);
        assert_eq!(cropped.data[21..24], [0; 3]);
    }

    #[test]
    fn sizes_that_no_memory_holds_are_refused_with_the_image_named() {
        let thread = Rgb::black(1, 1_000_000);
        let huge = Spec { crop: Some(Crop::Center { width: 65_535, height: 65_535 }), ..spec(Scale::Divide) };
        let exact = Spec { resize: Some(Resize::Exact { width: 65_535, height: 65_535 }), crop: None, ..spec(Scale::Divide) };
        let long = Spec { resize: Some(Resize::Shorter { size: 256 }), ..spec(Scale::Divide) };
        let flat = Rgb::black(4, 4);
        for (spec, image) in [(&long, &thread), (&huge, &flat), (&exact, &flat)] {
            let error = Preprocess::new(spec).shrink(image, Path::new("a.png")).unwrap_err();
            assert_eq!((error.exit_code(), error.place.as_str()), (4, "a.png"));
            assert!(error.what.contains(&MOST_PIXELS.to_string()), "{error}");
        }
        assert!(Preprocess::new(&spec(Scale::Divide)).shrink(&thread, Path::new("a.png")).is_ok(), "6,000,000 x 6 pixels are within it");
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
