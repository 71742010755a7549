// A row's statistics as they are kept: between the passes of a row that several teams share, between forward and
// backward, and between the devices that hold shards of a vocabulary.

struct RowStatistics {
    max: f32,
    rest: f32,
    a: f32,
    d: f32,
    best: f32,
    best_at: u32,
    greatest: f32, // the row's spread, where its entropy counts; or the greatest dense target, where correct rows do
    flags: u32,    // LIVE, IGNORED or BAD, and the marks below
}

const STATE = 3u;
const CLASSLESS = 4u;       // M = 0
const BEST_IS_GREATEST = 8u; // the class with the best score has the greatest dense target
const SPREAD_KNOWN = 16u;    // `greatest` is the spread

fn statistics_of(t: Target, sum: RowTotals, k: u32) -> RowStatistics {
    var flags = select(t.state[k], BAD, sum.bad[k]);
    flags |= select(0u, CLASSLESS, t.count[k] == 0.0);
    flags |= select(0u, SPREAD_KNOWN, SPREADS);
    return RowStatistics(sum.max[k], sum.rest[k], sum.a[k], sum.d[k], sum.best[k], sum.best_at[k], sum.spread[k], flags);
}
