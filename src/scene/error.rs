//! What can be wrong with a scene, said to the person who can mend it: where, what was found, what
//! is allowed.

use super::Source;
use super::read::locate;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// An error in a scene file, or in a file that it names.
///
/// Displays as `file:line:column: message`; as a [`miette::Diagnostic`] it shows the line.
#[derive(Debug)]
pub struct SceneError(Box<Details>);

#[derive(Debug, Default)]
struct Details {
    message: String,
    help: Option<String>,
    file: Option<PathBuf>,
    /// The whole text and the bytes in it that the error is about.
    excerpt: Option<(miette::NamedSource<String>, Range<usize>)>,
    /// Line and column, counted from one.
    line_column: Option<(usize, usize)>,
}

impl SceneError {
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Details { message: message.into(), ..Default::default() }))
    }

    /// Names the file it is about.
    pub fn in_file(mut self, path: &Path) -> Self {
        if !path.as_os_str().is_empty() {
            self.0.file = Some(path.to_path_buf());
        }
        self
    }

    /// Adds what to do about it.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Points at the value that a key leads to, or to the closest one around it that is written.
    pub(super) fn at(self, source: &Source, key: &KeyPath) -> Self {
        match locate(&source.text, key) {
            Some(span) => self.at_span(source, span),
            None => self.in_file(&source.path),
        }
    }

    pub(super) fn at_span(mut self, source: &Source, span: Range<usize>) -> Self {
        let name = source.path.display().to_string();
        self.0.line_column = Some(line_column(&source.text, span.start));
        self.0.excerpt = Some((miette::NamedSource::new(name, source.text.clone()), span));
        self.in_file(&source.path)
    }

    /// What is wrong, without its place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Line and column in the scene file, counted from one; `None` if no text is known.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        self.0.line_column
    }
}

impl fmt::Display for SceneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.0.file {
            write!(f, "{}:", file.display())?;
        }
        if let Some((line, column)) = self.0.line_column {
            write!(f, "{line}:{column}:")?;
        }
        if self.0.file.is_some() || self.0.line_column.is_some() {
            write!(f, " ")?;
        }
        write!(f, "{}", self.0.message)
    }
}

impl std::error::Error for SceneError {}

impl miette::Diagnostic for SceneError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.0.excerpt.as_ref().map(|(source, _)| source as &dyn miette::SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let (_, span) = self.0.excerpt.as_ref()?;
        let label = miette::LabeledSpan::new(Some("here".into()), span.start, span.len());
        Some(Box::new(std::iter::once(label)))
    }
}

/// Where a value stands in a scene: keys and indices from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPath(pub(super) Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

impl KeyPath {
    /// A key of the root table.
    pub fn root(key: &str) -> Self {
        Self::default().key(key)
    }
    /// The value of a key in the table at this path.
    pub fn key(&self, key: &str) -> Self {
        self.with(Segment::Key(key.to_string()))
    }
    /// An element of the array at this path.
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }
    fn with(&self, segment: Segment) -> Self {
        let mut longer = self.clone();
        longer.0.push(segment);
        longer
    }
}

/// The candidate that was probably meant by a misspelt name; `None` if none is near.
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters wrong, but always one: what people mistype, and little else.
    let limit = (found.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(found, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour to get from one word to another.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replace = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replace.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    table[a.len()][b.len()]
}

/// Line and column of a byte, counted from one; columns count characters.
fn line_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_nearest_candidate_and_a_strange_one_none() {
        let keys = ["density", "name", "law"];
        assert_eq!(nearest("densty", keys), Some("density"));
        assert_eq!(nearest("dnesity", keys), Some("density"));
        assert_eq!(nearest("colour", keys), None);
    }

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        assert_eq!(line_column("ab\ncé = 1", 0), (1, 1));
        assert_eq!(line_column("ab\ncé = 1", 7), (2, 4));
    }
}
