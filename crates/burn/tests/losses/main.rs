//! Burn's tensors through the fused losses: against float64, and against Burn's own losses.

mod against_burn;
mod common;
mod devices;
mod distillation;
mod forms;
mod graph;
mod learner;
mod linear;
mod memory;
mod random;
mod training;
mod troubles;
