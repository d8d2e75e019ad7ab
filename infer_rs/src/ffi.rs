//! The only unsafe code: the JPEG shim, libwebp, the file descriptors of `serve`, questions to the C library and the loaded one, and the
//! bare call that `overhead` compares with.
#![allow(unsafe_code, reason = "foreign functions; each block says why it is sound")]

use std::ffi::{CStr, c_char, c_int, c_uchar, c_uint};
use std::fs::File;
use std::io;
use std::path::Path;

use ort::AsPointer as _;
use ort::session::builder::SessionBuilder;

pub mod bare;

/// libjpeg's JMSG_LENGTH_MAX.
const MESSAGE: usize = 200;

unsafe extern "C" {
    fn concord_jpeg_decode(
        data: *const c_uchar,
        size: usize,
        width: c_uint,
        height: c_uint,
        channels: c_int,
        out: *mut c_uchar,
        message: *mut c_char,
    ) -> c_int;
}

/// Tells ONNX Runtime, before it is loaded, not to post from a thread of its own that it runs; what the user has said stands.
///
/// `with_telemetry(false)` comes too late: the library begins when it is opened.
///
/// # Safety
///
/// To be called while this is the only thread: another one may read the environment.
pub(crate) unsafe fn telemetry_off() {
    const DISABLE: &str = "ORT_DISABLE_TELEMETRY";
    if std::env::var_os(DISABLE).is_none() {
        // Sound: the caller says that there is no other thread.
        unsafe { std::env::set_var(DISABLE, "1") };
    }
}

/// Decodes a JPEG file into `height` rows of `width * channels` bytes.
pub fn decode_jpeg(file: &[u8], width: usize, height: usize, channels: usize, out: &mut [u8]) -> Result<(), String> {
    if out.len() != width * height * channels {
        return Err("a buffer of the wrong size for a JPEG".into());
    }
    let mut message = [0; MESSAGE];
    // Sound: `file` and `out` outlive the call, the shim writes `height` rows of `width * channels` bytes at most (it checks the
    // decoder's own width against ours), and libjpeg ends its message with a zero within MESSAGE bytes.
    let result = unsafe {
        concord_jpeg_decode(
            file.as_ptr(),
            file.len(),
            width as c_uint,
            height as c_uint,
            channels as c_int,
            out.as_mut_ptr(),
            message.as_mut_ptr(),
        )
    };
    match result {
        0 => Ok(()),
        1 => {
            let text: Vec<u8> = message.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect();
            Err(format!("broken JPEG data: {}", String::from_utf8_lossy(&text)))
        }
        2 => Err("truncated JPEG: the data end before the last row".into()),
        _ => Err("broken JPEG: the scan is of another size than the headers say".into()),
    }
}

/// Hands width, height and the RGBA pixels of a WebP file's first frame to `take`.
pub fn decode_webp<T>(file: &[u8], take: impl FnOnce(usize, usize, &[u8]) -> T) -> Result<T, String> {
    use libwebp_sys as webp;

    struct Decoder(*mut webp::WebPAnimDecoder);
    impl Drop for Decoder {
        fn drop(&mut self) {
            // Sound: it was made by the constructor below, and is deleted once.
            unsafe { webp::WebPAnimDecoderDelete(self.0) }
        }
    }

    let source = webp::WebPData { bytes: file.as_ptr(), size: file.len() };
    // Sound: the structures are plain data that libwebp fills, `source` and the file outlive the decoder, and a null decoder is never
    // used. The pixels are 4 bytes each, as many as `info` says, and stay until the decoder is asked for more or deleted.
    unsafe {
        let version = webp::WEBP_DEMUX_ABI_VERSION as c_int;
        let decoder = Decoder(webp::WebPAnimDecoderNewInternal(&raw const source, std::ptr::null(), version));
        let mut info: webp::WebPAnimInfo = std::mem::zeroed();
        if decoder.0.is_null() || webp::WebPAnimDecoderGetInfo(decoder.0, &raw mut info) == 0 {
            return Err("broken WebP: its chunks are damaged".into());
        }
        let (mut pixels, mut timestamp) = (std::ptr::null_mut(), 0);
        if webp::WebPAnimDecoderGetNext(decoder.0, &raw mut pixels, &raw mut timestamp) == 0 || pixels.is_null() {
            return Err("broken WebP: its first frame is damaged".into());
        }
        let (width, height) = (info.canvas_width as usize, info.canvas_height as usize);
        Ok(take(width, height, std::slice::from_raw_parts(pixels, 4 * width * height)))
    }
}

