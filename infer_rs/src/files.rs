//! Reading, hashing and writing files, with errors that name them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// A file to read. Anything else that has a path, such as a folder, a pipe or a device without an end, is a data error.
pub fn open(path: &Path) -> Result<File> {
    let failed = |fault: io::Error| Error::reading(path, &fault);
    // Before opening: that alone would wait for the other end of a pipe.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::data("not a file", path.display(), "give the path of a file"));
    }
    File::open(path).map_err(failed)
}

/// The whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|fault| Error::reading(path, &fault))?;
    Ok(bytes)
}

/// How many bytes a file has.
pub fn length(path: &Path) -> Result<u64> {
    Ok(open(path)?.metadata().map_err(|fault| Error::reading(path, &fault))?.len())
}

/// Hex sha256 of a file, read in blocks.
pub fn sha256(path: &Path) -> Result<String> {
    let failed = |fault: io::Error| Error::reading(path, &fault);
    let mut file = open(path)?;
    let mut sum = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block).map_err(failed)? {
            0 => return Ok(hex(&sum.finalize())),
            count => sum.update(&block[..count]),
        }
    }
}

/// Hex sha256 of bytes.
pub fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Writes a file beside its place and renames it there, so that no reader ever sees half of it.
pub fn write_atomically(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    write_whole(path, fill, true)
}

/// The same for what is read at once and never again: nobody waits for the disk.
pub fn hand_over(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    write_whole(path, fill, false)
}

fn write_whole(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>, lasting: bool) -> Result<()> {
    let failed = |fault: io::Error| Error::writing(path, &fault);
    let name = path.file_name().ok_or_else(|| Error::usage("not a file name", path.display(), "name a file to write"))?;
    let temporary = path.with_file_name(format!(".tmp-{}-{}", std::process::id(), name.to_string_lossy()));
    let write = || {
        let mut file = BufWriter::new(File::create(&temporary)?);
        fill(&mut file)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        if lasting {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    };
    write().map_err(|fault| {
        // What is left of it is of no use; that it may not be there at all is no second error.
        let _ = fs::remove_file(&temporary);
        failed(fault)
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hashes_are_sha256() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        write_atomically(&path, |file| file.write_all(b"abc")).unwrap();
        assert_eq!(sha256_of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sha256(&path).unwrap(), sha256_of(b"abc"));
    }

    #[test]
    fn what_is_no_file_is_a_data_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "").unwrap();
        let long = folder.path().join("n".repeat(300));
        let others = [folder.path().to_owned(), folder.path().join("none"), file.join("below"), long];
        for path in others.iter().map(std::path::PathBuf::as_path).chain(cfg!(unix).then_some(Path::new("/dev/zero"))) {
            assert_eq!(read(path).unwrap_err().exit_code(), 4, "{}", path.display());
            assert_eq!(sha256(path).unwrap_err().exit_code(), 4, "{}", path.display());
        }
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomically(&folder.path().join("x"), |_| Err(io::Error::other("full"))).unwrap_err();
        assert!(error.what.contains("full"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
