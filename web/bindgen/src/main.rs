//! `bindgen INPUT.wasm DIRECTORY`: the bindings of the page's WebAssembly, as a module for browsers.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(input), Some(directory), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: bindgen INPUT.wasm DIRECTORY");
        return ExitCode::from(2);
    };
    let made = Bindgen::new().input_path(input).typescript(false).web(true).and_then(|bindgen| {
        bindgen.omit_default_module_path(false).generate(directory)
    });
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