/// Moves replies to a duplicate of fd 1 and points fd 1 at stderr: ONNX Runtime prints to stdout.
#[cfg(unix)]
pub fn claim_stdout() -> io::Result<File> {
    use std::os::fd::FromRawFd as _;

    // Sound: plain system calls on descriptors; the duplicate is owned by nobody but the returned file.
    unsafe {
        let replies = libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3);
        if replies < 0 || libc::dup2(2, 1) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(File::from_raw_fd(replies))
    }
}

/// Where descriptors cannot be moved, replies share stdout.
#[cfg(not(unix))]
pub fn claim_stdout() -> io::Result<File> {
    use std::os::windows::io::{AsHandle as _, OwnedHandle};

    let handle: OwnedHandle = io::stdout().as_handle().try_clone_to_owned()?;
    Ok(File::from(handle))
}

/// Asks Linux to kill this process when its parent dies, so that no runner outlives a crashed bench.
pub fn die_with_parent() {
    #[cfg(target_os = "linux")]
    // Sound: sets a flag of this process. It cannot fail with a valid signal.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// The version that a loaded ONNX Runtime says of itself. `ort` asks for it, too, but keeps the answer to itself.
pub fn onnxruntime_version(path: &Path) -> Result<String, libloading::Error> {
    // Sound: `ort` has this library open and has checked that it is an ONNX Runtime with this entry point, whose C signature is fixed;
    // the version is a static string. Opening it again only counts a reference.
    unsafe {
        let library = libloading::Library::new(path)?;
        let base: libloading::Symbol<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase> = library.get(b"OrtGetApiBase")?;
        let version = ((*base()).GetVersionString)();
        Ok(CStr::from_ptr(version).to_string_lossy().into_owned())
    }
}

/// What the options of a session say of a configuration entry: `ort` can set entries, but not read them.
pub fn config_entry(options: &SessionBuilder, key: &CStr) -> ort::Result<String> {
    let mut value: [c_char; 64] = [0; 64];
    let mut size = value.len();
    // Sound: the builder and both buffers outlive the call, ONNX Runtime writes a string with its zero and at most `size` bytes of it
    // (a longer one is an error), and the status is handed over once.
    unsafe {
        let status = (ort::api().GetSessionConfigEntry)(options.ptr(), key.as_ptr(), value.as_mut_ptr(), &raw mut size);
        ort::Error::result_from_status(status)?;
        Ok(CStr::from_ptr(value.as_ptr()).to_string_lossy().into_owned())
    }
}

/// The CPUs that this thread may run on, sorted; none where the system does not say.
pub fn affinity() -> Option<Vec<usize>> {
    #[cfg(target_os = "linux")]
    // Sound: the set is plain data of the size that is passed, and CPU_ISSET is asked for numbers below that size only.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let found = libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) == 0;
        found.then(|| (0..libc::CPU_SETSIZE as usize).filter(|cpu| libc::CPU_ISSET(*cpu, &set)).collect())
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}

/// Where `malloc` is, looked up as every library of this process looks it up; none where there is no /proc to look for it in.
pub fn malloc_address() -> Option<usize> {
    #[cfg(target_os = "linux")]
    // Sound: a name with its zero; the answer is only compared with other addresses.
    unsafe {
        let address = libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr()) as usize;
        (address != 0).then_some(address)
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}

/// Such as `2.36`.
pub fn glibc_version() -> Option<String> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // Sound: a static string.
    unsafe {
        Some(CStr::from_ptr(libc::gnu_get_libc_version()).to_string_lossy().into_owned())
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        None
    }
}

/// The grain of the clock that `std::time::Instant` reads; none where the system does not say.
pub fn timer_resolution_ns() -> Option<usize> {
    #[cfg(target_os = "linux")]
    // Sound: the structure is filled by the call, and only read when it succeeded.
    unsafe {
        let mut grain: libc::timespec = std::mem::zeroed();
        let found = libc::clock_getres(libc::CLOCK_MONOTONIC, &raw mut grain) == 0;
        found.then(|| grain.tv_sec as usize * 1_000_000_000 + grain.tv_nsec as usize)
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}
