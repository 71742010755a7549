// The row_statistics of whole rows.

const KEEPS_STATISTICS = true;

@group(0) @binding(16) var<storage, read_write> statistics: array<RowStatistics>;

fn put_statistics(row: u32, stored: RowStatistics) {
    statistics[row] = stored;
}
