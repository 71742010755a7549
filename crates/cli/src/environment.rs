//! What the environment's variables say, as far as this program reads them.

use gpu_loss::wgpu::Backends;

use crate::failure::Failure;

/// The backends that `WGPU_BACKEND` names, if it is set and not empty.
pub(crate) fn backends() -> Result<Option<Backends>, Failure> {
    match std::env::var_os("WGPU_BACKEND") {
        None => Ok(None),
        Some(value) => parsed(&value.to_string_lossy()),
    }
}

/// Backends as wgpu spells them, separated by commas.
fn parsed(list: &str) -> Result<Option<Backends>, Failure> {
    let mut all = Backends::empty();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        all |= match name.to_ascii_lowercase().as_str() {
            "vulkan" | "vk" => Backends::VULKAN,
            "metal" | "mtl" => Backends::METAL,
            "dx12" | "d3d12" => Backends::DX12,
            "gl" | "gles" | "opengl" => Backends::GL,
            _ => {
                let expected = "expected vulkan, metal, dx12 or gl, or several with commas";
                return Err(Failure::usage(format!("WGPU_BACKEND names '{name}': {expected}")));
            }
        };
    }
    Ok(Some(all).filter(|all| !all.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_none_and_an_unknown_name_is_named() {
        assert_eq!(parsed("").unwrap(), None);
        assert_eq!(parsed(" , ").unwrap(), None);
        assert_eq!(parsed("VK, gl").unwrap(), Some(Backends::VULKAN | Backends::GL));
        let line = parsed("vulkan,cuda").unwrap_err().line();
        assert!(line.starts_with("WGPU_BACKEND names 'cuda': expected vulkan"), "{line}");
    }
}
