//! The sizes of scores.

/// The layout of scores `[N, C, d…]` as rows: `N`, `C` and `D = d1·…·dk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The first dimension.
    pub n: usize,
    /// The number of classes.
    pub classes: usize,
    /// The product of the dimensions behind the classes; 1 for `[N, C]`.
    pub inner: usize,
}

impl Shape {
    /// `[n, classes]`.
    #[must_use]
    pub fn new(n: usize, classes: usize) -> Self {
        Shape { n, classes, inner: 1 }
    }

    /// `[n, classes, d…]` with `d…` multiplied out.
    #[must_use]
    pub fn spatial(n: usize, classes: usize, inner: usize) -> Self {
        Shape { n, classes, inner }
    }

    /// The shape of an array; `None` with fewer than two dimensions.
    #[must_use]
    pub fn of(dims: &[usize]) -> Option<Self> {
        match dims {
            [n, classes, inner @ ..] => {
                let inner = inner.iter().fold(1_usize, |product, length| product.saturating_mul(*length));
                Some(Shape { n: *n, classes: *classes, inner })
            }
            _ => None,
        }
    }

    /// Rows: `N·D`, or `usize::MAX` if there are more.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.n.saturating_mul(self.inner)
    }

    /// Elements of one `n`: `C·D`, or `usize::MAX` if there are more.
    pub(crate) fn slab(&self) -> usize {
        self.classes.saturating_mul(self.inner)
    }

    /// Elements: `N·C·D`, or `usize::MAX` if there are more.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.n.saturating_mul(self.slab())
    }
}
