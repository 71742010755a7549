//! Kernels that hold rows in registers: WGSL that depends on how much is held, written out.

use std::fmt::Write as _;

use crate::batch::TargetForm;

/// What a team holds of a row along its classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HeldRow {
    /// Quads of each invocation.
    pub(crate) quads: u32,
    /// How many of them lie in the row whatever the invocation.
    pub(crate) whole: u32,
    /// Whether rows may begin or end within a quad.
    pub(crate) edges: bool,
}

/// A quad in registers: its number in names, the class at which it begins, and what of it is in the row, if not all.
struct Slot {
    name: String,
    class: String,
    inside: Option<&'static str>,
}

impl HeldRow {
    /// `walk_strip`, each invocation's quads in bricks of so many.
    pub(super) fn source(self, brick: u32) -> String {
        let mut slots: Vec<Slot> = (0..self.quads)
            .map(|k| Slot {
                name: k.to_string(),
                class: format!("s.head + {}u * (rank + {}u * team_size) + {}u", 4 * brick, k / brick, 4 * (k % brick)),
                inside: (k >= self.whole).then_some("in_body(s, c)"),
            })
            .collect();
        if self.edges {
            let edge = |name: &str, class: &str, inside| Slot { name: name.into(), class: class.into(), inside };
            slots.insert(0, edge("_head", "s.head - 4u", Some("in_head(s)")));
            slots.push(edge("_tail", "s.body_end", Some("in_tail(s)")));
        }
        let mut loads = String::new();
        let mut stores = String::new();
        for (k, Slot { name, class, inside }) in slots.iter().enumerate() {
            let _ = writeln!(loads, "    let c{name} = {class};");
            if let Some(inside) = inside {
                let _ = writeln!(loads, "    let in{name} = {};", inside.replace("c)", &format!("c{name})")));
            }
            if brick > 1 {
                self.part_of_brick(k as u32, brick, &mut loads, &mut stores);
                continue;
            }
            let _ = match inside {
                Some(_) => writeln!(loads, "    let x{name} = held_load(s, c{name}, in{name});"),
                None => writeln!(loads, "    let x{name} = load4(s.scores + c{name});"),
            };
            let _ = match inside {
                Some(_) => writeln!(stores, "        held_store(s, c{name}, g{name}, in{name});"),
                None => writeln!(stores, "        store4(s.grad + c{name}, g{name});"),
            };
        }
        stores += "        if (patches_held() && good.x) {\n            patch_gradient(s, t, r);\n        }\n";
        let held: Vec<Held<'_>> = slots
            .iter()
            .map(|Slot { name, inside, .. }| Held { name, weights: gathered(name), partly: inside.is_some() })
            .collect();
        walk_strip(&loads, &held, &stores, "good.x", "GRAD && s.exists.x")
    }

    /// Quad `k` as a part of its brick, which lies in the row as a whole or not at all.
    fn part_of_brick(self, k: u32, brick: u32, loads: &mut String, stores: &mut String) {
        let first = k / brick * brick;
        let whole = k < self.whole;
        if k == first {
            let _ = match whole {
                true => writeln!(loads, "    let brick{k} = load_brick(s.scores + c{k});"),
                false => writeln!(loads, "    let brick{k} = load_brick(s.scores + select(0u, c{k}, in{k}.x));"),
            };
        }
        let quad = format!("brick{first}[{}]", k - first);
        let _ = match whole {
            true => writeln!(loads, "    let x{k} = {quad};"),
            false => writeln!(loads, "    let x{k} = select(-infinity(), {quad}, in{k});"),
        };
        if k + 1 == first + brick {
            let quads: Vec<String> = (first..=k).map(|k| format!("g{k}")).collect();
            let store = format!("store_brick(s.grad + c{first}, {});", brick_of(&quads));
            let _ = match whole {
                true => writeln!(stores, "        {store}"),
                false => writeln!(stores, "        if (in{first}.x) {{ {store} }}"),
            };
        }
    }
}

/// A brick of named quads.
fn brick_of(quads: &[String]) -> String {
    format!("array<vec4<f32>, BRICK>({})", quads.join(", "))
}

