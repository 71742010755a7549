//! Kernels that the driver does not take, and wgpu's own failures.

use gpu_loss::Error;
use gpu_loss::fault::Fault;

use crate::{on_every_adapter, run, serves, strike_once};

#[test]
fn a_shader_that_does_not_compile_is_an_error_that_quotes_the_compiler() {
    on_every_adapter(|gpu| {
        gpu.alter_kernels(|_, source| format!("{source}\nfn broken() -> f32 {{ return 1u; }}"));
        let error = run(gpu).expect_err("does not compile");
        let Error::Device { during: "building a kernel", message } = &error else { panic!("{error}") };
        assert!(message.contains("broken"), "{message}");
        assert!(!message.contains('\n'), "one line: {message}");
    });
}

#[test]
fn a_pipeline_that_the_device_refuses_is_an_error() {
    on_every_adapter(|gpu| {
        // More invocations than any device has.
        gpu.alter_kernels(|_, source| source.replace("@workgroup_size(", "@workgroup_size(100000, 1, 1) // "));
        let error = run(gpu).expect_err("too large a workgroup");
        assert!(matches!(&error, Error::Device { during: "building a kernel", .. }), "{error}");
    });
}

#[test]
fn a_driver_s_failure_is_an_error_and_the_next_batch_is_served() {
    for when in ["building a kernel", "submitting a plan", "writing a batch", "reading results back"] {
        on_every_adapter(|gpu| {
            strike_once(gpu, when, Fault::Internal);
            let error = run(gpu).expect_err("the driver fails");
            assert!(error.to_string().starts_with(&format!("the device failed while {when}: ")), "{error}");
            serves(gpu);
        });
    }
}

#[test]
fn a_panic_inside_wgpu_is_an_error_and_the_next_batch_is_served() {
    for when in ["building a kernel", "reserving a batch's buffers", "submitting a plan", "reading results back"] {
        on_every_adapter(|gpu| {
            strike_once(gpu, when, Fault::Panic);
            let error = run(gpu).expect_err("wgpu panics");
            assert_eq!(error.to_string(), format!("the device failed while {when}: a panic that a test put in"));
            serves(gpu);
        });
    }
}
