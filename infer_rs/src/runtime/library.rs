//! The one ONNX Runtime library of this process.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider as _};

use crate::error::{Error, Kind, Result};
use crate::runtime::wheel;
use crate::{ffi, files};

/// Where the library is, and what must be loaded before it.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The library; none for that of the onnxruntime wheel beside this program.
    pub library: Option<PathBuf>,
    /// CUDA's libraries, in the order in which they need each other.
    pub preload: Vec<PathBuf>,
}

/// A library that is open, with what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Its file, links followed.
    pub path: PathBuf,
    /// Of the file.
    pub sha256: String,
    /// Such as `1.31.1`.
    pub version: String,
    /// Of its source, from its build information.
    pub commit: Option<String>,
}

static OPEN: Mutex<Option<Library>> = Mutex::new(None);

impl Library {
    /// Opens the library, or returns the one that is open already. Another one than that is an error: `ort` would ignore it silently.
    pub fn open(source: &Source) -> Result<Self> {
        const NEXT: &str = "pass --ort-lib PATH or set ORT_DYLIB_PATH: the onnxruntime wheel has it as capi/libonnxruntime.so.*; \
                            or install that wheel in the Python environment of infer-rs";
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let beside = if source.library.is_none() { wheel::library()? } else { None };
        let Some(path) = source.library.as_ref().or(beside.as_ref()) else {
            let what = "no ONNX Runtime library was named, and no onnxruntime wheel is installed beside infer-rs";
            return Err(Error::environment(what, "", NEXT));
        };
        // Links are followed, because ONNX Runtime looks for its providers beside the path that it was opened by.
        let path = path.canonicalize().map_err(|fault| Error::environment(format!("no such library: {fault}"), path.display(), NEXT))?;
        if let Some(library) = open.as_ref() {
            if library.path == path {
                return Ok(library.clone());
            }
            let what = format!("{} is open already, and a process can have only one ONNX Runtime", library.path.display());
            return Err(Error::environment(what, path.display(), "start a process for each library"));
        }
        let library = Self::load(path, &source.preload)?;
        *open = Some(library.clone());
        Ok(library)
    }

    fn load(path: PathBuf, preload: &[PathBuf]) -> Result<Self> {
        for dependency in preload {
            ort::util::preload_dylib(dependency.as_path()).map_err(|fault| {
                let next = "check the --preload list: each library must be there, after those that it needs";
                Error::environment(format!("cannot be loaded: {fault}"), dependency.display(), next)
            })?;
        }
        let place = path.display().to_string();
        let next = "name the libonnxruntime of an onnxruntime wheel, version 1.20 or newer";
        let builder = ort::init_from(&path).map_err(|fault| Error::environment(fault, &place, next))?;
        builder.with_name("infer-rs").with_telemetry(false).commit();
        let environment = Environment::current().map_err(|fault| Error::onnxruntime(Kind::Environment, &fault, &place, next))?;
        // Never released: with CUDA, releasing it at exit can abort the process after a correct run (pykeio/ort#609).
        std::mem::forget(environment);
        let version = ffi::onnxruntime_version(&path).map_err(|fault| Error::environment(fault, &place, next))?;
        Ok(Self { sha256: files::sha256(&path)?, version, commit: commit(ort::info()), path })
    }

    /// Execution providers that this process could use, best first.
    pub fn providers(&self) -> Vec<String> {
        let mut providers = vec!["cpu".to_owned()];
        if cuda_works() {
            providers.insert(0, "cuda".to_owned());
        }
        providers
    }
}

/// A library can have the CUDA provider on a machine without a GPU; only registering it tells.
fn cuda_works() -> bool {
    let cuda = ep::CUDA::default();
    let registers = || -> ort::Result<()> {
        ort::session::Session::builder()?.with_execution_providers([cuda.clone().build().error_on_failure()])?;
        Ok(())
    };
    cuda.is_available().unwrap_or(false) && registers().is_ok()
}

fn commit(info: &str) -> Option<String> {
    let rest = info.split_once("git-commit-id=")?.1;
    let commit: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    (!commit.is_empty()).then_some(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_is_taken_from_the_build_information() {
        let info = "ORT Build Info: git-branch=HEAD, git-commit-id=6af1a932e, build type=Release, cmake cxx flags: x";
        assert_eq!(commit(info).as_deref(), Some("6af1a932e"));
        assert_eq!(commit("ORT Build Info: git-branch=, git-commit-id=, build type=Release"), None);
        assert_eq!(commit(""), None);
    }

    #[test]
    fn a_library_that_is_not_named_or_not_there_is_the_environments_fault() {
        assert_eq!(Library::open(&Source::default()).unwrap_err().exit_code(), 3);
        let source = Source { library: Some("/nowhere/libonnxruntime.so".into()), preload: vec![] };
        let error = Library::open(&source).unwrap_err();
        assert!(error.to_string().contains("/nowhere") && error.next.contains("--ort-lib"));
    }
}
