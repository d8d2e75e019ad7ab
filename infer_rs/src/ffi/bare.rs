//! ONNX Runtime's C function `Run` with nothing around it: what every other way of calling a session is compared with.

use std::ffi::{CStr, CString, c_char};
use std::marker::PhantomData;
use std::ptr;

use ort::AsPointer as _;
use ort::session::Session;
use ort::sys;
use ort::value::{DynValue, Tensor};

/// A call that is ready but for being made: names as C wants them, and both values made beforehand.
#[derive(Debug)]
pub struct Bare<'a> {
    session: *mut sys::OrtSession,
    names: [*const c_char; 2],
    input: *const sys::OrtValue,
    output: *mut sys::OrtValue,
    borrowed: PhantomData<(&'a mut Session, &'a CStr, &'a DynValue, &'a mut Tensor<f32>)>,
}

/// The names of a model's input and of the output that is asked for.
#[derive(Debug)]
pub struct Names {
    input: CString,
    output: CString,
}

impl Names {
    /// None where a name has a zero inside, which C could not tell from its end.
    pub fn new(input: &str, output: &str) -> Option<Self> {
        Some(Self { input: CString::new(input).ok()?, output: CString::new(output).ok()? })
    }
}

impl<'a> Bare<'a> {
    /// A call of `session` that reads `input` and writes `output`; it holds on to all of them.
    pub fn new(session: &'a mut Session, names: &'a Names, input: &'a DynValue, output: &'a mut Tensor<f32>) -> Self {
        Self {
            session: session.ptr_mut(),
            names: [names.input.as_ptr(), names.output.as_ptr()],
            input: input.ptr(),
            output: output.ptr_mut(),
            borrowed: PhantomData,
        }
    }

    /// The call, into the output that was given.
    pub fn run(&mut self) -> ort::Result<()> {
        let mut output = self.output;
        self.call(&mut output)
    }

    /// The call, into an output that ONNX Runtime allocates, and that is released at once.
    pub fn run_allocating(&mut self) -> ort::Result<()> {
        let mut output = ptr::null_mut();
        self.call(&mut output)?;
        // Sound: a call that succeeded has made this value, and nobody else has it.
        unsafe { (ort::api().ReleaseValue)(output) };
        Ok(())
    }

    fn call(&mut self, output: &mut *mut sys::OrtValue) -> ort::Result<()> {
        // Sound: session, names and values are borrowed for as long as this call may be made, the session by nobody else; there is one of
        // each, as the lengths say; `output` is null or a value of the session's own, which ONNX Runtime checks the type and shape of.
        // The status is looked at, and freed, by the function that `ort` has for it.
        unsafe {
            ort::Error::result_from_status((ort::api().Run)(
                self.session,
                ptr::null(),
                &raw const self.names[0],
                &raw const self.input,
                1,
                &raw const self.names[1],
                1,
                output,
            ))
        }
    }
}
