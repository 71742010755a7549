// Nobody asks for the log-sum-exps.

fn put_lse(i: u32, value: f32) {}
