//! The device has no memory left. Real exhaustion is not tried: lavapipe aborts the process.

use gpu_loss::Error;
use gpu_loss::fault::Fault;

use crate::{on_every_adapter, run, serves, strike_once};

#[test]
fn out_of_memory_names_what_was_being_done_and_the_next_batch_is_served() {
    for when in ["building a kernel", "reserving a plan's buffers", "reserving a batch's buffers", "submitting a plan"]
    {
        on_every_adapter(|gpu| {
            strike_once(gpu, when, Fault::OutOfMemory);
            let error = run(gpu).expect_err("no memory");
            assert_eq!(error.to_string(), format!("the device is out of memory while {when}"));
            assert!(matches!(error, Error::OutOfMemory { .. }));
            serves(gpu);
        });
    }
}
