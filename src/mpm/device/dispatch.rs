//! The shaders of the laws, and the functions that choose among those of one model.

use crate::gpu::ShaderFile;
use crate::laws::{LawKind, law_table};
use std::borrow::Cow;
use std::fmt::Write;

/// Defines the tables of shader files and of the prefix of a law's functions.
macro_rules! law_shaders {
    ($(
        $(#[doc = $doc:literal])*
        $Law:ident $name:literal $module:ident { $($parameters:tt)* }
        constants $count:literal $constants:path,
        limits $limits:path,
        family $Family:ident,
        reads_rate $reads_rate:literal,
        has_history $has_history:literal;
    )*) => {
        const FILES: &[(&str, &str)] = &[$((
            concat!("material/", stringify!($module), ".wgsl"),
            include_str!(concat!("../../../shaders/material/", stringify!($module), ".wgsl")),
        ),)*];

        fn prefix(kind: LawKind) -> &'static str {
            match kind {
                $(LawKind::$Law => stringify!($module),)*
            }
        }
    };
}
law_table!(law_shaders);

/// The four functions of a law, and what they take and give.
const FUNCTIONS: [(&str, &str, &str, &str); 4] = [
    ("stress", "at: Local", "at", "mat3x3<f32>"),
    ("stress_adj", "at: Local, tau_bar: mat3x3<f32>", "at, tau_bar", "StressAdj"),
    ("return_map", "f_trial: mat3x3<f32>, history: f32", "f_trial, history", "ReturnMap"),
    (
        "return_map_adj",
        "f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32",
        "f_trial, history, f_bar, history_bar",
        "ReturnMapAdj",
    ),
];

/// The shaders of all laws, and the choice by kind among `laws` alone: software devices run every
/// branch. Mirrors `mpm::twin::material`.
pub fn files(laws: &[LawKind]) -> Vec<ShaderFile> {
    let file = |&(path, text): &(&'static str, &'static str)| ShaderFile {
        path,
        text: Cow::Borrowed(text),
    };
    let mut files: Vec<ShaderFile> = FILES.iter().map(file).collect();
    files.push(ShaderFile { path: "material/dispatch", text: Cow::Owned(dispatch(laws)) });
    files
}

fn dispatch(laws: &[LawKind]) -> String {
    let mut text = String::new();
    for (function, parameters, arguments, result) in FUNCTIONS {
        let _ =
            writeln!(text, "fn {function}(kind: u32, k: Constants, {parameters}) -> {result} {{");
        for (index, &kind) in laws.iter().enumerate() {
            let call = format!("return {}_{function}(k, {arguments});", prefix(kind));
            // The last one needs no question.
            let _ = match index + 1 < laws.len() {
                true => writeln!(text, "    if kind == {}u {{ {call} }}", kind as u32),
                false => writeln!(text, "    {call}"),
            };
        }
        text.push_str("}\n");
    }
    text
}
