//! *How* a loss is computed, for one shape on one device.

mod strategy;
pub use strategy::Strategy;
