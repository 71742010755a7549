//! Apple's GPUs, through Metal: subgroups of 32. Estimates.

use super::{Profile, discrete};

pub(super) const PROFILE: Profile = Profile { name: "apple", ..discrete::PROFILE };
