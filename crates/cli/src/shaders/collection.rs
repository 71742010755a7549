//! Kernels and programs on disk, with the manifest that names them.

use std::collections::BTreeMap;
use std::path::Path;

use gpu_loss::export::{DispatchList, ENTRY_POINT, ListedBuffer, ListedDispatch};
use gpu_loss::wgpu;
use serde::Serialize;

use crate::adapters;
use crate::failure::{Failure, io_message};

/// A directory that fills.
pub(super) struct Collection<'a> {
    directory: &'a Path,
    manifest: Manifest,
    /// Where each kernel is in the manifest, by its source and constants.
    kernels: BTreeMap<(String, String), usize>,
    /// The files that hold sources.
    files: BTreeMap<String, String>,
}

/// `manifest.json`
#[derive(Serialize)]
struct Manifest {
    #[serde(flatten)]
    named: adapters::Named,
    subgroup_sizes: Option<[u32; 2]>,
    kernels: Vec<Kernel>,
    programs: Vec<Listed>,
}

#[derive(Serialize)]
struct Kernel {
    file: String,
    label: String,
    made_for: Option<MadeFor>,
    entry_point: &'static str,
    subgroups: bool,
    constants: BTreeMap<&'static str, f64>,
    bindings: Vec<Declared>,
}

/// The first plan that a kernel is in.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct MadeFor {
    /// N, classes, and positions.
    pub(super) shape: [usize; 3],
    pub(super) strategy: &'static str,
    /// Whether all options and outputs are on; else none is.
    pub(super) everything: bool,
}

#[derive(Serialize)]
struct Declared {
    binding: u32,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Listed {
    strategy: &'static str,
    buffers: Vec<Buffer>,
    dispatches: Vec<Dispatch>,
}

#[derive(Serialize)]
struct Buffer {
    name: &'static str,
    size: u64,
    /// What it begins with; zeros if absent.
    file: Option<String>,
}

#[derive(Serialize)]
struct Dispatch {
    kernel: usize,
    workgroups: [u32; 2],
    bindings: Vec<Bound>,
}

#[derive(Serialize)]
struct Bound {
    binding: u32,
    buffer: &'static str,
    offset: u64,
    size: Option<u64>,
}

impl<'a> Collection<'a> {
    pub(super) fn new(directory: &'a Path, info: &wgpu::AdapterInfo, subgroup_sizes: Option<[u32; 2]>) -> Self {
        let manifest =
            Manifest { named: adapters::Named::of(info), subgroup_sizes, kernels: Vec::new(), programs: Vec::new() };
        Collection { directory, manifest, kernels: BTreeMap::new(), files: BTreeMap::new() }
    }

    /// Adds a dispatch's kernel, unless it is there already; its place in the manifest.
    pub(super) fn kernel(&mut self, dispatch: &ListedDispatch, made_for: Option<MadeFor>) -> Result<usize, Failure> {
        let key = (dispatch.wgsl.clone(), format!("{:?}", dispatch.constants));
        if let Some(at) = self.kernels.get(&key) {
            return Ok(*at);
        }
        let file = match self.files.get(&dispatch.wgsl) {
            Some(file) => file.clone(),
            None => {
                let file = format!("{:04}-{}.wgsl", self.files.len(), slug(&dispatch.label));
                self.write(&file, dispatch.wgsl.as_bytes())?;
                self.files.insert(dispatch.wgsl.clone(), file.clone());
                file
            }
        };
        let kind = |uniform| if uniform { "uniform" } else { "storage" };
        self.manifest.kernels.push(Kernel {
            file,
            label: dispatch.label.clone(),
            made_for,
            entry_point: ENTRY_POINT,
            subgroups: dispatch.subgroups,
            constants: dispatch.constants.iter().copied().collect(),
            bindings: dispatch
                .bindings
                .iter()
                .map(|b| Declared { binding: b.binding, kind: kind(b.uniform) })
                .collect(),
        });
        let at = self.manifest.kernels.len() - 1;
        self.kernels.insert(key, at);
        Ok(at)
    }

    /// Adds a program with its kernels and the contents of its buffers.
    pub(super) fn program(&mut self, program: &DispatchList) -> Result<(), Failure> {
        let strategy = program.strategy.name();
        let buffers = program.buffers.iter().map(|buffer| self.buffer(strategy, buffer)).collect::<Result<_, _>>()?;
        let dispatches = program.dispatches.iter().map(|dispatch| self.dispatch(dispatch)).collect::<Result<_, _>>()?;
        self.manifest.programs.push(Listed { strategy, buffers, dispatches });
        Ok(())
    }

    /// Writes the manifest; how many kernels and programs there are.
    pub(super) fn finish(self) -> Result<(usize, usize), Failure> {
        let text =
            serde_json::to_string_pretty(&self.manifest).map_err(|e| Failure::usage(format!("manifest.json: {e}")))?;
        self.write("manifest.json", text.as_bytes())?;
        Ok((self.manifest.kernels.len(), self.manifest.programs.len()))
    }

    fn buffer(&self, strategy: &str, buffer: &ListedBuffer) -> Result<Buffer, Failure> {
        let file = buffer.contents.as_ref().map(|_| format!("{strategy}.{}.bin", buffer.name));
        if let (Some(file), Some(contents)) = (&file, &buffer.contents) {
            self.write(file, contents)?;
        }
        Ok(Buffer { name: buffer.name, size: buffer.size, file })
    }

    fn dispatch(&mut self, dispatch: &ListedDispatch) -> Result<Dispatch, Failure> {
        let kernel = self.kernel(dispatch, None)?;
        let (x, y) = dispatch.workgroups;
        let bindings = dispatch
            .bindings
            .iter()
            .map(|b| Bound { binding: b.binding, buffer: b.buffer, offset: b.offset, size: b.size })
            .collect();
        Ok(Dispatch { kernel, workgroups: [x, y], bindings })
    }

    fn write(&self, file: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.directory.join(file);
        std::fs::write(&path, bytes).map_err(|e| Failure::file(&path, io_message(&e)))
    }
}

/// A label as a part of a file's name.
fn slug(label: &str) -> String {
    let words: Vec<&str> = label
        .trim_start_matches("gpu-loss ")
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && *word != "false" && *word != "None")
        .take(6)
        .collect();
    words.join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn labels_make_plain_names() {
        assert_eq!(slug("gpu-loss softmax_ce classes f32 Row/Subgroup"), "softmax-ce-classes-f32-row-subgroup");
        assert_eq!(slug("gpu-loss ScanLabels { weighted: false }"), "scanlabels-weighted");
    }
}
