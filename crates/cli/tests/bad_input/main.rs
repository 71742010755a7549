//! Bad input: exit code 2, one line that names the thing and the place, an old output left as it was, quickly, and in
//! little memory.

#[path = "../common/mod.rs"]
mod common;

mod check;
mod files;
mod npz;
mod options;
mod outputs;
mod safetensors;
mod targets;
mod tensors;
