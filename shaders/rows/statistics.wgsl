// The records of whole rows.

const KEEPS_STATISTICS = true;

@group(0) @binding(16) var<storage, read_write> statistics: array<Record>;

fn put_statistics(row: u32, record: Record) {
    statistics[row] = record;
}
