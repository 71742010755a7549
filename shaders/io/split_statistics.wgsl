// The statistics of splits of rows.

@group(0) @binding(15) var<storage, read_write> splits: array<RowStatistics>;

fn split_index(row: u32, split: u32) -> u32 {
    return row * params.statistics_row_stride + (params.first_split + split) * params.statistics_split_stride;
}
