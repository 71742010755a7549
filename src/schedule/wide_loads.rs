//! How many vectors an invocation loads and stores at once, where there are wide loads.

use super::Scheduler;
use super::window::Window;
use crate::batch::{Dtype, TargetForm};
use crate::kernel::{ResidentRow, Traversal};

/// An array in a binding, and how many elements it is from one row to the next.
pub(super) type Strided<'a> = (&'a Window, u64);

impl Scheduler<'_> {
    /// A traversal with the wide load that it takes scores and gradient by, given where these begin and their rows.
    pub(super) fn wide_loads(&self, traversal: Traversal, arrays: &[Strided<'_>]) -> (Traversal, u32) {
        match traversal {
            // What lies before the first wide load is taken last: not where classes have to ascend.
            Traversal::Row => {
                let outputs = self.layout.outputs;
                let in_order = self.layout.targets == TargetForm::Lists || outputs.argmax || outputs.correct;
                (traversal, self.load_vectors(arrays, !in_order))
            }
            Traversal::FourRows(_) => {
                // Four rows follow one another without gaps: as many vectors as classes.
                let four_rows: Vec<Strided<'_>> = arrays.iter().map(|(window, step)| (*window, 4 * step)).collect();
                (traversal, self.load_vectors(&four_rows, false))
            }
            Traversal::ResidentRow(resident) if !resident.edges => {
                let mut load_vectors = self.load_vectors(arrays, false);
                while load_vectors > 1 {
                    if let Some(resident) = self.resident_by(load_vectors, resident) {
                        return (Traversal::ResidentRow(resident), load_vectors);
                    }
                    load_vectors /= 2;
                }
                (traversal, 1)
            }
            _ => (traversal, 1),
        }
    }

    /// A resident row taken by wide loads, if it has whole ones, and not many more vectors an invocation than it takes without.
    fn resident_by(&self, load_vectors: u32, resident: ResidentRow) -> Option<ResidentRow> {
        let classes = self.layout.shape.classes as u64;
        let elements = 4 * u64::from(load_vectors);
        let team = self.geometry.team_size;
        let vectors = load_vectors * (classes / elements).div_ceil(team) as u32;
        let whole = load_vectors * self.geometry.whole_turns(classes as usize, elements as usize);
        (classes.is_multiple_of(elements) && 10 * vectors <= 11 * resident.vectors).then_some(ResidentRow {
            vectors,
            whole,
            ..resident
        })
    }

    /// The vectors of the largest wide load that all of these arrays can be taken by, 1 for none: bindings are whole wide loads, and
    /// rows begin on one or, if they may be `misaligned`, all arrays' as far behind one.
    pub(super) fn load_vectors(&self, arrays: &[Strided<'_>], misaligned: bool) -> u32 {
        let suits = |load_vectors: u32| {
            let elements = 4 * u64::from(load_vectors);
            let behind = |(window, step): Strided<'_>| (window.at % elements, step % elements);
            arrays.iter().all(|&(window, step)| {
                let begins = behind((window, step));
                let like = if misaligned { behind(arrays[0]) } else { (0, 0) };
                window.unit.is_multiple_of(elements * self.layout.dtype.size() as u64) && begins == like
            })
        };
        let wide_loads: &[u32] = match (self.sizes.wide_loads, self.layout.dtype) {
            (false, _) => &[],
            (true, Dtype::F32) => &[2],
            (true, _) => &[4, 2],
        };
        wide_loads.iter().copied().find(|load_vectors| suits(*load_vectors)).unwrap_or(1)
    }
}
