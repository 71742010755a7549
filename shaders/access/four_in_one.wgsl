// Four quads of an invocation in one brick.

fn load_four(i: u32, step: u32) -> Four {
    return load_brick(i);
}

fn store_four(i: u32, step: u32, quads: Four) {
    store_brick(i, quads);
}
