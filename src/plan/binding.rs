//! What a caller may give for a buffer: all of it, or a range.

/// A buffer, or a range of one, as [`Buffers`](super::Buffers) and the reading methods take it:
///
/// - `&wgpu::Buffer`: all of it;
/// - `wgpu::BufferBinding`: `size` bytes from `offset` on, or all the rest. The offset is a multiple of the device's
///   `min_storage_buffer_offset_alignment`;
/// - an `Option` of these, for what may not be there. What a plan needs and does not get is an error.
///
/// ```no_run
/// use gpu_loss::{Buffers, wgpu};
/// # fn example(arena: &wgpu::Buffer, labels: &wgpu::Buffer) {
/// let size = wgpu::BufferSize::new(4096);
/// let buffers = Buffers::new(wgpu::BufferBinding { buffer: arena, offset: 256, size }, labels);
/// # }
/// ```
pub trait Binding<'a>: sealed::Sealed<'a> {}

/// A range of a buffer, which unlike wgpu's can be copied.
#[derive(Debug, Clone, Copy)]
pub struct Region<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    pub(crate) offset: u64,
    /// How many bytes; to the end of the buffer if absent.
    pub(crate) size: Option<u64>,
}

impl<'a> Region<'a> {
    pub(crate) fn new(buffer: &'a wgpu::Buffer, offset: u64, size: u64) -> Self {
        Region { buffer, offset, size: Some(size) }
    }

    /// What of it begins so many bytes further on; nothing behind its end.
    pub(crate) fn further_on(self, bytes: u64) -> Self {
        Region {
            offset: self.offset.saturating_add(bytes),
            size: self.size.map(|size| size.saturating_sub(bytes)),
            ..self
        }
    }

    /// How many bytes there are, or what is wrong with the range.
    pub(crate) fn bytes(&self) -> Result<u64, String> {
        let all = self.buffer.size();
        let room = all.saturating_sub(self.offset);
        let size = self.size.unwrap_or(room);
        if size > room {
            return Err(format!("{size} bytes from offset {} do not fit its {all} bytes", self.offset));
        }
        Ok(size)
    }
}

impl<'a> From<&'a wgpu::Buffer> for Region<'a> {
    fn from(buffer: &'a wgpu::Buffer) -> Self {
        Region { buffer, offset: 0, size: None }
    }
}

mod sealed {
    use super::Region;

    pub trait Sealed<'a> {
        fn region(self) -> Option<Region<'a>>;
    }

    impl<'a> Sealed<'a> for Region<'a> {
        fn region(self) -> Option<Region<'a>> {
            Some(self)
        }
    }

    impl<'a> Sealed<'a> for &'a wgpu::Buffer {
        fn region(self) -> Option<Region<'a>> {
            Some(self.into())
        }
    }

    impl<'a> Sealed<'a> for wgpu::BufferBinding<'a> {
        fn region(self) -> Option<Region<'a>> {
            let wgpu::BufferBinding { buffer, offset, size } = self;
            Some(Region { buffer, offset, size: size.map(wgpu::BufferSize::get) })
        }
    }

    impl<'a, B: Sealed<'a>> Sealed<'a> for Option<B> {
        fn region(self) -> Option<Region<'a>> {
            self.and_then(Sealed::region)
        }
    }
}

impl<'a> Binding<'a> for Region<'a> {}
impl<'a> Binding<'a> for &'a wgpu::Buffer {}
impl<'a> Binding<'a> for wgpu::BufferBinding<'a> {}
impl<'a, B: Binding<'a>> Binding<'a> for Option<B> {}

/// The setters of a struct of buffers: each takes whatever can be bound, and keeps it as a [`Region`].
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: impl Binding<'a>) -> Self {
            self.$name = $name.region();
            self
        }
    )*};
}
pub(crate) use setters;
