// A strictly increasing list of true classes a row (CSR): t is 1 on each.

const SPARSE = true;
const SINGLE = false;
const COUNTED = false;
const LIVE = 0u;
const IGNORED = 1u;
const BAD = 2u;
const NO_CLASS = 0xffffffffu;

struct Target {
    begin: vec4<u32>,
    end: vec4<u32>,
    cursor: vec4<u32>, // the first entry that is not behind the last classes asked for
    next: vec4<u32>,   // its class
    state: vec4<u32>,
    count: vec4<f32>,  // M
}

// The list of one row as (begin, end, state); offsets that decrease or overrun make the row bad.
fn list_range(row: u32) -> vec3<u32> {
    let begin = target_integer(row);
    let end = target_integer(row + 1u);
    let ok = begin.y == 0u && end.y == 0u && begin.x <= end.x && end.x - begin.x <= params.longest_list
        && end.x <= index_total();
    return select(vec3(0u, 0u, BAD), vec3(begin.x, end.x, LIVE), ok);
}

fn class_or_none(entry: u32, end: u32) -> u32 {
    if (entry < end) {
        return index_at(entry);
    }
    return NO_CLASS;
}

fn target_open(rows: vec4<u32>) -> Target {
    let x = list_range(rows.x);
    var y = x;
    var z = x;
    var w = x;
    if (!ROWWISE) {
        y = list_range(rows.y);
        z = list_range(rows.z);
        w = list_range(rows.w);
    }
    let begin = vec4(x.x, y.x, z.x, w.x);
    let end = vec4(x.y, y.y, z.y, w.y);
    var next = vec4(class_or_none(begin.x, end.x));
    if (!ROWWISE) {
        next = vec4(next.x, class_or_none(begin.y, end.y), class_or_none(begin.z, end.z), class_or_none(begin.w, end.w));
    }
    return Target(begin, end, begin, next, vec4(x.z, y.z, z.z, w.z), vec4<f32>(end - begin));
}

// Moves the cursors to these classes by bisection.
fn target_seek(t: ptr<function, Target>, classes: vec4<u32>) {
    for (var k = 0u; k < 4u; k++) {
        var low = (*t).begin[k];
        var high = (*t).end[k];
        while (low < high) {
            let middle = low + (high - low) / 2u;
            if (index_at(middle) < classes[k]) { low = middle + 1u; } else { high = middle; }
        }
        (*t).cursor[k] = low;
        (*t).next[k] = class_or_none(low, (*t).end[k]);
    }
}

// Classes must not decrease from call to call, and of four rows go up by one: a list that rises then falls behind by one
// entry at most, and no loop is needed.
fn target_values(t: ptr<function, Target>, classes: vec4<u32>, i: u32) -> vec4<f32> {
    if (ROWWISE) {
        // Four classes of one row: one cursor passes them.
        var values = vec4(0.0);
        while ((*t).next.x < classes.w || ((*t).next.x == classes.w && (*t).next.x != NO_CLASS)) {
            values = select(values, vec4(1.0), classes == vec4((*t).next.x));
            (*t).cursor.x += 1u;
            (*t).next.x = class_or_none((*t).cursor.x, (*t).end.x);
        }
        return values;
    }
    // Four rows: a cursor each.
    let behind = (*t).next < classes;
    if (any(behind)) {
        (*t).cursor += select(vec4(0u), vec4(1u), behind);
        let next = vec4(
            class_or_none((*t).cursor.x, (*t).end.x),
            class_or_none((*t).cursor.y, (*t).end.y),
            class_or_none((*t).cursor.z, (*t).end.z),
            class_or_none((*t).cursor.w, (*t).end.w),
        );
        (*t).next = select((*t).next, next, behind);
    }
    return select(vec4(0.0), vec4(1.0), (*t).next == classes);
}

fn single_class(t: Target) -> vec4<u32> {
    return vec4(0u);
}

fn listed_count(t: Target, k: u32) -> u32 {
    return t.end[k] - t.begin[k];
}

fn listed_class(t: Target, k: u32, entry: u32) -> u32 {
    return index_at(t.begin[k] + entry);
}

// Whether an entry lies in the classes, above the one before it.
fn listed_ok(t: Target, k: u32, entry: u32) -> bool {
    let class_id = index_at(t.begin[k] + entry);
    return class_id < params.all_classes && (entry == 0u || index_at(t.begin[k] + entry - 1u) < class_id);
}
