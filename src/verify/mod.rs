//! Checks of a whole adapter: every loss on made-up batches, and the [linear layer](crate::linear) fused with one, against the
//! float64 [reference](crate::reference).
//!
//! Nothing here blocks, starts a thread or touches a file, so that a browser page can run it as well as a terminal.
//!
//! ```no_run
//! use gpu_loss::{GpuLoss, verify};
//! # async fn example() -> gpu_loss::Result<()> {
//! let gpu = GpuLoss::new()?;
//! for case in verify::cases(verify::Scope::quick()) {
//!     for verdict in verify::check(&gpu, &case).await? {
//!         assert!(verdict.difference.kept(), "{case}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod case;
mod check;
mod data;
mod linear;
mod options;
mod random;
mod scope;

pub use case::{Case, Scores};
pub use check::{Verdict, check};
pub use linear::{LinearCase, check_linear, linear_cases};
pub use scope::{Scope, cases, random};
