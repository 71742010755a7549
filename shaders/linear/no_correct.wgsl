// Where correct rows are not counted.

fn is_correct(row: u32) -> u32 {
    return 0u;
}

fn set_correct(count: u32) {}
