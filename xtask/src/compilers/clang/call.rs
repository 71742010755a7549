//! How naga's MSL is called from C++: its entry point's arguments are told by their attributes.

use std::fmt::Write as _;

use crate::Result;
use crate::compilers::translate::Msl;

/// A function of C++ that runs an invocation, and the entry of the table of kernels. Both belong into the kernel's namespace.
pub(super) struct Call {
    pub(super) function: String,
    /// What it is called with in `lanes::Kernel`, behind the function.
    pub(super) numbers: String,
}

impl Call {
    pub(super) fn of(msl: &Msl) -> Result<Self> {
        let (_, entry) = msl.text.split_once("kernel void ").ok_or("naga's MSL has no entry point")?;
        let (name, rest) = entry.split_once('(').ok_or("naga's entry point takes nothing")?;
        let (list, _) = rest.split_once(") {").ok_or("naga's entry point does not begin")?;
        let mut arguments = Vec::new();
        let mut shared = vec!["0".to_owned()];
        for line in
            list.split('\n').map(|line| line.trim_start_matches([',', ' ']).trim()).filter(|line| !line.is_empty())
        {
            let (declared, attribute) = match line.split_once(" [[") {
                Some((declared, attribute)) => (declared, Some(attribute.trim_end_matches("]]"))),
                None => (line, None),
            };
            let kind = declared.rsplit_once(' ').map_or(declared, |(kind, _)| kind);
            let kind =
                ["device ", "constant ", "threadgroup "].iter().fold(kind, |kind, word| kind.trim_start_matches(word));
            let kind = kind.trim_end_matches('&').trim_end_matches(" const");
            arguments.push(match attribute {
                None => {
                    let place = shared.join(" + ");
                    shared.push(format!("((sizeof({kind}) + 15) & ~15ul)"));
                    format!("*reinterpret_cast<{kind}*>(shared + {place})")
                }
                Some("threadgroup_position_in_grid") => vector("workgroup"),
                Some("threadgroups_per_grid") => vector("workgroups"),
                Some("thread_index_in_threadgroup") => "here.invocation".into(),
                Some("thread_position_in_threadgroup") => "metal::uint3(here.invocation, 0u, 0u)".into(),
                Some("simdgroup_index_in_threadgroup") => "here.subgroup".into(),
                Some("simdgroups_per_threadgroup") => "here.subgroups".into(),
                Some("thread_index_in_simdgroup") => "here.lane".into(),
                Some("threads_per_simdgroup") => "here.lanes".into(),
                Some(buffer) => {
                    let number = buffer.strip_prefix("buffer(").and_then(|rest| rest.strip_suffix(')'));
                    let number = number.ok_or_else(|| format!("what is {buffer} of Metal's?"))?;
                    if kind == "_mslBufferSizes" {
                        "known".into()
                    } else {
                        format!("*reinterpret_cast<{kind}*>(buffers[{number}])")
                    }
                }
            });
        }
        let mut function =
            "static void run(const lanes::Here& here, char* const* buffers, const std::uint32_t* sizes, char* \
                            shared) {\n"
                .to_owned();
        if let Some((_, sizes)) = msl.text.split_once("struct _mslBufferSizes {") {
            function.push_str("    _mslBufferSizes known;\n");
            let sizes = sizes.split('}').next().unwrap_or_default();
            for number in sizes.lines().filter_map(|line| line.trim().strip_prefix("uint size")?.strip_suffix(';')) {
                let variable: usize = number.parse()?;
                let place = msl.places.get(variable).copied().flatten().ok_or("a size is of no binding")?;
                let _ = writeln!(function, "    known.size{number} = sizes[{place}];");
            }
        }
        let _ = writeln!(function, "    {name}({});\n}}", arguments.join(", "));
        let _ = write!(function, "constexpr std::uint32_t SHARED = {};", shared.join(" + "));
        Ok(Call { function, numbers: format!("{}u", msl.invocations) })
    }
}

fn vector(field: &str) -> String {
    format!("metal::uint3(here.{field}[0], here.{field}[1], here.{field}[2])")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_point_is_called_with_what_its_attributes_ask_for() {
        let text = "struct _mslBufferSizes {\n    uint size2;\n};\n[[max]] kernel void main_(\n  metal::uint3 at \
                    [[threadgroup_position_in_grid]]\n, uint lane [[thread_index_in_simdgroup]]\n, constant Params& params \
                    [[buffer(0)]]\n, device type_6 const& scores [[buffer(1)]]\n, threadgroup type_13& partial\n, constant \
                    _mslBufferSizes& _buffer_sizes [[buffer(2)]]\n) {\n";
        let call = Call::of(&Msl { text: text.into(), invocations: 64, places: vec![None, Some(0), Some(1)] });
        let call = call.expect("a call");
        assert_eq!(call.numbers, "64u");
        assert!(call.function.contains("known.size2 = sizes[1];"), "{}", call.function);
        let arguments = "main_(metal::uint3(here.workgroup[0], here.workgroup[1], here.workgroup[2]), here.lane, \
                         *reinterpret_cast<Params*>(buffers[0]), *reinterpret_cast<type_6*>(buffers[1]), \
                         *reinterpret_cast<type_13*>(shared + 0), known);";
        assert!(call.function.contains(arguments), "{}", call.function);
    }
}
