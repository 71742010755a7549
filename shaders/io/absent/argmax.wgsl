// Nobody asks for the highest classes.

fn put_argmax(i: u32, class_id: u32) {}
