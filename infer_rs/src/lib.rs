//! Concord's Rust runtime: from an image file to a label, with Pillow's pixels and Python's ONNX Runtime.
//!
//! `image` decodes, `resize` and `preprocess` make the tensor that the model's own metadata (`onnx`, `spec`) asks for, `runtime`
//! executes it, and `serve` speaks bench/PROTOCOL.md.

pub mod cli;
pub mod commands;
pub mod error;
pub mod ffi;
pub mod files;
pub mod geometry;
pub mod image;
pub mod machine;
pub mod model;
pub mod npy;
pub mod onnx;
pub mod overhead;
pub mod preprocess;
pub mod printable;
pub mod process;
pub mod protocol;
pub mod resize;
pub mod runtime;
pub mod serve;
pub mod spec;
pub mod table;

pub use error::{Error, Kind, Result};
