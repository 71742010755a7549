//! The program `gpu-loss`; all of it is in the library beside it.

fn main() -> std::process::ExitCode {
    gpu_loss_cli::main()
}
