//! How many quads an invocation loads and stores at once, where words of 64 bits are.

use super::Draft;
use super::window::Window;
use crate::batch::{Dtype, TargetForm};
use crate::plan::shader::{HeldRow, Walk};

/// An array in a binding, and how many elements it is from one row to the next.
pub(super) type Rows<'a> = (&'a Window, u64);

impl Draft<'_> {
    /// A walk with the brick that it takes scores and gradient by, given where these begin and their rows.
    pub(super) fn in_bricks(&self, walk: Walk, arrays: &[Rows<'_>]) -> (Walk, u32) {
        match walk {
            // What lies before the first brick is taken last: not where classes have to ascend.
            Walk::Row => {
                let want = self.layout.want;
                let in_order = self.layout.targets == TargetForm::Lists || want.argmax || want.correct;
                (walk, self.brick(arrays, !in_order))
            }
            Walk::Tile(_) => {
                // Four rows follow one another without gaps: as many quads as classes.
                let tiles: Vec<Rows<'_>> = arrays.iter().map(|(window, step)| (*window, 4 * step)).collect();
                (walk, self.brick(&tiles, false))
            }
            Walk::HeldRow(held) if !held.edges => {
                let mut brick = self.brick(arrays, false);
                while brick > 1 {
                    if let Some(held) = self.held_by(brick, held) {
                        return (Walk::HeldRow(held), brick);
                    }
                    brick /= 2;
                }
                (walk, 1)
            }
            _ => (walk, 1),
        }
    }

    /// A row held in bricks, if it has whole ones, and not many more quads an invocation than it takes without.
    fn held_by(&self, brick: u32, held: HeldRow) -> Option<HeldRow> {
        let classes = self.layout.shape.classes as u64;
        let elements = 4 * u64::from(brick);
        let team = self.geometry.team_size;
        let quads = brick * (classes / elements).div_ceil(team) as u32;
        let whole = if self.geometry.exact { brick * (classes / elements / team) as u32 } else { 0 };
        (classes.is_multiple_of(elements) && 10 * quads <= 11 * held.quads).then_some(HeldRow { quads, whole, ..held })
    }

    /// The quads of the largest brick that all of these arrays can be taken by, 1 for none: bindings are whole bricks, and
    /// rows begin on one or, if they may be `ragged`, all arrays' as far behind one.
    pub(super) fn brick(&self, arrays: &[Rows<'_>], ragged: bool) -> u32 {
        let suits = |brick: u32| {
            let elements = 4 * u64::from(brick);
            let behind = |(window, step): Rows<'_>| (window.at % elements, step % elements);
            arrays.iter().all(|&(window, step)| {
                let begins = behind((window, step));
                let like = if ragged { behind(arrays[0]) } else { (0, 0) };
                window.unit.is_multiple_of(elements * self.layout.dtype.size() as u64) && begins == like
            })
        };
        let bricks: &[u32] = match (self.sizes.bricks, self.layout.dtype) {
            (false, _) => &[],
            (true, Dtype::F32) => &[2],
            (true, _) => &[4, 2],
        };
        bricks.iter().copied().find(|brick| suits(*brick)).unwrap_or(1)
    }
}
