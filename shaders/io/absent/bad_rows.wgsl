// The scan has counted the bad rows.

fn count_bad(index: u32) {}
