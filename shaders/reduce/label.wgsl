// What is found in the label of a row.

fn found_in_label(row: u32) -> Found {
    let label = read_label(row);
    var result = NOTHING;
    if (label.state == LIVE) {
        result.valid = 1u;
        result.weight = weight_of(label.class_id);
    } else if (label.state == BAD) {
        result.bad = 1u;
        result.first_bad = batch_row(row);
    }
    return result;
}
