// Which task an invocation takes. A processor that plays a GPU runs eight side by side, and loads its cache by lines of 64
// bytes. Tasks next to each other may come to new lines two at a time; every INTERLEAVE-th of them, which all begin as far
// behind a line, come to eight at once, whose misses overlap.

override INTERLEAVE: u32 = 1u;

fn interleave(id: u32) -> u32 {
    if (INTERLEAVE == 1u) {
        return id;
    }
    return id / (8u * INTERLEAVE) * (8u * INTERLEAVE) + id % 8u * INTERLEAVE + id / 8u % INTERLEAVE;
}
