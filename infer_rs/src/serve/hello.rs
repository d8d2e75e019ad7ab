//! The receipt: what this runner is, said by what is really loaded.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::protocol::{HelloArgs, PROTOCOL, Receipt};
use crate::runtime::{Library, Source};
use crate::{image, machine, process};

/// Hash of the sources that this binary was built from (build.rs).
pub const SOURCE: &str = env!("CONCORD_SOURCE");

/// The exact version that Cargo.toml asks for.
pub const ORT_CRATE: &str = "2.0.0-rc.13";

/// Answers `hello`.
pub fn receipt(asked: &HelloArgs, source: &Source) -> Result<Receipt> {
    if asked.protocol != PROTOCOL {
        let what = format!("asked for protocol {}, this runner speaks {PROTOCOL}", asked.protocol);
        return Err(Error::usage(what, "request.hello.protocol", "use the runner and the bench of one checkout"));
    }
    let library = Library::open(source)?;
    let packages = [("ort", ORT_CRATE), ("infer-rs", env!("CARGO_PKG_VERSION"))];
    Ok(Receipt {
        protocol: PROTOCOL,
        runtime: "ort-rust".into(),
        providers: library.providers(),
        library: library.path.display().to_string(),
        version: library.version,
        commit: library.commit,
        library_sha256: library.sha256,
        source: SOURCE.into(),
        build: process::BUILD.into(),
        threads: machine::usable_threads(),
        jpeg: image::JPEG_DECODER.into(),
        jpeg_simd: Some(image::jpeg_has_simd()),
        cpu_flags: machine::cpu_flags(),
        process: process::facts(ort::info()),
        packages: packages.into_iter().map(|(name, version)| (name.to_owned(), version.to_owned())).collect::<BTreeMap<_, _>>(),
        pid: std::process::id(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_ort_is_the_one_in_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"ort\"\nversion = \"{ORT_CRATE}\"")));
    }
}
