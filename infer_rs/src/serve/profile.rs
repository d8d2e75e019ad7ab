//! `profile`: time per node, in a session of its own that is thrown away.

use std::path::PathBuf;
use std::time::Instant;

use super::models::Models;
use super::predict::Tensor;
use crate::error::{Error, Result};
use crate::files;
use crate::protocol::{ProfileArgs, Profiled};
use crate::runtime::{Runner, profile};

/// Answers `profile`.
pub fn profile(models: &mut Models, asked: &ProfileArgs) -> Result<Profiled> {
    let entry = models.get(&asked.id)?;
    if asked.repeats == 0 {
        return Err(Error::usage("at least one repeat is needed", "request.profile.repeats", "ask for 1 or more"));
    }
    let tensor = Tensor::read(&asked.tensor)?;
    entry.runner.check(asked.batch, asked.batch, &tensor.shape[1..])?;
    let size = asked.batch * tensor.image_size();
    let batch = tensor.values.get(..size).ok_or_else(|| {
        let what = format!("{} images are fewer than a batch of {}", tensor.shape[0], asked.batch);
        Error::usage(what, &asked.tensor, "give as many images as a batch has")
    })?;
    let mut shape = tensor.shape;
    shape[0] = asked.batch;
    let prefix = std::env::temp_dir().join(format!("concord-profile-{}", std::process::id()));
    let mut runner = Runner::profiling(&entry.model.path, entry.provider, &entry.options, &prefix)?;
    // An error must not leave the records behind: the file exists from the session's first moment on.
    // The first forward allocates, and chooses where its values lie: it is run, and left out.
    let ran = runner.run(batch, shape).map(drop).and_then(|()| {
        let start = Instant::now();
        (0..asked.repeats).try_for_each(|_| runner.run(batch, shape).map(drop))?;
        Ok(start.elapsed().as_nanos() as u64)
    });
    let records = PathBuf::from(runner.end_profiling()?);
    let text = files::read(&records);
    // A leftover in the temporary folder is no reason to lose the answer.
    let _ = std::fs::remove_file(&records);
    profile::summarise(&String::from_utf8_lossy(&text?), ran?)
}
