//! The structure that ARCHITECTURE.md promises, read off the source text.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules of the crate by layer: a module may use its own layer and those below.
const LAYERS: [&[&str]; 7] = [
    &["math", "gpu", "laws"],
    &["scene"],
    &["model"],
    &["mpm", "agents"],
    &["rollout", "optim"],
    &["task", "identify", "bench", "render"],
    &["cli", "viewer"],
];

/// The state is plain data that a compiled model also holds at time zero: it may be used from
/// layer 2 on, although it lives beside the solver that changes it.
const PLAIN_DATA: [(&str, usize); 1] = [("mpm::state", 2)];

/// Modules that may use still less than their layer allows: `gpu` knows no physics, `scene` no GPU,
/// the optimisers see functions and slices only.
const NARROWER: [(&str, &[&str]); 4] = [
    ("optim", &["optim", "math"]),
    ("gpu", &["gpu", "math"]),
    ("laws", &["laws", "math"]),
    ("scene", &["scene", "laws", "math"]),
];

/// A source file longer than this holds more than one subject. Tests at the end count.
const LONGEST_FILE: usize = 600;

#[test]
fn a_module_imports_only_from_its_own_layer_and_below() {
    let mut wrong = Vec::new();
    for file in sources("src") {
        let Some(module) = module_of(&file) else { continue };
        let own = layer(&module);
        for (number, path) in crate_paths(&file) {
            let data = PLAIN_DATA.iter().find(|(name, _)| path.starts_with(name));
            let allowed = data.map_or(layer(first(&path)), |&(_, from)| from) <= own;
            let narrow = NARROWER.iter().find(|(name, _)| *name == module);
            let fits = narrow.is_none_or(|(_, names)| names.contains(&first(&path)));
            if !(allowed && fits) {
                wrong.push(format!("{}:{number}: uses crate::{path}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "layer {LAYERS:?} violated by\n{}", wrong.join("\n"));
}

#[test]
fn the_layering_check_sees_a_use_of_a_higher_layer() {
    assert!(layer("cli") > layer("rollout"));
    let paths = paths_in("use crate::cli::{run, args};\nlet x = crate::mpm::twin::Twin::new();");
    assert_eq!(paths, [(1, "cli::{run, args};".to_owned()), (2, "mpm::twin::Twin::new();".into())]);
}

#[test]
fn only_the_front_ends_print_or_exit() {
    let forbidden = [
        "println!",
        "print!",
        "eprintln!",
        "eprint!",
        "process::exit",
        "dbg!",
        "todo!",
        "unimplemented!",
    ];
    let mut wrong = Vec::new();
    for file in sources("src") {
        let front_end = module_of(&file).is_none_or(|module| layer(&module) == LAYERS.len() - 1);
        // Tests beside the code may say what they measured, or that they were skipped.
        if front_end || file.ends_with("tests.rs") {
            continue;
        }
        for (number, line) in code_lines(&read(&file)) {
            if let Some(word) = forbidden.iter().find(|word| has_word(line, word)) {
                wrong.push(format!("{}:{number}: {word}", file.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "library code that prints, exits or is unfinished:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_source_file_is_longer_than_one_subject() {
    let files = ["src", "tests", "examples", "shaders"].into_iter().flat_map(sources);
    let long: Vec<String> = files
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, file)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST_FILE} lines:\n{}", long.join("\n"));
}

#[test]
fn every_rust_module_begins_by_saying_what_it_is() {
    let silent: Vec<PathBuf> = sources("src")
        .into_iter()
        .filter(|file| is_rust(file) && !read(file).starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "without a module doc: {silent:?}");
}

#[test]
fn no_work_is_left_marked_in_the_source() {
    // Written apart, so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut wrong = Vec::new();
    for file in ["src", "tests", "examples", "shaders"].into_iter().flat_map(sources) {
        for (number, line) in read(&file).lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                wrong.push(format!("{}:{}", file.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_architecture_document_is_short_and_names_every_module() {
    let text = read(Path::new("ARCHITECTURE.md"));
    assert!(text.lines().count() <= 200, "ARCHITECTURE.md has more than 200 lines");
    for module in LAYERS.into_iter().flatten() {
        assert!(text.contains(&format!("`{module}")), "ARCHITECTURE.md does not name `{module}`");
    }
}

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|names| names.contains(&module))
        .unwrap_or_else(|| panic!("module `{module}` has no layer: add it to LAYERS"))
}

/// The top-level module a file belongs to; none for `lib.rs` and the program.
fn module_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_string_lossy().into_owned();
    let name = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
    (name != "lib" && name != "bin").then_some(name)
}

fn first(path: &str) -> &str {
    path.split([':', '{', ';']).next().unwrap_or(path)
}

/// `crate::` paths in a Rust file, with their line numbers.
fn crate_paths(file: &Path) -> Vec<(usize, String)> {
    if is_rust(file) { paths_in(&read(file)) } else { Vec::new() }
}

fn paths_in(text: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for (number, line) in code_lines(text) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            // `use crate::{a, b}` would hide its modules from the check.
            assert!(!rest.starts_with('{'), "line {number}: name the module after crate::");
            if rest.starts_with(|c: char| c.is_ascii_lowercase()) {
                paths.push((number, rest.to_owned()));
            }
        }
    }
    paths
}

/// Lines with their numbers, comments left out.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether `word` stands alone in the line: `print!` is not in `eprint!`.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

fn read(file: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust and WGSL files below a folder of the crate.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for path in entries.map(|entry| entry.expect("a readable folder").path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs" || e == "wgsl") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
