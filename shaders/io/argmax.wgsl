// Each row's class with the highest score.

@group(0) @binding(10) var<storage, read_write> argmax: array<u32>;

fn put_argmax(i: u32, class_id: u32) {
    argmax[i] = class_id;
}
