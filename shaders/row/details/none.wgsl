// Nobody asks for log-probabilities, entropies or ranks.

fn put_details(s: RowTile, t: Target, good: vec4<bool>, sum: RowTotals, r: FinishedRow) {}
