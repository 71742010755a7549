// Where those vectors of a row end of which every invocation takes four at once.

fn fours_end(s: RowTile) -> u32 {
    return s.wide_begin + (s.body_end - s.wide_begin) / (16u * team_size) * (16u * team_size);
}
