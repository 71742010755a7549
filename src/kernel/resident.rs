//! What a thread or team holds of rows in registers, as vectors of a template.

use super::key::ResidentRow;
use super::template::Vector;

impl ResidentRow {
    /// An invocation's vectors in the order of the classes, so many of them to a load.
    pub(super) fn vectors(self, to_a_load: u32) -> Vec<Vector> {
        let edge =
            |name: &str, which| Vector { name: name.into(), first: name.into(), tags: vec![which, "single", "partly"] };
        let body = (0..self.vectors).map(|k| {
            let mut vector = loaded(k, to_a_load);
            vector.tags.extend(["body", if k < self.whole { "whole" } else { "partly" }]);
            vector
        });
        let mut vectors: Vec<Vector> = body.collect();
        if self.edges {
            vectors.insert(0, edge("_head", "head"));
            vectors.push(edge("_tail", "tail"));
        }
        vectors
    }
}

/// The vectors of so many classes, one each.
pub(super) fn classes(classes: u32, to_a_load: u32) -> Vec<Vector> {
    (0..classes).map(|k| loaded(k, to_a_load)).collect()
}

/// Vector `k` of an invocation, with its place in its load.
fn loaded(k: u32, to_a_load: u32) -> Vector {
    let first = k / to_a_load * to_a_load;
    let mut tags = vec![if to_a_load > 1 { "wide" } else { "single" }];
    if k == first {
        tags.push("first");
    }
    if k + 1 == first + to_a_load {
        tags.push("last");
    }
    Vector { name: k.to_string(), first: first.to_string(), tags }
}
