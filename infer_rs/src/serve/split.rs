//! `infer-rs split`: `serve` with forwards that differ in one thing, which is what `python -m bench split` compares.

use std::collections::BTreeMap;

use clap::Args;

use crate::error::{Error, Result};
use crate::protocol::Setting;
use crate::runtime::{Buffer, Runner};

/// Bytes that a cache line has, and at a multiple of which an aligned image begins.
const LINE: usize = 64;

/// What differs from `serve`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Ways {
    /// Images begin at a multiple of 64 bytes
    #[arg(long)]
    pub aligned: bool,
    /// ONNX Runtime's C function Run with nothing around it; input and output are made before the clock starts
    #[arg(long)]
    pub bare: bool,
}

impl Ways {
    /// The buffer that every answer goes to, where it is not ONNX Runtime that makes one in each forward.
    pub(super) fn buffer(self, runner: &Runner, output: &str, batch: usize) -> Result<Option<Buffer>> {
        self.bare.then(|| Buffer::new(runner, output, batch)).transpose()
    }

    /// Puts what is in force here into the options of a session.
    pub(super) fn in_force(self, options: &mut BTreeMap<String, Setting>) {
        if self.bare {
            // contract/process.py has the same words.
            options.insert("output_allocation".into(), Setting::Word("before the forward".into()));
        }
    }

    /// The elements, and the place of the first one: with nothing before it, or with as much as makes it begin a cache line.
    pub(super) fn placed(self, values: Vec<f32>, image_size: usize) -> Result<(Vec<f32>, usize)> {
        if !self.aligned {
            return Ok((values, 0));
        }
        let bytes = image_size * size_of::<f32>();
        if !bytes.is_multiple_of(LINE) {
            let what = format!("images of {bytes} bytes cannot all begin at a multiple of {LINE}");
            return Err(Error::usage(what, "request.time.tensor", "take images of another size"));
        }
        let mut room: Vec<f32> = Vec::with_capacity(values.len() + LINE / size_of::<f32>());
        let first = room.as_ptr().align_offset(LINE);
        room.resize(first, 0.0);
        room.extend(values);
        Ok((room, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_images_begin_at_64_bytes_and_hold_what_they_held() {
        let ways = Ways { aligned: true, bare: false };
        // Vectors of many sizes, so that not all of them are aligned by chance.
        for images in 1..40 {
            let values: Vec<f32> = (0..images * 16).map(|value| value as f32).collect();
            let (placed, first) = ways.placed(values.clone(), 16).unwrap();
            assert_eq!(placed[first..].as_ptr() as usize % LINE, 0);
            assert_eq!(placed[first..], values);
            assert_eq!(Ways::default().placed(values.clone(), 16).unwrap(), (values, 0));
        }
    }

    #[test]
    fn images_that_cannot_all_be_aligned_are_refused() {
        let error = Ways { aligned: true, bare: false }.placed(vec![0.0; 24], 12).unwrap_err();
        assert!(error.to_string().contains("48 bytes"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn only_what_differs_is_said() {
        for (bare, count) in [(false, 0), (true, 1)] {
            let mut options = BTreeMap::new();
            Ways { aligned: true, bare }.in_force(&mut options);
            assert_eq!(options.len(), count);
        }
    }
}
