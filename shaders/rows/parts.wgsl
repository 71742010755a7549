// The records of parts of rows.

@group(0) @binding(15) var<storage, read_write> parts: array<Record>;

fn part_index(row: u32, part: u32) -> u32 {
    return row * params.record_row + (params.first_part + part) * params.record_part;
}