/// `walk_strip` of four short rows side by side, `classes` quads which hold one row each in every lane.
pub(super) fn tile(classes: u32, brick: u32, targets: TargetForm) -> String {
    // Element e of the tile is in row e / classes, and that row in that lane.
    let lane = |place: u32| ["x", "y", "z", "w"][place as usize % 4];
    let mut loads = String::from("    open_held(t, live);\n");
    for quad in 0..classes {
        let _ = match brick {
            1 => writeln!(loads, "    let q{quad} = load4(s.scores + {}u);", 4 * quad),
            _ if quad % brick == 0 => writeln!(loads, "    let brick{quad} = load_brick(s.scores + {}u);", 4 * quad),
            _ => Ok(()),
        };
        if brick > 1 {
            let _ = writeln!(loads, "    let q{quad} = brick{}[{}];", quad / brick * brick, quad % brick);
        }
    }
    for c in 0..classes {
        let parts = [0, 1, 2, 3].map(|row| row * classes + c).map(|e| format!("q{}.{}", e / 4, lane(e)));
        let _ = writeln!(loads, "    let c{c} = {c}u;\n    let x{c} = vec4({});", parts.join(", "));
    }
    if targets.is_dense() {
        // Dense targets lie as the scores do.
        for quad in 0..classes {
            let _ = writeln!(loads, "    let v{quad} = target_values(&t, vec4(0u), s.dense + {}u);", 4 * quad);
        }
        for c in 0..classes {
            let parts = [0, 1, 2, 3].map(|row| row * classes + c).map(|e| format!("v{}.{}", e / 4, lane(e)));
            let _ = writeln!(loads, "    let t{c} = vec4({});\n    count_held(&t, t{c});", parts.join(", "));
        }
    }
    let mut stores = String::new();
    for quad in 0..classes {
        let parts = [0, 1, 2, 3].map(|k| 4 * quad + k).map(|e| format!("g{}.{}", e % classes, lane(e / classes)));
        let values = format!("vec4({})", parts.join(", "));
        let _ = match brick {
            1 => writeln!(stores, "        store4(s.grad + {}u, {values});", 4 * quad),
            _ => writeln!(stores, "        let s{quad} = {values};"),
        };
        if brick > 1 && quad % brick == brick - 1 {
            let first = quad + 1 - brick;
            let quads: Vec<String> = (first..=quad).map(|k| format!("s{k}")).collect();
            let _ = writeln!(stores, "        store_brick(s.grad + {}u, {});", 4 * first, brick_of(&quads));
        }
    }
    let weights = |c: u32| match targets.is_dense() {
        true => format!("target_weights(t{c}, t.count, held_numbers(s, c{c}))"),
        false => gathered(&c.to_string()),
    };
    of_classes(classes, &loads, weights, &stores)
}

/// `walk_strip` of four rows whose `classes` lie below one another.
pub(super) fn column(classes: u32) -> String {
    let mut loads = String::from("    open_held(t, live);\n");
    let mut stores = String::new();
    for c in 0..classes {
        let _ = writeln!(loads, "    let c{c} = {c}u;\n    let x{c} = held_load(s, c{c});");
        let _ = writeln!(stores, "        held_store(s, c{c}, g{c});");
    }
    of_classes(classes, &loads, |c| gathered(&c.to_string()), &stores)
}

fn of_classes(classes: u32, loads: &str, weights: impl Fn(u32) -> String, stores: &str) -> String {
    let names: Vec<String> = (0..classes).map(|c| c.to_string()).collect();
    let held: Vec<Held<'_>> = names
        .iter()
        .zip((0..classes).map(weights))
        .map(|(name, weights)| Held { name, weights, partly: false })
        .collect();
    let strip = walk_strip(loads, &held, stores, "good", "GRAD");
    format!("const HELD_CLASSES = {classes}u;\n\n{strip}")
}

/// The weights of a slot, as the walk tells them.
fn gathered(name: &str) -> String {
    format!("gathered(s, &seeker, c{name})")
}

/// What is held, to the code that does not ask how.
struct Held<'a> {
    name: &'a str,
    /// Its weights, as an expression.
    weights: String,
    /// Whether it may lie outside of the row: there no list may be gone along, and nothing is true.
    partly: bool,
}

/// A strip from its loads to its stores. `lanes` are the lanes whose gradient is not 0.
fn walk_strip(loads: &str, held: &[Held<'_>], stores: &str, lanes: &str, writes: &str) -> String {
    let mut text = format!(
        "fn walk_strip(s: Strip) {{\n    var t = open_targets(s);\n    let live = (t.state == vec4(LIVE)) & s.exists;\n{loads}"
    );
    let mut line = |words: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "    {words}");
    };
    line(format_args!("var stats = stats_start();"));
    for Held { name: k, .. } in held {
        line(format_args!("stats = top_add(stats, x{k}, held_numbers(s, c{k}));"));
    }
    line(format_args!("let top = strip_max(stats_top(stats));"));
    line(format_args!("var seeker = t;"));
    line(format_args!("var shares = shares_start();"));
    for Held { name: k, weights, partly } in held {
        match partly {
            true => {
                line(format_args!("var b{k} = vec4(0.0);"));
                line(format_args!("if (any(in{k})) {{ b{k} = select(b{k}, {weights}, in{k}); }}"));
            }
            false => line(format_args!("let b{k} = {weights};")),
        }
        line(format_args!("let e{k} = share_of_top(x{k}, top);"));
        line(format_args!("shares = shares_add(shares, x{k}, e{k}, b{k}, top);"));
    }
    line(format_args!("let sum = conclude_shares(stats, top, shares, held_listed(s, t, live, top));"));
    line(format_args!("let r = with_arriving(s, finish_rows(s, t, live, sum));"));
    line(format_args!("if ({writes}) {{"));
    line(format_args!("    let good = live & !sum.bad;"));
    line(format_args!("    seeker = t;"));
    for Held { name: k, partly, .. } in held {
        let gradient =
            format!("select(vec4(0.0), held_gradient(s, &seeker, r, c{k}, x{k}, e{k}, b{k}), vec4({lanes}))");
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
