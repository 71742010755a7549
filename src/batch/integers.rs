//! Labels, list offsets and list indices.

use ndarray::{ArrayBase, ArrayD, ArrayView, ArrayViewD, Data, Dimension, IxDyn};

use super::sealed::Sealed;

/// The integer type of labels, list offsets or list indices on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IntegerType {
    /// 32-bit signed.
    I32,
    /// 64-bit signed, two words.
    #[default]
    I64,
    /// 32-bit unsigned.
    U32,
}

impl IntegerType {
    /// 32-bit words of one integer.
    #[must_use]
    pub fn words(self) -> u32 {
        if self == IntegerType::I64 { 2 } else { 1 }
    }

    /// Whether it has this integer.
    pub(crate) fn holds(self, value: i64) -> bool {
        match self {
            IntegerType::I32 => i32::try_from(value).is_ok(),
            IntegerType::I64 => true,
            IntegerType::U32 => u32::try_from(value).is_ok(),
        }
    }
}

/// Integers as they are held: labels, offsets or indices. Slices, vectors, arrays and views of `i32`, `i64` and `u32` convert.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Integers<'a> {
    /// 32-bit signed.
    I32(ArrayViewD<'a, i32>),
    /// 64-bit signed.
    I64(ArrayViewD<'a, i64>),
    /// 32-bit unsigned.
    U32(ArrayViewD<'a, u32>),
}

impl Integers<'_> {
    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Integers::I32(a) => a.shape(),
            Integers::I64(a) => a.shape(),
            Integers::U32(a) => a.shape(),
        }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their type, as layouts name it.
    #[must_use]
    pub fn integer_type(&self) -> IntegerType {
        match self {
            Integers::I32(_) => IntegerType::I32,
            Integers::I64(_) => IntegerType::I64,
            Integers::U32(_) => IntegerType::U32,
        }
    }

    /// The values in row-major order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = i64> + '_> {
        match self {
            Integers::I32(a) => Box::new(a.iter().map(|v| i64::from(*v))),
            Integers::I64(a) => Box::new(a.iter().copied()),
            Integers::U32(a) => Box::new(a.iter().map(|v| i64::from(*v))),
        }
    }

    /// The same, borrowed for a shorter time.
    pub(super) fn reborrow<'b>(self) -> Integers<'b>
    where
        Self: 'b,
    {
        match self {
            Integers::I32(a) => Integers::I32(a.reborrow()),
            Integers::I64(a) => Integers::I64(a.reborrow()),
            Integers::U32(a) => Integers::U32(a.reborrow()),
        }
    }
}

/// An integer type that labels, offsets and indices can have: `i32`, `i64` or `u32`.
pub trait Integer: Copy + Sync + Sealed {
    /// The integers under their type's name.
    fn wrap(view: ArrayViewD<'_, Self>) -> Integers<'_>
    where
        Self: Sized;
}

impl Integer for i32 {
    fn wrap(view: ArrayViewD<'_, Self>) -> Integers<'_> {
        Integers::I32(view)
    }
}

impl Integer for i64 {
    fn wrap(view: ArrayViewD<'_, Self>) -> Integers<'_> {
        Integers::I64(view)
    }
}

impl Integer for u32 {
    fn wrap(view: ArrayViewD<'_, Self>) -> Integers<'_> {
        Integers::U32(view)
    }
}

impl<'a, I: Integer> From<&'a [I]> for Integers<'a> {
    fn from(integers: &'a [I]) -> Self {
        I::wrap(ArrayView::from(integers).into_dyn())
    }
}

impl<'a, I: Integer> From<&'a Vec<I>> for Integers<'a> {
    fn from(integers: &'a Vec<I>) -> Self {
        integers.as_slice().into()
    }
}

impl<'a, I: Integer, const LEN: usize> From<&'a [I; LEN]> for Integers<'a> {
    fn from(integers: &'a [I; LEN]) -> Self {
        integers.as_slice().into()
    }
}

impl<'a, I: Integer, D: Dimension> From<ArrayView<'a, I, D>> for Integers<'a> {
    fn from(view: ArrayView<'a, I, D>) -> Self {
        I::wrap(view.into_dyn())
    }
}

impl<'a, I: Integer, S: Data<Elem = I>, D: Dimension> From<&'a ArrayBase<S, D>> for Integers<'a> {
    fn from(array: &'a ArrayBase<S, D>) -> Self {
        I::wrap(array.view().into_dyn())
    }
}

/// Integers that own their array, of the type that a made-up batch asks for.
#[derive(Debug, Clone)]
pub(crate) enum OwnedIntegers {
    I32(ArrayD<i32>),
    I64(ArrayD<i64>),
    U32(ArrayD<u32>),
}

impl OwnedIntegers {
    /// As many values as the shape has, cast to a type that holds them.
    pub(crate) fn new(values: impl Iterator<Item = i64>, dims: &[usize], of: IntegerType) -> Self {
        fn shaped<I: Default>(values: Vec<I>, dims: &[usize]) -> ArrayD<I> {
            ArrayD::from_shape_vec(IxDyn(dims), values).unwrap_or_default()
        }
        match of {
            IntegerType::I32 => OwnedIntegers::I32(shaped(values.map(|v| v as i32).collect(), dims)),
            IntegerType::I64 => OwnedIntegers::I64(shaped(values.collect(), dims)),
            IntegerType::U32 => OwnedIntegers::U32(shaped(values.map(|v| v as u32).collect(), dims)),
        }
    }

    pub(crate) fn view(&self) -> Integers<'_> {
        match self {
            OwnedIntegers::I32(array) => array.into(),
            OwnedIntegers::I64(array) => array.into(),
            OwnedIntegers::U32(array) => array.into(),
        }
    }
}
