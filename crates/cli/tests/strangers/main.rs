//! Files as people make them who have not read the manual: what they plainly mean is taken and said, what can be two
//! things is refused by both, and nothing is passed over without a word.

#[path = "../common/mod.rs"]
mod common;

mod meant;
mod reports;
mod unsaid;
