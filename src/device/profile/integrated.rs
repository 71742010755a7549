//! Graphics in a processor's package, which shares its memory: AMD, Intel, Qualcomm, Arm. Estimates.

use super::{Profile, Splitting, discrete};

pub(super) const PROFILE: Profile = Profile {
    name: "integrated",
    splitting: Splitting { teams: 512, ..discrete::PROFILE.splitting }, // estimate
    ..discrete::PROFILE
};
