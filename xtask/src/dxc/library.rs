//! Microsoft's compiler as a shared library on Linux: two interfaces of COM, by their tables of functions.
#![expect(unsafe_code, reason = "the compiler is a library with a C++ interface")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::{NonNull, null_mut};

use crate::Result;

#[repr(C)]
struct Guid(u32, u16, u16, [u8; 8]);

/// `CLSID_DxcCompiler`
const COMPILER: Guid = Guid(0x73e2_2d93, 0xe6ce, 0x47f3, [0xb5, 0xbf, 0xf0, 0x66, 0x4f, 0x39, 0xc1, 0xb0]);
/// `IDxcCompiler3`
const COMPILER3: Guid = Guid(0x228b_4687, 0x5a6a, 0x4730, [0x90, 0x0c, 0x97, 0x02, 0xb2, 0x20, 0x3f, 0x54]);
/// `IDxcResult`
const RESULT: Guid = Guid(0x5834_6cda, 0xdde7, 0x4497, [0x94, 0x61, 0x6f, 0x87, 0xaf, 0x5e, 0x06, 0x59]);
/// `DXC_CP_UTF8`
const UTF8: u32 = 65001;

/// Where an interface's own functions begin in its table: behind those of `IUnknown`, which outside of Windows has a
/// virtual destructor, and so two entries for it.
const OWN: usize = 5;
const RELEASE: usize = 2;

type Create = unsafe extern "C" fn(*const Guid, *const Guid, *mut *mut c_void) -> i32;
type Release = unsafe extern "C" fn(*mut c_void) -> u32;
type Compile = unsafe extern "C" fn(
    *mut c_void,
    *const Buffer,
    *const *const c_int,
    u32,
    *mut c_void,
    *const Guid,
    *mut *mut c_void,
) -> i32;
type Status = unsafe extern "C" fn(*mut c_void, *mut i32) -> i32;
type Errors = unsafe extern "C" fn(*mut c_void, *mut *mut c_void) -> i32;
type Pointer = unsafe extern "C" fn(*mut c_void) -> *const u8;
type Size = unsafe extern "C" fn(*mut c_void) -> usize;

/// `DxcBuffer`
#[repr(C)]
struct Buffer {
    text: *const u8,
    size: usize,
    encoding: u32,
}

/// The library, which stays loaded.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    create: Create,
}

/// An object of the library, released at the end.
struct Object(NonNull<c_void>);

/// A compiler, for one thread.
pub(crate) struct Compiler(Object);

impl Library {
    /// Loads the library. Not in a process that opens an adapter: its LLVM and that of Mesa's drivers do not get along.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let name = CString::new(path.as_os_str().as_bytes())?;
        // SAFETY: `name` is a string of C; the library's initialisers are trusted as its compiler is.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(format!("{} cannot be loaded: {}", path.display(), last_error()).into());
        }
        // SAFETY: `handle` is that of a loaded library.
        let create = unsafe { libc::dlsym(handle, c"DxcCreateInstance".as_ptr()) };
        if create.is_null() {
            return Err(format!("{} is not Microsoft's compiler: {}", path.display(), last_error()).into());
        }
        // SAFETY: this is the type of `DxcCreateInstance` in Microsoft's dxcapi.h; the library is never unloaded.
        Ok(Library { create: unsafe { std::mem::transmute::<*mut c_void, Create>(create) } })
    }

    /// A compiler of its own for a thread.
    pub(crate) fn compiler(self) -> Result<Compiler> {
        let mut object = null_mut();
        // SAFETY: the identifiers are those of dxcapi.h, and the result has a place.
        let code = unsafe { (self.create)(&COMPILER, &COMPILER3, &mut object) };
        match NonNull::new(object) {
            Some(object) if code == 0 => Ok(Compiler(Object(object))),
            _ => Err(format!("DxcCreateInstance failed ({code:#010x})").into()),
        }
    }
}

impl Compiler {
    /// What the compiler says of a text under these arguments: nothing where it takes it.
    pub(crate) fn refusal(&self, text: &str, arguments: &[&str]) -> Option<String> {
        let wide: Vec<Vec<c_int>> = arguments
            .iter()
            .map(|argument| argument.chars().map(|c| c as c_int).chain(std::iter::once(0)).collect())
            .collect();
        let pointers: Vec<*const c_int> = wide.iter().map(|argument| argument.as_ptr()).collect();
        let buffer = Buffer { text: text.as_ptr(), size: text.len(), encoding: UTF8 };
        let mut result = null_mut();
        // SAFETY: `IDxcCompiler3::Compile` is its interface's first function; all that it reads outlives the call.
        let code = unsafe {
            let compile: Compile = self.0.function(OWN);
            let count = pointers.len() as u32;
            compile(self.0.0.as_ptr(), &buffer, pointers.as_ptr(), count, null_mut(), &RESULT, &mut result)
        };
        let Some(result) = NonNull::new(result).map(Object).filter(|_| code == 0) else {
            return Some(format!("IDxcCompiler3::Compile failed ({code:#010x})"));
        };
        let mut status = -1;
        // SAFETY: `GetStatus` is the first function of `IDxcOperationResult`, which `IDxcResult` begins with.
        unsafe {
            let get: Status = result.function(OWN);
            get(result.0.as_ptr(), &mut status);
        }
        let words = result.errors();
        match (status, words.trim()) {
            (0, "") => None,
            (_, "") => Some(format!("failed without a word ({status:#010x})")),
            (_, words) => Some(words.to_owned()),
        }
    }
}

impl Object {
    /// A function of the object's table.
    ///
    /// # Safety
    /// `F` is the type of the function at `at`.
    unsafe fn function<F: Copy>(&self, at: usize) -> F {
        // SAFETY: an object of C++ begins with a pointer to its table, whose entries are as wide as pointers.
        unsafe {
            let table: *const *const c_void = self.0.cast().read();
            table.add(at).cast::<F>().read()
        }
    }

    /// What a result says went wrong.
    fn errors(&self) -> String {
        let mut blob = null_mut();
        // SAFETY: `GetErrorBuffer` is the third function of `IDxcOperationResult`.
        unsafe {
            let get: Errors = self.function(OWN + 2);
            get(self.0.as_ptr(), &mut blob);
        }
        let Some(blob) = NonNull::new(blob).map(Object) else { return String::new() };
        // SAFETY: `GetBufferPointer` and `GetBufferSize` are the functions of `IDxcBlob`; the bytes live as it does.
        let bytes = unsafe {
            let pointer: Pointer = blob.function(OWN);
            let size: Size = blob.function(OWN + 1);
            match (pointer(blob.0.as_ptr()), size(blob.0.as_ptr())) {
                (pointer, size) if pointer.is_null() || size == 0 => &[][..],
                (pointer, size) => std::slice::from_raw_parts(pointer, size),
            }
        };
        String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: `Release` is the third function of every interface, and this is the object's only owner.
        unsafe {
            let release: Release = self.function(RELEASE);
            release(self.0.as_ptr());
        }
    }
}

fn last_error() -> String {
    // SAFETY: what `dlerror` returns is null or a string of C, valid until the thread's next call of its kind.
    unsafe {
        let words: *mut c_char = libc::dlerror();
        if words.is_null() {
            "no reason given".to_owned()
        } else {
            CStr::from_ptr(words).to_string_lossy().into_owned()
        }
    }
}
