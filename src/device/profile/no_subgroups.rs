//! GPUs whose drivers offer no subgroup operations, OpenGL's among them: workgroup memory takes their place. Estimates.

use super::{Profile, discrete};

pub(super) const PROFILE: Profile = Profile { name: "no-subgroups", subgroups: false, ..discrete::PROFILE };
