//! Compiles the JPEG shim, and fixes what a receipt says of this build: the hash of its sources and whether JPEG has SIMD.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo:rustc-env=CONCORD_SOURCE={}", source_hash(&root)?);
    let from_vendor =
        |key| env::var(key).map_err(|_| format!("{key}: turbojpeg-sys has to build its own libjpeg-turbo; unset TURBOJPEG_SOURCE"));
    let include = from_vendor("DEP_TURBOJPEG_INCLUDE")?;
    let includes: Vec<&Path> = include.split(',').map(Path::new).collect();
    cc::Build::new().file("src/image/jpeg_shim.c").includes(&includes).warnings(true).compile("concord_jpeg_shim");
    // After the shim, which needs it: the crate that says so is not named by any Rust code of ours.
    let root = PathBuf::from(from_vendor("DEP_TURBOJPEG_ROOT")?);
    println!("cargo:rustc-link-search=native={}", root.join("lib").display());
    println!("cargo:rustc-link-lib=static=turbojpeg");
    println!("cargo:rustc-env=CONCORD_JPEG_SIMD={}", has_simd(&root.join("lib"))?);
    println!("cargo:rustc-env=CONCORD_JPEG_VERSION={}", jpeg_version(&includes)?);
    Ok(())
}

/// The sum that `contract/artifact.py: source_hash` makes over the same files, so that a stale binary is known.
fn source_hash(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut files = vec!["Cargo.toml".to_owned(), "Cargo.lock".to_owned(), "build.rs".to_owned()];
    list(root, "src", &mut files)?;
    files.sort();
    let mut sum = Sha256::new();
    for name in &files {
        println!("cargo:rerun-if-changed={name}");
        sum.update(name);
        sum.update("\0");
        sum.update(hex(&Sha256::digest(fs::read(root.join(name))?)));
        sum.update("\n");
    }
    Ok(hex(&sum.finalize()))
}

fn list(root: &Path, folder: &str, files: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={folder}");
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(root, &name, files)?;
        } else {
            files.push(name);
        }
    }
    Ok(())
}

/// Whether the very library that is linked holds vector code: its symbol names carry the instruction set.
///
/// The build's cache cannot say it: a missing nasm turns SIMD off in a variable that is not cached.
fn has_simd(folder: &Path) -> Result<bool, Box<dyn Error>> {
    let names = ["libturbojpeg.a", "turbojpeg-static.lib"];
    let library = names.iter().map(|name| folder.join(name)).find(|path| path.exists());
    let bytes = fs::read(library.ok_or("turbojpeg's static library is not where its build script says")?)?;
    let symbols = ["avx2", "sse2", "neon", "altivec", "rvv", "mmi", "dspr2"].map(|set| format!("jsimd_idct_islow_{set}"));
    Ok(symbols.iter().any(|symbol| bytes.windows(symbol.len()).any(|part| part == symbol.as_bytes())))
}

fn jpeg_version(includes: &[&Path]) -> Result<String, Box<dyn Error>> {
    let header = includes.iter().map(|path| path.join("jconfig.h")).find(|path| path.exists());
    let text = fs::read_to_string(header.ok_or("jconfig.h is missing")?)?;
    let version = text.lines().find_map(|line| line.strip_prefix("#define LIBJPEG_TURBO_VERSION "));
    Ok(version.ok_or("jconfig.h names no version")?.trim().to_owned())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
