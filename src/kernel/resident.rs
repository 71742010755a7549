//! Kernels that hold rows in registers: WGSL that depends on how much of them, written out.

use std::fmt::Write as _;

use crate::batch::TargetForm;

/// What a team holds of a row along its classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ResidentRow {
    /// Vectors of each invocation.
    pub(crate) vectors: u32,
    /// How many of them lie in the row whatever the invocation.
    pub(crate) whole: u32,
    /// Whether rows may begin or end within a vector.
    pub(crate) edges: bool,
}

/// A vector in registers: its number in names, the class at which it begins, and what of it is in the row, if not all.
struct InRegisters {
    name: String,
    class: String,
    inside: Option<&'static str>,
}

impl ResidentRow {
    /// `do_tile`, each invocation's vectors in wide loads of so many.
    pub(super) fn source(self, load_vectors: u32) -> String {
        let mut vectors: Vec<InRegisters> = (0..self.vectors)
            .map(|k| InRegisters {
                name: k.to_string(),
                class: format!(
                    "s.head + {}u * (rank + {}u * team_size) + {}u",
                    4 * load_vectors,
                    k / load_vectors,
                    4 * (k % load_vectors)
                ),
                inside: (k >= self.whole).then_some("in_body(s, c)"),
            })
            .collect();
        if self.edges {
            let edge = |name: &str, class: &str, inside| InRegisters { name: name.into(), class: class.into(), inside };
            vectors.insert(0, edge("_head", "s.head - 4u", Some("in_head(s)")));
            vectors.push(edge("_tail", "s.body_end", Some("in_tail(s)")));
        }
        let mut loads = String::new();
        let mut stores = String::new();
        for (k, InRegisters { name, class, inside }) in vectors.iter().enumerate() {
            let _ = writeln!(loads, "    let c{name} = {class};");
            if let Some(inside) = inside {
                let _ = writeln!(loads, "    let in{name} = {};", inside.replace("c)", &format!("c{name})")));
            }
            if load_vectors > 1 {
                self.vector_of_wide(k as u32, load_vectors, &mut loads, &mut stores);
                continue;
            }
            let _ = match inside {
                Some(_) => writeln!(loads, "    let x{name} = resident_load(s, c{name}, in{name});"),
                None => writeln!(loads, "    let x{name} = load4(s.scores + c{name});"),
            };
            let _ = match inside {
                Some(_) => writeln!(stores, "        resident_store(s, c{name}, g{name}, in{name});"),
                None => writeln!(stores, "        store4(s.grad + c{name}, g{name});"),
            };
        }
        stores += "        if (patches_resident() && good.x) {\n            patch_gradient(s, t, r);\n        }\n";
        let resident: Vec<Resident<'_>> = vectors
            .iter()
            .map(|InRegisters { name, inside, .. }| Resident {
                name,
                weights: gathered(name),
                partly: inside.is_some(),
            })
            .collect();
        do_tile(&loads, &resident, &stores, "good.x", "GRAD && s.exists.x")
    }

    /// Vector `k` as a part of its wide load, which lies in the row as a whole or not at all.
    fn vector_of_wide(self, k: u32, load_vectors: u32, loads: &mut String, stores: &mut String) {
        let first = k / load_vectors * load_vectors;
        let whole = k < self.whole;
        if k == first {
            let _ = match whole {
                true => writeln!(loads, "    let wide{k} = load_wide(s.scores + c{k});"),
                false => writeln!(loads, "    let wide{k} = load_wide(s.scores + select(0u, c{k}, in{k}.x));"),
            };
        }
        let vector = format!("wide{first}[{}]", k - first);
        let _ = match whole {
            true => writeln!(loads, "    let x{k} = {vector};"),
            false => writeln!(loads, "    let x{k} = select(-infinity(), {vector}, in{k});"),
        };
        if k + 1 == first + load_vectors {
            let vectors: Vec<String> = (first..=k).map(|k| format!("g{k}")).collect();
            let store = format!("store_wide(s.grad + c{first}, {});", wide_of(&vectors));
            let _ = match whole {
                true => writeln!(stores, "        {store}"),
                false => writeln!(stores, "        if (in{first}.x) {{ {store} }}"),
            };
        }
    }
}

/// A wide load of named vectors.
fn wide_of(vectors: &[String]) -> String {
    format!("array<vec4<f32>, VECTORS_PER_LOAD>({})", vectors.join(", "))
}

