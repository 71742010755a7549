//! Which profile a device gets: by its driver's words, or by name.

use super::{ALL, Profile, apple, cpu, discrete, integrated, llvmpipe, no_subgroups};
use crate::error::{Error, Result};

/// A profile by name, and the subgroups that it may reckon with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice {
    profile: Profile,
    /// The smallest and the largest subgroup, in place of the driver's: as GPUs do that have several sizes.
    pub(crate) subgroups: Option<(u32, u32)>,
}

/// The environment's variable.
const VARIABLE: &str = "GPU_LOSS_PROFILE";

impl Choice {
    /// The profile's name.
    pub(crate) fn name(&self) -> &'static str {
        self.profile.name
    }

    /// The profile of this name; `NAME:4-64` claims subgroups of 4 to 64 invocations.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let wrong = || Error::Option {
            option: "profile",
            got: name.to_owned(),
            expected: "one of discrete, integrated, apple, no-subgroups, cpu, llvmpipe, with `:4-64` behind it for \
                       subgroups of 4 to 64 invocations",
        };
        let (profile, range) = name.split_once(':').map_or((name, None), |(name, range)| (name, Some(range)));
        let profile = ALL.into_iter().find(|known| known.name == profile).ok_or_else(wrong)?;
        let Some(range) = range else { return Ok(Choice { profile, subgroups: None }) };
        let sizes = range.split_once('-').and_then(|(least, most)| Some((least.parse().ok()?, most.parse().ok()?)));
        let powers = |(least, most): &(u32, u32)| {
            (4..=128).contains(least)
                && least <= most
                && *most <= 128
                && (least & (least - 1)) | (most & (most - 1)) == 0
        };
        let subgroups = Some(sizes.filter(powers).ok_or_else(wrong)?);
        Ok(Choice { profile, subgroups })
    }

    /// What the environment names, if anything.
    pub(crate) fn of_environment() -> Result<Option<Self>> {
        match std::env::var(VARIABLE) {
            Ok(name) if name.is_empty() => Ok(None),
            Ok(name) => Self::named(&name).map(Some),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(name)) => Self::named(&name.to_string_lossy()).map(Some),
        }
    }

    /// The profile on an adapter: what its driver cannot do holds under every profile.
    pub(crate) fn on(self, info: &wgpu::AdapterInfo) -> Profile {
        let mut profile = self.profile;
        profile.llvmpipe.turns_of_loops = llvmpipe::limits_of(&info.name);
        profile
    }
}

impl Profile {
    /// The profile of an adapter, by what its driver says.
    pub(crate) fn of(info: &wgpu::AdapterInfo, subgroups: bool) -> Self {
        const APPLE: u32 = 0x106b;
        match info.device_type {
            _ if llvmpipe::is(&info.name) => llvmpipe::PROFILE,
            wgpu::DeviceType::Cpu => cpu::PROFILE,
            _ if !subgroups => no_subgroups::PROFILE,
            _ if info.vendor == APPLE || info.backend == wgpu::Backend::Metal => apple::PROFILE,
            wgpu::DeviceType::IntegratedGpu => integrated::PROFILE,
            wgpu::DeviceType::DiscreteGpu | wgpu::DeviceType::VirtualGpu | wgpu::DeviceType::Other => discrete::PROFILE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_named_with_the_subgroups_that_it_claims() {
        for profile in ALL {
            assert_eq!(Choice::named(profile.name).expect("known").profile, profile);
        }
        let claimed = Choice::named("discrete:8-32").expect("known");
        assert_eq!((claimed.profile, claimed.subgroups), (discrete::PROFILE, Some((8, 32))));
        for wrong in ["", "gpu", "discrete:", "discrete:8", "discrete:32-8", "discrete:2-8", "discrete:12-24"] {
            let error = Choice::named(wrong).expect_err(wrong).to_string();
            assert!(error.contains("no-subgroups") && error.contains(wrong), "{error}");
        }
    }
}
