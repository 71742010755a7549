//! The losses in a browser, on the visitor's own GPU: what the page's scripts call.
//!
//! There are four calls on a [`Gpu`](gpu::Gpu): `compute` for the playground, `verify`, `bench`, and `on_lost`. Each
//! waits as a promise, so that the page stays alive. Natively, this library is empty.

#[cfg(target_arch = "wasm32")]
mod bench;
#[cfg(target_arch = "wasm32")]
mod gpu;
#[cfg(target_arch = "wasm32")]
mod playground;
#[cfg(target_arch = "wasm32")]
mod script;
#[cfg(target_arch = "wasm32")]
mod verify;
