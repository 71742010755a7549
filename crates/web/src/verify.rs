//! The quick check of an adapter, told step by step.

use gpu_loss::Error;
use gpu_loss::verify::{Case, Scope, Verdict, cases, check};
use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::gpu::Gpu;
use crate::script::{object, tell, thrown};

#[wasm_bindgen]
impl Gpu {
    /// Holds every loss against the float64 reference on made-up batches. The listener is told of each combination of a
    /// case and a strategy; it ends the check by returning `false`.
    pub async fn verify(&self, listener: Function) -> Result<(), JsValue> {
        let cases = cases(Scope::quick());
        for (at, case) in cases.iter().enumerate() {
            let progress = (at + 1) as f64 / cases.len() as f64;
            let told = match check(&self.gpu, case).await {
                Ok(verdicts) => verdicts.iter().map(|verdict| compared(case, verdict, progress)).collect(),
                // A device with few bindings serves the rest.
                Err(error @ Error::Limit { .. }) => vec![refused(case, &error, progress)],
                Err(error) => return Err(thrown(&error)),
            };
            for one in &told {
                if !tell(&listener, one)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn compared(case: &Case, verdict: &Verdict, progress: f64) -> JsValue {
    let difference = &verdict.difference;
    let strategy = verdict.strategy.name();
    object([
        ("progress", progress.into()),
        ("loss", case.kind().name().into()),
        ("targets", case.form().name().into()),
        ("dtype", case.dtype().name().into()),
        ("strategy", strategy.into()),
        ("case", format!("{case}, {strategy}").into()),
        ("kept", difference.kept().into()),
        ("lossShare", difference.loss.max(difference.losses).max(difference.lse).into()),
        ("lossError", difference.loss_absolute.into()),
        ("gradientShare", difference.grad.into()),
        ("gradientError", difference.grad_absolute.into()),
    ])
}

fn refused(case: &Case, error: &Error, progress: f64) -> JsValue {
    object([("progress", progress.into()), ("case", case.to_string().into()), ("refused", error.to_string().into())])
}
