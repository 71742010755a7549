//! Results against values written down in a test.

/// Within the promise for losses.
#[track_caller]
pub fn near(got: f32, want: f64) {
    assert!((f64::from(got) - want).abs() <= 2e-6 + 1e-5 * want.abs(), "{got}, expected {want}");
}

/// Within the promise for f32 gradients.
#[track_caller]
pub fn all_near<'a>(got: impl IntoIterator<Item = &'a f32>, want: &[f64]) {
    let got: Vec<f64> = got.into_iter().map(|g| f64::from(*g)).collect();
    let largest = want.iter().fold(0.0_f64, |most, w| most.max(w.abs()));
    assert_eq!(got.len(), want.len());
    let all = got.iter().zip(want).all(|(g, w)| (g - w).abs() <= 2e-5 * w.abs() + 1e-6 * largest);
    assert!(all, "{got:?}, expected {want:?}");
}

#[track_caller]
pub fn all_zero<'a>(got: impl IntoIterator<Item = &'a f32>) {
    got.into_iter().for_each(|g| assert_eq!(*g, 0.0));
}

#[track_caller]
pub fn all_nan<'a>(got: impl IntoIterator<Item = &'a f32>) {
    got.into_iter().for_each(|g| assert!(g.is_nan(), "{g}, expected NaN"));
}

/// The gradient of a batch that asked for one.
#[track_caller]
pub fn grad_of<T, D: ndarray::Dimension>(output: &gpu_loss::Output<T, D>) -> &ndarray::Array<T, D> {
    output.gradient().expect("asked for")
}
