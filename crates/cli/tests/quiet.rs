//! What a machine without a desktop is told: nothing but what was asked for.

mod common;

use std::process::Command;

/// Mesa's device-select layer looks for a Wayland compositor wherever Vulkan is opened with Wayland's extension; libwayland then
/// complains on standard error, twice for each instance. Meant to fail (not seen yet) with wgpu's own instance.
#[test]
fn nothing_is_said_of_a_desktop_that_is_not_there() {
    for backend in common::backends() {
        let mut adapters = Command::new(env!("CARGO_BIN_EXE_gpu-loss"));
        adapters.args(["adapters", "--backend", backend]);
        for name in ["XDG_RUNTIME_DIR", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY", "NODEVICE_SELECT"] {
            adapters.env_remove(name);
        }
        let ended = common::ended(&mut adapters);
        assert_eq!(ended.code, Some(0), "{backend}: {}", ended.stderr);
        assert_eq!(ended.stderr, "", "{backend}");
    }
}
