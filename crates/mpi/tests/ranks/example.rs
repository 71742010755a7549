//! The example trains to the same losses on any number of ranks.

use crate::launch::{mpirun, watched};

/// How far losses may be apart: the products over fewer classes are summed in another order, in every step again.
const APART: f64 = 1e-4;

pub(crate) fn losses_are_those_of_one_rank() -> Result<(), String> {
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = test.parent().and_then(|deps| deps.parent()).ok_or("cargo's folder of programs")?;
    let program = folder.join("examples/tensor_parallel");
    let losses = |ranks: usize| -> Result<Vec<f64>, String> {
        let mut command = mpirun(ranks)?;
        command.arg(&program).env("LP_NUM_THREADS", "1");
        let (well, output, _) = watched(command)?;
        let losses = output.lines().filter_map(|line| line.split_once(": loss ")?.1.parse().ok()).collect::<Vec<f64>>();
        let learned = losses.len() == 16 && losses[15] < 0.7 * losses[0];
        if well && learned { Ok(losses) } else { Err(format!("on {ranks} ranks:\n{output}")) }
    };
    let one = losses(1)?;
    for ranks in [2, 4] {
        let several = losses(ranks)?;
        if one.iter().zip(&several).any(|(one, other)| (one - other).abs() > APART * one) {
            return Err(format!("on one rank {one:?}, on {ranks} {several:?}"));
        }
    }
    Ok(())
}
