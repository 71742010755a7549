// Rows whose highest class is the true one. Results may be ranges of one buffer, which is then read and written.

@group(0) @binding(24) var<storage, read> chunk_labels: array<u32>;
@group(0) @binding(25) var<storage, read_write> highest: array<u32>;

fn is_correct(row: u32) -> u32 {
    let label = chunk_labels[row];
    return select(0u, 1u, label < 0xfffffffeu && label == highest[row]);
}

fn set_correct(count: u32) {
    atomicStore(&status.correct_rows, count);
}
