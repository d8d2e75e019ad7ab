//! The models that are loaded, by the ids that `load` gave them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use super::split::Ways;
use crate::error::{Error, Result};
use crate::files;
use crate::model::Model;
use crate::preprocess::Preprocess;
use crate::protocol::{LoadArgs, Loaded, Nothing, UnloadArgs};
use crate::runtime::{Library, Options, Provider, Runner, Source};

/// A model in memory, with all that is needed to load it again.
pub struct Entry {
    /// What the file says of itself.
    pub model: Model,
    /// The session.
    pub runner: Runner,
    /// As asked.
    pub provider: Provider,
    /// In force.
    pub options: Options,
    /// The last session with additional outputs. Only one: each holds all the weights once more.
    pub probe: Option<(Vec<String>, Runner)>,
}

/// Loaded models.
#[derive(Default)]
pub struct Models {
    entries: BTreeMap<String, Entry>,
    count: usize,
}

impl Models {
    /// Answers `load`.
    pub fn load(&mut self, asked: &LoadArgs, source: &Source, threads: Option<usize>, ways: Ways) -> Result<Loaded> {
        Library::open(source)?;
        let provider = Provider::named(&asked.provider)?;
        let mut options = Options::with_threads(threads);
        options.apply(&asked.options)?;
        let model = Model::open(&PathBuf::from(&asked.model))?;
        let model_sha256 = files::sha256(&model.path)?;
        let start = Instant::now();
        let mut runner = Runner::load(&model.path, provider, &options)?;
        let ns = start.elapsed().as_nanos() as u64;
        ways.in_force(&mut runner.options);
        self.count += 1;
        let id = format!("m{}", self.count);
        let loaded = Loaded {
            id: id.clone(),
            providers: vec![provider.name().to_owned()],
            // The C API cannot say; with CUDA, falling back is disabled, so that no node is anywhere else.
            placement: None,
            options: runner.options.clone(),
            inputs: runner.inputs.clone(),
            outputs: runner.outputs.clone(),
            classes: model.classes.clone(),
            model_sha256,
            ns,
        };
        self.entries.insert(id, Entry { model, runner, provider, options, probe: None });
        Ok(loaded)
    }

    /// A loaded model.
    pub fn get(&mut self, id: &str) -> Result<&mut Entry> {
        let known = self.entries.keys().cloned().collect::<Vec<_>>().join(", ");
        self.entries.get_mut(id).ok_or_else(|| unknown(id, &known))
    }

    /// Answers `unload`.
    pub fn unload(&mut self, asked: &UnloadArgs) -> Result<Nothing> {
        self.get(&asked.id)?;
        self.entries.remove(&asked.id);
        Ok(Nothing {})
    }
}

impl Entry {
    /// How images become this model's tensor.
    pub fn preprocess(&self) -> Result<Preprocess> {
        Ok(Preprocess::new(self.model.need_spec()?))
    }

    /// A session that returns these values: the model's own, or one with more outputs.
    pub fn runner_for(&mut self, names: &[String]) -> Result<&mut Runner> {
        let own = |name: &String| self.runner.outputs.iter().any(|output| output.name == *name);
        let more: Vec<String> = names.iter().filter(|name| !own(name)).cloned().collect();
        if more.is_empty() {
            return Ok(&mut self.runner);
        }
        if let Some(name) = more.iter().find(|name| !self.model.description.values.contains(name)) {
            let next = "ask for an output of the model or of one of its nodes (`infer-rs info` shows the graph's outputs)";
            return Err(Error::usage(format!("the graph has no value '{name}'"), self.model.path.display(), next));
        }
        let probe = match self.probe.take() {
            Some((present, probe)) if present == more => probe,
            _ => {
                let names: Vec<&str> = more.iter().map(String::as_str).collect();
                Runner::with_outputs(&self.model.path, self.provider, &self.options, &names)?
            }
        };
        Ok(&mut self.probe.insert((more, probe)).1)
    }
}

fn unknown(id: &str, known: &str) -> Error {
    let known = if known.is_empty() { "none" } else { known };
    Error::usage(format!("no model '{id}' is loaded"), "request.id", format!("load one first; loaded: {known}"))
}
