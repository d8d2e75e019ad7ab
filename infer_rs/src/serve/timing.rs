//! `time`: the stopwatch. Nothing is allocated by us while it runs.

use std::path::Path;
use std::time::Instant;

use super::models::{Entry, Models};
use super::predict::Tensor;
use super::split::Ways;
use super::{crc32, top1};
use crate::error::{Error, Result};
use crate::image;
use crate::preprocess::Preprocess;
use crate::protocol::{Scenario, Split, TimeArgs, Timed};
use crate::runtime::{Runner, session};

/// Answers `time`.
pub fn time(models: &mut Models, asked: &TimeArgs, ways: Ways) -> Result<Timed> {
    let entry = models.get(&asked.id)?;
    if asked.samples == 0 || asked.batch == 0 {
        return Err(Error::usage("at least one sample of at least one image is needed", "request.time", "raise samples or batch"));
    }
    match (asked.scenario, &asked.images, &asked.tensor) {
        (Scenario::Latency | Scenario::Throughput, None, Some(tensor)) => forwards(entry, asked, tensor, ways),
        (Scenario::E2e, Some(images), None) if !images.is_empty() => from_files(entry, asked, images),
        (Scenario::Load, None, None) => loads(entry, asked),
        (Scenario::Latency | Scenario::Throughput, ..) => Err(needs("tensor, and no images")),
        (Scenario::E2e, ..) => Err(needs("images, and no tensor")),
        (Scenario::Load, ..) => Err(needs("neither images nor a tensor")),
    }
}

const MOST_ROOM: usize = 1 << 20;

/// Samples, and when to stop taking them.
struct Record {
    samples: Vec<u64>,
    crc32: Vec<u32>,
    wanted: usize,
    max_ns: u64,
    first: Option<Instant>,
}

impl Record {
    fn new(asked: &TimeArgs) -> Self {
        // Room for all samples beforehand, within reason: a number that nobody can wait for must not end the runner.
        let room = asked.samples.min(MOST_ROOM);
        let (samples, crc32) = (Vec::with_capacity(room), Vec::with_capacity(room));
        Self { samples, crc32, wanted: asked.samples, max_ns: asked.max_ns.unwrap_or(u64::MAX), first: None }
    }

    /// Whether another sample is to be taken.
    fn goes_on(&mut self) -> bool {
        let first = *self.first.get_or_insert_with(Instant::now);
        self.samples.is_empty() || self.samples.len() < self.wanted && nanoseconds(first) < self.max_ns
    }

    fn done(self, split: Option<Split>) -> Timed {
        Timed { samples: self.samples, crc32: self.crc32, split }
    }
}

/// `latency` and `throughput`: from float32 in host memory to logits in host memory.
fn forwards(entry: &mut Entry, asked: &TimeArgs, path: &str, ways: Ways) -> Result<Timed> {
    let tensor = Tensor::read(path)?;
    // Images as they come from one another, not batches, are what is taken in turn: only the batch has to be the model's own.
    entry.runner.check(asked.batch, asked.batch, &tensor.shape[1..])?;
    let output = entry.runner.logits_name()?;
    let images = Ring::new(tensor, asked.batch, ways)?;
    let mut buffer = ways.buffer(&entry.runner, &output, asked.batch)?;
    let mut forward = |number: usize| match &mut buffer {
        None => one_forward(&mut entry.runner, images.batch(number), images.shape, &output),
        Some(buffer) => buffer.forward(&mut entry.runner, images.batch(number), images.shape).map(|(ns, logits)| (ns, crc32(logits))),
    };
    for number in 0..asked.warmup {
        forward(number)?;
    }
    let mut record = Record::new(asked);
    while record.goes_on() {
        let (ns, sum) = forward(record.samples.len())?;
        record.samples.push(ns);
        record.crc32.push(sum);
    }
    Ok(record.done(None))
}

/// One sample: the nanoseconds from float32 in host memory to logits in host memory, and the crc32 of the logits.
pub(crate) fn one_forward(runner: &mut Runner, batch: &[f32], shape: [usize; 4], output: &str) -> Result<(u64, u32)> {
    let start = Instant::now();
    let outputs = runner.run(batch, shape)?;
    let logits = session::floats(&outputs, output)?;
    let ns = nanoseconds(start);
    Ok((ns, crc32(logits)))
}

/// Images in turn, in batches that wrap around; each batch is one slice.
struct Ring {
    values: Vec<f32>,
    start: usize,
    images: usize,
    shape: [usize; 4],
    image_size: usize,
}

impl Ring {
    fn new(tensor: Tensor, batch: usize, ways: Ways) -> Result<Self> {
        let (images, image_size) = (tensor.shape[0], tensor.image_size());
        let mut values = tensor.values;
        // The first images follow the last ones, so that no batch has to be copied together while the stopwatch runs.
        values.try_reserve_exact((batch - 1).saturating_mul(image_size)).map_err(|fault| {
            Error::environment(format!("no memory for a batch of {batch} images: {fault}"), "request.time.batch", "ask for a smaller batch")
        })?;
        for at in 0..(batch - 1) * image_size {
            values.push(values[at]);
        }
        let mut shape = tensor.shape;
        shape[0] = batch;
        let (values, start) = ways.placed(values, image_size)?;
        Ok(Self { values, start, images, shape, image_size })
    }

    fn batch(&self, number: usize) -> &[f32] {
        let first = number * self.shape[0] % self.images;
        let start = self.start + first * self.image_size;
        &self.values[start..start + self.shape[0] * self.image_size]
    }
}

