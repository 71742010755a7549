//! Which WGSL serves a dispatch.

mod compose;
#[cfg(test)]
mod contract;
mod extras;
mod key;
mod linear;
mod maths;
mod params;
pub(crate) mod pieces;
mod resident;
mod scan;
mod slot;
mod targets;
mod template;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::key::Transform;
pub(crate) use self::key::{
    Extras, Grad, KernelSpec, LossKernel, MergeKernel, Pass, ResidentRow, RowOptions, Team, Traversal, WideIntegers,
};
pub(crate) use self::linear::{element, labels, softmax_ce};
pub(crate) use self::params::Params;
pub(crate) use self::slot::{ByteRange, Slot};

/// The bindings that WGSL declares, as (binding, is uniform).
pub(crate) fn bindings(source: &str) -> Vec<(u32, bool)> {
    let mut found: Vec<(u32, bool)> = source
        .lines()
        .filter_map(|line| {
            let rest = line.trim_start().strip_prefix("@group(0) @binding(")?;
            let (number, rest) = rest.split_once(')')?;
            Some((number.parse().ok()?, rest.trim_start().starts_with("var<uniform>")))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Of these constants, the ones that WGSL declares as overrides: naming another would be an error.
pub(crate) fn declared<'a>(source: &str, constants: &[(&'a str, f64)]) -> Vec<(&'a str, f64)> {
    let names: Vec<&str> =
        source.lines().filter_map(|line| line.trim_start().strip_prefix("override ")?.split(':').next()).collect();
    constants.iter().filter(|(name, _)| names.contains(name)).copied().collect()
}
