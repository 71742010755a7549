//! What the losses and their configurations share.

use burn::config::Config;

use crate::plan::Reduce;

/// How the losses of rows (or elements) become the loss.
#[derive(Config, Debug, PartialEq, Eq, Copy)]
pub enum Reduction {
    /// The mean: of class losses over the class weights of the rows that count, of other losses of rows over rows, of
    /// losses of elements over elements.
    Mean,
    /// The sum.
    Sum,
    /// The sum, divided by the batch: by the first dimension.
    BatchMean,
    /// One loss a row or element.
    None,
}

impl Reduction {
    pub(crate) fn reduce(self) -> Reduce {
        match self {
            Reduction::Mean => Reduce::Mean,
            Reduction::Sum => Reduce::Sum,
            Reduction::BatchMean => Reduce::BatchMean,
            Reduction::None => Reduce::None,
        }
    }
}

/// `init` of a configuration: its `try_init`, and a panic where that returns an error.
macro_rules! init {
    ($config:ident => $loss:ident) => {
        impl $config {
            /// Makes the loss. The device may be any: it need not be the one that the scores come to lie on.
            ///
            /// # Panics
            /// If an option is outside its range, as Burn's own losses do: see [`try_init`](Self::try_init).
            pub fn init(&self, device: &burn::tensor::Device) -> $loss {
                self.try_init(device).unwrap_or_else(|error| panic!("{error}"))
            }
        }
    };
}

/// A loss of softmax's rows against classes, with one option of its own beside those that all such losses have.
macro_rules! class_loss {
    (
        $(#[$($about_config:tt)*])*
        $config:ident { $(#[$($about_option:tt)*])* $option:ident: f32 }
        $(#[$($about_loss:tt)*])*
        $loss:ident: $kind:expr
    ) => {
        $(#[$($about_config)*])*
        #[derive(burn::config::Config, Debug)]
        pub struct $config {
            $(#[$($about_option)*])*
            pub $option: f32,
            /// One weight a class, at least 0. The mean divides by the weights of the labels.
            pub weights: Option<Vec<f32>>,
            /// A label whose rows count for nothing.
            pub ignore_index: Option<i64>,
            /// How the losses of rows are reduced.
            #[config(default = "crate::Reduction::Mean")]
            pub reduction: crate::Reduction,
            /// What the mean divides by in place of its own count.
            pub denominator: Option<f32>,
        }

        crate::config::init!($config => $loss);

        impl $config {
            /// As [`init`](Self::init), with an error for options outside their range.
            ///
            /// # Errors
            /// The first option that is outside its range.
            pub fn try_init(&self, _: &burn::tensor::Device) -> Result<$loss, crate::Error> {
                let mut spec = crate::plan::Spec::plain($kind);
                spec.$option = self.$option;
                spec.class_weights = self.weights.clone();
                spec.ignore_index = self.ignore_index;
                spec.reduction = self.reduction.reduce();
                spec.denominator = self.denominator;
                spec.check(self.weights.as_ref().map_or(1, Vec::len))?;
                Ok($loss { spec: std::sync::Arc::new(spec) })
            }
        }

        $(#[$($about_loss)*])*
        #[derive(burn::module::Module, Debug)]
        pub struct $loss {
            #[module(skip)]
            spec: std::sync::Arc<crate::plan::Spec>,
        }

        impl $loss {
            /// The loss of logits `[N, C]` or `[N, C, d…]` against classes `[N]` or `[N, d…]`.
            ///
            /// # Panics
            /// If the shapes do not go together: see [`try_forward`](Self::try_forward).
            pub fn forward<const D: usize, const T: usize>(
                &self,
                logits: burn::tensor::Tensor<D>,
                targets: burn::tensor::Tensor<T, burn::tensor::Int>,
            ) -> burn::tensor::Tensor<1> {
                self.try_forward(logits, targets).unwrap_or_else(|error| panic!("{error}"))
            }

            /// As [`forward`](Self::forward), with an error where the tensors do not go together.
            ///
            /// # Errors
            /// Shapes that do not go together.
            pub fn try_forward<const D: usize, const T: usize>(
                &self,
                logits: burn::tensor::Tensor<D>,
                targets: burn::tensor::Tensor<T, burn::tensor::Int>,
            ) -> Result<burn::tensor::Tensor<1>, crate::Error> {
                let given = crate::run::Given::Classes(crate::run::as_rows(targets, &logits)?);
                crate::run::run(&self.spec, logits, given)
            }
        }
    };
}

/// A loss of elements with some options of its own beside those that all such losses have, against targets that are true or
/// false and against classes. Burn's derive knows an `Option` by its name, so that types are matched word by word.
macro_rules! element_loss {
    (
        $(#[$($about_config:tt)*])*
        $config:ident { $($(#[$($about_option:tt)*])* $option:ident: $type:ident $(<$of:ident>)?),* $(,)? }
        $(#[$($about_loss:tt)*])*
        $loss:ident: $kind:expr
    ) => {
        $(#[$($about_config)*])*
        #[derive(burn::config::Config, Debug)]
        pub struct $config {
            $($(#[$($about_option)*])* pub $option: $type $(<$of>)?,)*
            /// How the losses of elements are reduced.
            #[config(default = "crate::Reduction::Mean")]
            pub reduction: crate::Reduction,
            /// What the mean divides by in place of the number of elements: the number of boxes, say.
            pub denominator: Option<f32>,
        }

        crate::config::init!($config => $loss);

        impl $config {
            /// As [`init`](Self::init), with an error for options outside their range.
            ///
            /// # Errors
            /// The first option that is outside its range.
            pub fn try_init(&self, _: &burn::tensor::Device) -> Result<$loss, crate::Error> {
                let mut spec = crate::plan::Spec::plain($kind);
                $(spec.$option = self.$option;)*
                spec.reduction = self.reduction.reduce();
                spec.denominator = self.denominator;
                spec.check(1)?;
                Ok($loss { spec: std::sync::Arc::new(spec) })
            }
        }

        $(#[$($about_loss)*])*
        #[derive(burn::module::Module, Debug)]
        pub struct $loss {
            #[module(skip)]
            spec: std::sync::Arc<crate::plan::Spec>,
        }

        impl $loss {
            /// The loss against targets of the logits' shape, each true or false.
            ///
            /// # Errors
            /// Shapes that do not go together.
            pub fn forward<const D: usize>(
                &self,
                logits: burn::tensor::Tensor<D>,
                targets: burn::tensor::Tensor<D, burn::tensor::Bool>,
            ) -> Result<burn::tensor::Tensor<1>, crate::Error> {
                let given = crate::run::Given::MultiHot(crate::run::as_scores("targets", targets, &logits)?);
                crate::run::run(&self.spec, logits, given)
            }

            /// The loss against one true class a row.
            ///
            /// # Errors
            /// Shapes that do not go together.
            pub fn forward_classes<const D: usize, const T: usize>(
                &self,
                logits: burn::tensor::Tensor<D>,
                targets: burn::tensor::Tensor<T, burn::tensor::Int>,
            ) -> Result<burn::tensor::Tensor<1>, crate::Error> {
                let given = crate::run::Given::Classes(crate::run::as_rows(targets, &logits)?);
                crate::run::run(&self.spec, logits, given)
            }
        }
    };
}

pub(crate) use {class_loss, element_loss, init};