/// `e2e`: from the path of an image file to its label.
fn from_files(entry: &mut Entry, asked: &TimeArgs, images: &[String]) -> Result<Timed> {
    if asked.batch != 1 {
        return Err(Error::usage(format!("one sample of e2e is one image, not {}", asked.batch), "request.time.batch", "ask for batch 1"));
    }
    let (preprocess, output) = (entry.preprocess()?, entry.runner.logits_name()?);
    if let Some((width, height)) = preprocess.input_size() {
        entry.runner.check(1, 1, &[3, height, width])?;
    }
    let (width, height, _) = preprocess.image(Path::new(&images[0]))?;
    entry.runner.check(1, 1, &[3, height, width])?;
    let mut tensor = vec![0.0; 3 * height * width];
    for number in 0..asked.warmup {
        one_file(entry, &preprocess, &output, &images[number % images.len()], &mut tensor)?;
    }
    let mut record = Record::new(asked);
    let empty = || Vec::with_capacity(asked.samples.min(MOST_ROOM));
    let mut split = Split { read: empty(), decode: empty(), resize: empty(), normalise: empty(), logits: empty(), label: empty() };
    while record.goes_on() {
        let path = &images[record.samples.len() % images.len()];
        let (moments, sum) = one_file(entry, &preprocess, &output, path, &mut tensor)?;
        let between = |stage: usize| moments[stage + 1].duration_since(moments[stage]).as_nanos() as u64;
        record.samples.push(moments[6].duration_since(moments[0]).as_nanos() as u64);
        record.crc32.push(sum);
        let stages = [&mut split.read, &mut split.decode, &mut split.resize, &mut split.normalise, &mut split.logits, &mut split.label];
        stages.into_iter().enumerate().for_each(|(stage, list)| list.push(between(stage)));
    }
    Ok(record.done(asked.split.then_some(split)))
}

/// The moments before, between and after the six stages of one image, and the crc32 of its logits.
fn one_file(entry: &mut Entry, preprocess: &Preprocess, output: &str, path: &str, tensor: &mut Vec<f32>) -> Result<([Instant; 7], u32)> {
    let start = Instant::now();
    let file = image::read_file(Path::new(path))?;
    let after_read = Instant::now();
    let decoded = preprocess.decode(&file, Path::new(path))?;
    drop(file);
    let after_decode = Instant::now();
    let image = preprocess.shrink(&decoded, Path::new(path))?;
    let after_resize = Instant::now();
    tensor.resize(image.data.len(), 0.0);
    preprocess.normalise(&image, tensor);
    let after_normalise = Instant::now();
    let outputs = entry.runner.run(tensor, [1, 3, image.height, image.width])?;
    let logits = session::floats(&outputs, output)?;
    let after_logits = Instant::now();
    // What a user gets: the class's name. black_box keeps the compiler from finding out that nobody reads it.
    std::hint::black_box(entry.model.label(top1(logits)));
    let after_label = Instant::now();
    Ok(([start, after_read, after_decode, after_resize, after_normalise, after_logits, after_label], crc32(logits)))
}

/// `load`: a new session from the model's file.
fn loads(entry: &Entry, asked: &TimeArgs) -> Result<Timed> {
    let load = || Runner::load(&entry.model.path, entry.provider, &entry.options);
    for _ in 0..asked.warmup {
        load()?;
    }
    let mut record = Record::new(asked);
    while record.goes_on() {
        let start = Instant::now();
        let runner = load()?;
        let ns = nanoseconds(start);
        // Dropped after the stopwatch has stopped.
        drop(runner);
        record.samples.push(ns);
        record.crc32.push(0);
    }
    Ok(record.done(None))
}

/// The stopwatch's reading.
pub(crate) fn nanoseconds(since: Instant) -> u64 {
    since.elapsed().as_nanos() as u64
}

fn needs(what: &str) -> Error {
    Error::usage(format!("this scenario needs {what}"), "request.time", "see bench/PROTOCOL.md, `time`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(images: usize, batch: usize) -> Ring {
        Ring::new(Tensor { shape: [images, 1, 1, 1], values: (0..images).map(|image| image as f32).collect() }, batch, Ways::default())
            .unwrap()
    }

    #[test]
    fn batches_wrap_around() {
        let ring3 = ring(3, 2);
        let batches: Vec<&[f32]> = (0..4).map(|number| ring3.batch(number)).collect();
        assert_eq!(batches, [[0.0, 1.0], [2.0, 0.0], [1.0, 2.0], [0.0, 1.0]]);
        assert_eq!(ring(2, 5).batch(1), [1.0, 0.0, 1.0, 0.0, 1.0], "a batch larger than the tensor");
    }

    #[test]
    fn a_batch_that_no_memory_holds_is_the_environments_fault() {
        let tensor = Tensor { shape: [1, 1, 1, 2], values: vec![0.0; 2] };
        let error = Ring::new(tensor, usize::MAX / 16, Ways::default()).err().unwrap();
        assert_eq!(error.exit_code(), 3, "{error}");
    }

    #[test]
    fn sampling_stops_by_count_and_by_time_but_not_before_one_sample() {
        let asked = |samples, max_ns| TimeArgs {
            id: String::new(),
            scenario: Scenario::Latency,
            images: None,
            tensor: None,
            batch: 1,
            warmup: 0,
            samples,
            max_ns,
            split: false,
        };
        for (samples, max_ns, taken) in [(3, None, 3), (3, Some(0), 1), (1, Some(u64::MAX), 1)] {
            let mut record = Record::new(&asked(samples, max_ns));
            while record.goes_on() {
                record.samples.push(1);
            }
            assert_eq!(record.samples.len(), taken);
        }
    }
}
