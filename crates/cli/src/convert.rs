//! Stored bytes as arrays of numbers.

use gpu_loss::batch::{bf16, f16};
use ndarray::{ArrayD, Dimension as _, IxDyn, ShapeBuilder as _};

use crate::input::{Tensor, Type};

pub(crate) fn is_integer(ty: &Type) -> bool {
    use Type::{I8, I16, I32, I64, U8, U16, U32, U64};
    matches!(ty, U8 | I8 | U16 | I16 | U32 | I32 | U64 | I64)
}

pub(crate) fn is_float(ty: &Type) -> bool {
    matches!(ty, Type::F16 | Type::Bf16 | Type::F32 | Type::F64)
}

/// A tensor's elements in row-major order, decoded from `N` little-endian bytes each.
pub(crate) fn array<const N: usize, T: Clone>(
    tensor: &Tensor,
    decode: impl Fn([u8; N]) -> T,
) -> Result<ArrayD<T>, String> {
    let values: Vec<T> = tensor.bytes.as_chunks::<N>().0.iter().map(|bytes| decode(*bytes)).collect();
    let shape = IxDyn(&tensor.shape).set_f(tensor.fortran);
    let array = ArrayD::from_shape_vec(shape, values).map_err(|e| e.to_string())?;
    Ok(if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() })
}

/// Integers of any width, widened.
pub(crate) fn integers(name: &str, tensor: &Tensor) -> Result<ArrayD<i64>, String> {
    match tensor.ty {
        Type::U8 => array(tensor, |[byte]| i64::from(byte)),
        Type::I8 => array(tensor, |bytes| i64::from(i8::from_le_bytes(bytes))),
        Type::U16 => array(tensor, |bytes| i64::from(u16::from_le_bytes(bytes))),
        Type::I16 => array(tensor, |bytes| i64::from(i16::from_le_bytes(bytes))),
        Type::U32 => array(tensor, |bytes| i64::from(u32::from_le_bytes(bytes))),
        Type::I32 => array(tensor, |bytes| i64::from(i32::from_le_bytes(bytes))),
        Type::I64 => array(tensor, i64::from_le_bytes),
        Type::U64 => {
            let values = array(tensor, u64::from_le_bytes)?;
            match values.indexed_iter().find(|(_, value)| i64::try_from(**value).is_err()) {
                Some((at, value)) => Err(format!("'{name}' at {:?} is {value}, beyond 64-bit signed", at.slice())),
                None => Ok(values.mapv(|value| value as i64)),
            }
        }
        _ => Err(format!("'{name}' is {}, expected integers", tensor.ty.name())),
    }
}

/// Floats of any width, as `f32`: those of 64 bits are rounded, and a note says so.
pub(crate) fn floats(name: &str, tensor: &Tensor, notes: &mut Vec<String>) -> Result<ArrayD<f32>, String> {
    match tensor.ty {
        Type::F32 => array(tensor, f32::from_le_bytes),
        Type::F16 => array(tensor, |bytes| f16::from_le_bytes(bytes).to_f32()),
        Type::Bf16 => array(tensor, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        Type::F64 => {
            let wide = array(tensor, f64::from_le_bytes)?;
            let lost = |value: f64| value.is_finite() && !(value as f32).is_finite();
            if let Some((at, value)) = wide.indexed_iter().find(|(_, value)| lost(**value)) {
                return Err(format!("'{name}' at {:?} is {value:e}, which f32 does not hold", at.slice()));
            }
            notes.push(format!("'{name}' is f64 and was rounded to f32"));
            Ok(wide.mapv(|value| value as f32))
        }
        _ => Err(format!("'{name}' is {}, expected f32, f64, f16 or bf16", tensor.ty.name())),
    }
}
