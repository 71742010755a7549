// The statistics of rows are not kept.

const KEEPS_STATISTICS = false;

fn put_statistics(row: u32, stored: RowStatistics) {}
