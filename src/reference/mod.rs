//! The definition of each loss in float64 on `ndarray`, written from the formulas and sharing no code with the kernels.
