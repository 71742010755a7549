// Class labels: one a row, checked where they are read.

override HAS_IGNORE: bool = false;

const LIVE = 0u;
const IGNORED = 1u;
const BAD = 2u;

struct Label {
    class_id: u32,
    state: u32,
}

fn read_label(row: u32) -> Label {
    let value = target_integer(row);
    if (HAS_IGNORE && value.x == params.ignore_low && value.y == params.ignore_high) {
        return Label(0xffffffffu, IGNORED);
    }
    if (value.y != 0u || value.x >= params.all_classes) {
        return Label(0xffffffffu, BAD);
    }
    return Label(value.x, LIVE);
}
