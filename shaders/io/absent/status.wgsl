// Nothing is counted.

fn count_outside(index: u32) {}

fn count_correct() {}
