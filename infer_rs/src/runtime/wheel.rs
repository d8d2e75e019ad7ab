//! Finds the library of the onnxruntime wheel that is installed in the same Python environment as this program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The library that is installed beside this program, or none. Several are an error: a guess would decide what runs.
pub fn library() -> Result<Option<PathBuf>> {
    let Ok(program) = std::env::current_exe() else { return Ok(None) };
    // An environment has its programs in bin, or in Scripts on Windows.
    program.parent().and_then(Path::parent).map_or(Ok(None), one)
}

fn one(environment: &Path) -> Result<Option<PathBuf>> {
    let mut found = libraries(environment);
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
        let what = format!("{} ONNX Runtime libraries are installed beside infer-rs: {}", names.len(), names.join(", "));
        return Err(Error::environment(what, environment.display(), "name one of them with --ort-lib PATH"));
    }
    Ok(found.pop())
}

/// Of every Python in an environment; each file once, because lib64 is a link to lib in most.
fn libraries(environment: &Path) -> Vec<PathBuf> {
    let pythons = ["lib", "lib64"].iter().flat_map(|folder| entries(&environment.join(folder), "python3."));
    let homes = pythons.chain([environment.join("Lib")]);
    let packages = homes.flat_map(|home| ["site-packages", "dist-packages"].map(|name| home.join(name)));
    let wheels = packages.map(|folder| folder.join("onnxruntime").join("capi"));
    let files = wheels.flat_map(|folder| ["libonnxruntime.so.", "libonnxruntime.1.", "onnxruntime.dll"].map(|name| entries(&folder, name)));
    let mut found: Vec<PathBuf> = files.flatten().filter_map(|path| path.canonicalize().ok()).collect();
    found.sort();
    found.dedup();
    found
}

/// Paths in a folder whose name begins so; none where there is no such folder.
fn entries(folder: &Path, start: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok);
    names.filter(|entry| entry.file_name().to_string_lossy().starts_with(start)).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(environment: &Path, place: &str) -> PathBuf {
        let path = environment.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        path.canonicalize().unwrap()
    }

    #[test]
    fn the_library_of_the_wheel_is_found_on_every_system() {
        for place in [
            "lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.31.1",
            "lib/python3.12/dist-packages/onnxruntime/capi/libonnxruntime.so.1.31.1",
            "lib/python3.13/site-packages/onnxruntime/capi/libonnxruntime.1.31.1.dylib",
            "Lib/site-packages/onnxruntime/capi/onnxruntime.dll",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = install(folder.path(), place);
            install(&path.with_file_name(""), "libonnxruntime_providers_shared.so");
            assert_eq!(one(folder.path()).unwrap(), Some(path), "{place}");
        }
    }

    #[test]
    fn an_environment_without_the_wheel_has_none() {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path(), "lib/python3.11/site-packages/numpy/libonnxruntime.so.1");
        assert_eq!(one(folder.path()).unwrap(), None);
        assert_eq!(one(&folder.path().join("none")).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_two_ways_lead_to_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = install(folder.path(), "lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.31.1");
        std::os::unix::fs::symlink("lib", folder.path().join("lib64")).unwrap();
        assert_eq!(one(folder.path()).unwrap(), Some(path));
    }

    #[test]
    fn of_two_none_is_guessed() {
        let folder = tempfile::tempdir().unwrap();
        for python in ["python3.11", "python3.12"] {
            install(folder.path(), &format!("lib/{python}/site-packages/onnxruntime/capi/libonnxruntime.so.1.31.1"));
        }
        let error = one(folder.path()).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.what.contains("python3.11") && error.what.contains("python3.12") && error.next.contains("--ort-lib"));
    }
}