/// `do_tile` of four short rows side by side, `classes` vectors which hold one row each in every lane.
pub(super) fn four_rows(classes: u32, load_vectors: u32, targets: TargetForm) -> String {
    // Element e of the tile is in row e / classes, and that row in that lane.
    let lane = |element: u32| ["x", "y", "z", "w"][element as usize % 4];
    let mut loads = String::from("    open_resident(t, live);\n");
    for vector in 0..classes {
        let _ = match load_vectors {
            1 => writeln!(loads, "    let q{vector} = load4(s.scores + {}u);", 4 * vector),
            _ if vector % load_vectors == 0 => {
                writeln!(loads, "    let wide{vector} = load_wide(s.scores + {}u);", 4 * vector)
            }
            _ => Ok(()),
        };
        if load_vectors > 1 {
            let _ = writeln!(
                loads,
                "    let q{vector} = wide{}[{}];",
                vector / load_vectors * load_vectors,
                vector % load_vectors
            );
        }
    }
    for c in 0..classes {
        let splits = [0, 1, 2, 3].map(|row| row * classes + c).map(|e| format!("q{}.{}", e / 4, lane(e)));
        let _ = writeln!(loads, "    let c{c} = {c}u;\n    let x{c} = vec4({});", splits.join(", "));
    }
    if targets.is_dense() {
        // Dense targets lie as the scores do.
        for vector in 0..classes {
            let _ = writeln!(loads, "    let v{vector} = target_values(&t, vec4(0u), s.dense + {}u);", 4 * vector);
        }
        for c in 0..classes {
            let splits = [0, 1, 2, 3].map(|row| row * classes + c).map(|e| format!("v{}.{}", e / 4, lane(e)));
            let _ = writeln!(loads, "    let t{c} = vec4({});\n    count_resident(&t, t{c});", splits.join(", "));
        }
    }
    let mut stores = String::new();
    for vector in 0..classes {
        let splits = [0, 1, 2, 3].map(|k| 4 * vector + k).map(|e| format!("g{}.{}", e % classes, lane(e / classes)));
        let values = format!("vec4({})", splits.join(", "));
        let _ = match load_vectors {
            1 => writeln!(stores, "        store4(s.grad + {}u, {values});", 4 * vector),
            _ => writeln!(stores, "        let s{vector} = {values};"),
        };
        if load_vectors > 1 && vector % load_vectors == load_vectors - 1 {
            let first = vector + 1 - load_vectors;
            let vectors: Vec<String> = (first..=vector).map(|k| format!("s{k}")).collect();
            let _ = writeln!(stores, "        store_wide(s.grad + {}u, {});", 4 * first, wide_of(&vectors));
        }
    }
    let weights = |c: u32| match targets.is_dense() {
        true => format!("target_weights(t{c}, t.count, resident_numbers(s, c{c}))"),
        false => gathered(&c.to_string()),
    };
    of_classes(classes, &loads, weights, &stores)
}

/// `do_tile` of four rows whose `classes` lie below one another.
pub(super) fn column(classes: u32) -> String {
    let mut loads = String::from("    open_resident(t, live);\n");
    let mut stores = String::new();
    for c in 0..classes {
        let _ = writeln!(loads, "    let c{c} = {c}u;\n    let x{c} = resident_load(s, c{c});");
        let _ = writeln!(stores, "        resident_store(s, c{c}, g{c});");
    }
    of_classes(classes, &loads, |c| gathered(&c.to_string()), &stores)
}

fn of_classes(classes: u32, loads: &str, weights: impl Fn(u32) -> String, stores: &str) -> String {
    let names: Vec<String> = (0..classes).map(|c| c.to_string()).collect();
    let resident: Vec<Resident<'_>> = names
        .iter()
        .zip((0..classes).map(weights))
        .map(|(name, weights)| Resident { name, weights, partly: false })
        .collect();
    let tile = do_tile(loads, &resident, stores, "good", "GRAD");
    format!("const RESIDENT_CLASSES = {classes}u;\n\n{tile}")
}

/// The weights of a resident vector, as the traversal tells them.
fn gathered(name: &str) -> String {
    format!("gathered(s, &cursor, c{name})")
}

/// A resident vector, to the code that does not ask how.
struct Resident<'a> {
    name: &'a str,
    /// Its weights, as an expression.
    weights: String,
    /// Whether it may lie outside of the row: there no list may be gone along, and nothing is true.
    partly: bool,
}

/// A row tile from its loads to its stores. `lanes` are the lanes whose gradient is not 0.
fn do_tile(loads: &str, resident: &[Resident<'_>], stores: &str, lanes: &str, writes: &str) -> String {
    let mut text = format!(
        "fn do_tile(s: RowTile) {{\n    var t = open_targets(s);\n    let live = (t.state == vec4(LIVE)) & s.exists;\n{loads}"
    );
    let mut line = |words: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "    {words}");
    };
    line(format_args!("var row_state = row_state_start();"));
    for Resident { name: k, .. } in resident {
        line(format_args!("row_state = max_add(row_state, x{k}, resident_numbers(s, c{k}));"));
    }
    line(format_args!("let row_max = tile_max(row_state_max(row_state));"));
    line(format_args!("var cursor = t;"));
    line(format_args!("var sums = numerators_start();"));
    for Resident { name: k, weights, partly } in resident {
        match partly {
            true => {
                line(format_args!("var b{k} = vec4(0.0);"));
                line(format_args!("if (any(in{k})) {{ b{k} = select(b{k}, {weights}, in{k}); }}"));
            }
            false => line(format_args!("let b{k} = {weights};")),
        }
        line(format_args!("let e{k} = numerator(x{k}, row_max);"));
        line(format_args!("sums = numerators_add(sums, x{k}, e{k}, b{k}, row_max);"));
    }
    line(format_args!("let sum = merge_numerators(row_state, row_max, sums, resident_listed(s, t, live, row_max));"));
    line(format_args!("let r = with_upstream(s, finish_rows(s, t, live, sum));"));
    line(format_args!("if ({writes}) {{"));
    line(format_args!("    let good = live & !sum.bad;"));
    line(format_args!("    cursor = t;"));
    for Resident { name: k, partly, .. } in resident {
        let gradient =
            format!("select(vec4(0.0), resident_gradient(s, &cursor, r, c{k}, x{k}, e{k}, b{k}), vec4({lanes}))");
        match partly {
            true => {
                line(format_args!("    var g{k} = vec4(0.0);"));
                line(format_args!("    if (any(in{k})) {{ g{k} = {gradient}; }}"));
            }
            false => line(format_args!("    let g{k} = {gradient};")),
        }
    }
    text + stores + "    }\n}\n"
}
