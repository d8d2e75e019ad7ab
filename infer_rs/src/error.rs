//! One error type: what happened, where, and the next step; its kind decides the exit code.

use std::fmt::Display;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Who has to act on an error (bench/PROTOCOL.md, "Envelope").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// This runtime has no such verb or scenario.
    Unsupported,
    /// The request is wrong.
    Usage,
    /// The machine lacks something: a library, a provider, room on the disk.
    Environment,
    /// A file is not what it should be.
    Data,
    /// A bug in this program.
    Internal,
}

/// An error as users and the protocol see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{separator}{what}\n  next: {next}", separator = if place.is_empty() { "" } else { ": " })]
pub struct Error {
    /// Who has to act.
    pub kind: Kind,
    /// What happened.
    pub what: String,
    /// The file, field or model concerned.
    pub place: String,
    /// What to do about it.
    pub next: String,
}

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A wrong request.
    pub fn usage(what: impl Display, place: impl Display, next: impl Display) -> Self {
        Self::new(Kind::Usage, what, place, next)
    }

    /// Something that the machine lacks.
    pub fn environment(what: impl Display, place: impl Display, next: impl Display) -> Self {
        Self::new(Kind::Environment, what, place, next)
    }

    /// A bad file.
    pub fn data(what: impl Display, place: impl Display, next: impl Display) -> Self {
        Self::new(Kind::Data, what, place, next)
    }

    /// A verb or scenario that this runtime lacks.
    pub fn unsupported(what: impl Display, place: impl Display, next: impl Display) -> Self {
        Self::new(Kind::Unsupported, what, place, next)
    }

    /// A bug.
    pub fn internal(what: impl Display, place: impl Display) -> Self {
        Self::new(Kind::Internal, what, place, "this is a bug in infer-rs: report it with this text")
    }

    /// A file that cannot be read: bad data when its name leads to none, the environment's fault otherwise.
    pub fn reading(path: &Path, fault: &std::io::Error) -> Self {
        let kind = match fault.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename | ErrorKind::InvalidInput => Kind::Data,
            _ => Kind::Environment,
        };
        Self::new(kind, format!("cannot be read: {fault}"), path.display(), "check the path and its permissions")
    }

    /// A file that cannot be written.
    pub fn writing(path: &Path, fault: &std::io::Error) -> Self {
        let next = "check that the folder exists, may be written to, and has room";
        Self::environment(format!("cannot be written: {fault}"), path.display(), next)
    }

    /// What ONNX Runtime said.
    pub fn onnxruntime(kind: Kind, fault: &ort::Error, place: impl Display, next: impl Display) -> Self {
        Self::new(kind, format!("ONNX Runtime: {}", fault.message().trim()), place, next)
    }

    /// The process's exit code (DESIGN.md: the same for every step).
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Unsupported | Kind::Usage | Kind::Internal => 2,
            Kind::Environment => 3,
            Kind::Data => 4,
        }
    }

    fn new(kind: Kind, what: impl Display, place: impl Display, next: impl Display) -> Self {
        Self { kind, what: what.to_string(), place: place.to_string(), next: next.to_string() }
    }
}

/// Does the work; a panic in it becomes an internal error, so that one bug costs one request, and the program keeps its exit codes.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
        Err(Error::internal(format!("panicked: {text}"), "infer-rs"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_says_where_what_and_the_next_step() {
        let error = Error::data("not an image", "a.jpg", "remove it");
        assert_eq!(error.to_string(), "a.jpg: not an image\n  next: remove it");
        assert_eq!(Error::usage("no", "", "yes").to_string(), "no\n  next: yes");
    }

    #[test]
    fn kinds_have_the_exit_codes_of_the_design() {
        let codes = [Error::usage("", "", ""), Error::environment("", "", ""), Error::data("", "", "")];
        assert_eq!(codes.map(|error| error.exit_code()), [2, 3, 4]);
    }

    #[test]
    fn a_missing_file_is_bad_data_and_a_forbidden_one_is_the_environment() {
        let path = Path::new("x");
        assert_eq!(Error::reading(path, &ErrorKind::NotFound.into()).kind, Kind::Data);
        assert_eq!(Error::reading(path, &ErrorKind::InvalidFilename.into()).kind, Kind::Data);
        assert_eq!(Error::reading(path, &ErrorKind::PermissionDenied.into()).kind, Kind::Environment);
    }

    #[test]
    fn a_panic_is_an_internal_error_with_its_text() {
        assert_eq!(guarded(|| Ok(7)).unwrap(), 7);
        let error = guarded::<()>(|| panic!("row {} of 3", 4)).unwrap_err();
        assert_eq!((error.kind, error.what.as_str(), error.exit_code()), (Kind::Internal, "panicked: row 4 of 3", 2));
        assert!(guarded::<()>(|| panic!("no")).unwrap_err().what.ends_with("no"));
    }
}
