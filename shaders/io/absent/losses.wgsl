// Nobody asks for the losses before reduction.

fn put_loss(i: u32, value: f32) {}
