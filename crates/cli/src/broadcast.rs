//! Weights of fewer elements than they apply to, spread as NumPy spreads arrays; what could be spread two ways is refused.

use ndarray::{ArrayD, IxDyn};

/// One weight a class, from `[C]`, from a single number, or from a shape whose only long axis is that of the classes.
pub(crate) fn per_class(
    name: &str,
    weights: &ArrayD<f32>,
    scores: &[usize],
    notes: &mut Vec<String>,
) -> Result<Vec<f32>, String> {
    let classes = scores.get(1).copied().unwrap_or_default();
    let shape = weights.shape();
    if shape == [classes] {
        return Ok(weights.iter().copied().collect());
    }
    if let (1, Some(one)) = (weights.len(), weights.first()) {
        notes.push(format!("'{name}' {shape:?} is one weight for all {classes} classes"));
        return Ok(vec![*one; classes]);
    }
    let along_classes = padded(shape, scores.len())
        .is_some_and(|axes| axes.iter().enumerate().all(|(axis, n)| *n == if axis == 1 { classes } else { 1 }));
    if along_classes {
        notes.push(format!("'{name}' {shape:?} is read as [{classes}], one a class"));
        return Ok(weights.iter().copied().collect());
    }
    Err(format!("'{name}' has shape {shape:?}, expected [{classes}]: one a class"))
}

/// One weight for each place of an array of shape `to`; `rows` is that shape without classes, if it has an axis of them.
pub(crate) fn to_shape(
    name: &str,
    weights: ArrayD<f32>,
    to: &[usize],
    rows: Option<&[usize]>,
    notes: &mut Vec<String>,
) -> Result<ArrayD<f32>, String> {
    let shape = weights.shape().to_vec();
    if shape == to {
        return Ok(weights);
    }
    let by_numpy = padded(&shape, to.len()).filter(|axes| spreads(axes, to));
    let by_rows = rows.filter(|rows| shape == **rows && !shape.is_empty()).map(|rows| with_classes(rows, 1));
    let by_first = (shape.len() < to.len()).then(|| [&shape[..], &vec![1; to.len() - shape.len()]].concat());
    let otherwise = by_rows.or(by_first).filter(|axes| spreads(axes, to));
    let is_single = weights.len() == 1;
    let axes = match (by_numpy, otherwise) {
        (Some(numpy), Some(other)) if numpy != other && !is_single => {
            return Err(format!(
                "'{name}' has shape {shape:?}, which may mean {numpy:?} or {other:?}: save it as one of them"
            ));
        }
        (Some(axes), _) => axes,
        // As labels are: an axis of one class.
        (None, _) if rows.is_none() && !to.is_empty() && shape == with_classes(to, 1) => to.to_vec(),
        (None, _) if is_single => vec![1; to.len()],
        (None, Some(other)) => {
            return Err(format!(
                "'{name}' has shape {shape:?}, expected {to:?} or what NumPy spreads to it: is it {other:?}?"
            ));
        }
        (None, None) => {
            return Err(format!("'{name}' has shape {shape:?}, expected {to:?} or what NumPy spreads to it"));
        }
    };
    notes.push(format!("'{name}' {shape:?} is spread to {to:?}"));
    let weights = weights.into_shape_with_order(IxDyn(&axes)).map_err(|e| e.to_string())?;
    weights.broadcast(IxDyn(to)).map(|all| all.to_owned()).ok_or_else(|| format!("'{name}' cannot be spread to {to:?}"))
}

/// The shape of rows with an axis of classes, as axis 1.
pub(crate) fn with_classes(rows: &[usize], classes: usize) -> Vec<usize> {
    let (first, rest) = rows.split_at(rows.len().min(1));
    [first, &[classes], rest].concat()
}

/// A shape with axes of length 1 before it.
fn padded(shape: &[usize], dimensions: usize) -> Option<Vec<usize>> {
    Some([&vec![1; dimensions.checked_sub(shape.len())?], shape].concat())
}

fn spreads(axes: &[usize], to: &[usize]) -> bool {
    axes.len() == to.len() && axes.iter().zip(to).all(|(from, to)| *from == 1 || from == to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(shape: &[usize]) -> ArrayD<f32> {
        ArrayD::from_shape_vec(IxDyn(shape), (0..shape.iter().product()).map(|n: usize| n as f32).collect()).unwrap()
    }

    fn spread(shape: &[usize], to: &[usize], rows: Option<&[usize]>) -> Result<ArrayD<f32>, String> {
        to_shape("w", counted(shape), to, rows, &mut Vec::new())
    }

    #[test]
    fn weights_of_elements_are_spread_as_numpy_does() {
        let rows: Option<&[usize]> = Some(&[3]);
        assert_eq!(spread(&[3, 1], &[3, 4], rows).unwrap()[[2, 3]], 2.0);
        assert_eq!(spread(&[1, 4], &[3, 4], rows).unwrap()[[2, 3]], 3.0);
        assert_eq!(spread(&[4], &[3, 4], rows).unwrap()[[2, 1]], 1.0);
        assert_eq!(spread(&[], &[3, 4], rows).unwrap().shape(), [3, 4]);
        assert_eq!(spread(&[1, 1, 1], &[3, 4], rows).unwrap().shape(), [3, 4]);
        assert!(spread(&[3], &[3, 4], rows).unwrap_err().ends_with("is it [3, 1]?"));
        assert!(spread(&[5], &[3, 4], rows).unwrap_err().contains("expected [3, 4]"));
    }

    #[test]
    fn what_can_be_spread_two_ways_is_refused_by_both() {
        assert!(spread(&[3], &[3, 3], Some(&[3])).unwrap_err().contains("[1, 3] or [3, 1]"));
        assert!(spread(&[2, 5], &[2, 2, 5], Some(&[2, 5])).unwrap_err().contains("[1, 2, 5] or [2, 1, 5]"));
        assert!(spread(&[2], &[2, 2], None).unwrap_err().contains("[1, 2] or [2, 1]"));
        assert_eq!(spread(&[1], &[1, 1], Some(&[1])).unwrap().len(), 1);
    }

    #[test]
    fn weights_of_rows_may_have_an_axis_of_one_class() {
        assert_eq!(spread(&[3, 1], &[3], None).unwrap().shape(), [3]);
        assert_eq!(spread(&[2, 1, 5], &[2, 5], None).unwrap()[[1, 4]], 9.0);
        assert_eq!(spread(&[1], &[], None).unwrap().shape(), [0_usize; 0]);
    }

    #[test]
    fn weights_of_classes_lie_along_axis_1() {
        let of = |shape: &[usize], scores: &[usize]| per_class("w", &counted(shape), scores, &mut Vec::new());
        assert_eq!(of(&[4], &[3, 4]).unwrap(), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(of(&[1, 4], &[3, 4]).unwrap().len(), 4);
        assert_eq!(of(&[4, 1, 1], &[3, 4, 5, 6]).unwrap().len(), 4);
        assert_eq!(of(&[], &[3, 4]).unwrap(), [0.0; 4]);
        assert!(of(&[4, 1], &[3, 4]).is_err());
        assert!(of(&[6], &[3, 4, 5, 6]).is_err());
    }
}
