//! ONNX Runtime: which library is open, how sessions are made, what they answer.

pub mod buffer;
pub mod library;
pub mod options;
pub mod profile;
pub mod session;
pub mod ways;
pub mod wheel;

pub use buffer::Buffer;
pub use library::{Library, Source};
pub use options::Options;
pub use session::{Provider, Runner};
pub use ways::{Way, Ways};
