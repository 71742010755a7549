// What the scan found of each row's list, for traversals that see single elements: to go through a list for each of them would
// take too long. Read only where some list means nothing.

@group(0) @binding(18) var<storage, read_write> verdicts: array<u32>;

fn put_verdict(row: u32, good: bool) {
    verdicts[row] = select(1u, 0u, good);
}

fn is_bad(rows: vec4<u32>) -> vec4<bool> {
    return vec4(verdicts[rows.x], verdicts[rows.y], verdicts[rows.z], verdicts[rows.w]) != vec4(0u);
}
