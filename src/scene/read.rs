//! From TOML text to plain data, keeping the place of every value.
//!
//! A serde deserializer over toml's spanned tree. It differs from toml's own in two points: a table
//! with a `type` is read as an enum directly (serde's internally tagged enums buffer their content,
//! and with it lose every span), and errors stay structured, so that the message can name the
//! nearest valid key.

use super::error::{KeyPath, SceneError, Segment, nearest};
use super::{FORMAT, Source};
use serde::de::{self, DeserializeSeed, Deserializer, Expected, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt::{self, Display};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// The key that selects the variant of a closed choice.
const TAG: &str = "type";

/// Reads a whole file.
pub(super) fn from_toml<T: de::DeserializeOwned>(source: &Source) -> Result<T, SceneError> {
    let root = DeTable::parse(&source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        SceneError::new(format!("not valid TOML: {}", error.message())).at_span(source, span)
    })?;
    check_format(root.get_ref(), source)?;
    let span = root.span();
    let table = Table { entries: entries(root.get_ref()), span: span.clone() };
    T::deserialize(table).map_err(|fault| {
        let error =
            SceneError::new(fault.problem.to_string()).at_span(source, fault.span.unwrap_or(span));
        match fault.problem.help() {
            Some(help) => error.with_help(help),
            None => error,
        }
    })
}

/// The version decides what the rest means, so it is looked at first.
fn check_format(root: &DeTable<'_>, source: &Source) -> Result<(), SceneError> {
    let Some(value) = root.get("format") else {
        return Err(SceneError::new(format!(
            "no `format`: a scene begins with `format = {FORMAT}`"
        ))
        .at_span(source, 0..0));
    };
    let version = value.get_ref().as_integer().and_then(integer);
    if version == Some(i64::from(FORMAT)) {
        return Ok(());
    }
    let found = &source.text[value.span()];
    Err(SceneError::new(format!("unknown format {found}: this program reads format {FORMAT}"))
        .at_span(source, value.span()))
}

/// The bytes of the value at a path, or of the closest table around it that is written.
pub(super) fn locate(text: &str, path: &KeyPath) -> Option<Range<usize>> {
    let root = DeTable::parse(text).ok()?;
    let mut span = None;
    let mut table = Some(root.get_ref());
    let mut array: Option<&DeArray<'_>> = None;
    for segment in &path.0 {
        let value = match segment {
            Segment::Key(key) => table.and_then(|t| t.get(key.as_str())),
            Segment::Index(index) => array.and_then(|a| a.get(*index)),
        };
        let Some(value) = value else { break };
        span = Some(value.span());
        table = value.get_ref().as_table();
        array = value.get_ref().as_array();
    }
    span
}

/// An error of deserialization and the bytes it is about.
#[derive(Debug)]
struct Fault {
    span: Option<Range<usize>>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    UnknownKey { found: String, allowed: &'static [&'static str] },
    UnknownChoice { found: String, allowed: &'static [&'static str] },
    MissingKey(&'static str),
    Other(String),
}

impl Problem {
    fn help(&self) -> Option<String> {
        let (Problem::UnknownKey { found, allowed } | Problem::UnknownChoice { found, allowed }) =
            self
        else {
            return None;
        };
        nearest(found, allowed.iter().copied()).map(|name| format!("did you mean `{name}`?"))
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, found, allowed) = match self {
            Problem::UnknownKey { found, allowed } => ("key", found, allowed),
            Problem::UnknownChoice { found, allowed } => ("choice", found, allowed),
            Problem::MissingKey(key) => return write!(f, "missing key `{key}`"),
            Problem::Other(message) => return write!(f, "{message}"),
        };
        write!(f, "unknown {what} `{found}`")?;
        if let Some(name) = nearest(found, allowed.iter().copied()) {
            write!(f, ", did you mean `{name}`?")?;
        }
        match allowed {
            [] => write!(f, " (nothing is allowed here)"),
            _ => write!(f, " (allowed: {})", listed(allowed)),
        }
    }
}

fn listed(names: &[&str]) -> String {
    let named = names.iter().filter(|name| !name.is_empty());
    named.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Fault {
    fn new(span: Range<usize>, problem: Problem) -> Self {
        Self { span: Some(span), problem }
    }
    /// Gives the error a place unless something further inside has done so.
    fn or_at(mut self, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }
    fn placeless(problem: Problem) -> Self {
        Self { span: None, problem }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}
impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::placeless(Problem::Other(message.to_string()))
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::placeless(Problem::UnknownKey { found: field.to_string(), allowed: expected })
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::placeless(Problem::UnknownChoice { found: variant.to_string(), allowed: expected })
    }
    fn missing_field(field: &'static str) -> Self {
        Self::placeless(Problem::MissingKey(field))
    }
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format!("expected {}, found {found}", plain_words(expected)))
    }
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }
    fn invalid_length(found: usize, expected: &dyn Expected) -> Self {
        Self::custom(format!("expected {}, found {found} elements", plain_words(expected)))
    }
}

/// What serde calls by its Rust type, in the words of a scene's author.
fn plain_words(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "f64" => "a number".into(),
        "u32" | "u64" | "usize" => "a whole number, zero or greater".into(),
        "i32" => "a whole number that fits 32 bits".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "an array".into(),
        _ if expected.starts_with("struct ") => "a table".into(),
        _ => expected,
    }
}

/// The integer, if it fits 64 bits with a sign, as TOML has it.
fn integer(value: &toml::de::DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(value.as_str(), value.radix()).ok()
}

/// One key, its span, and its value.
type Entry<'a> = (&'a str, Range<usize>, &'a Spanned<DeValue<'a>>);

/// The entries of a table in the order of the file, so that the first error is the topmost one.
fn entries<'a>(table: &'a DeTable<'a>) -> std::vec::IntoIter<Entry<'a>> {
    let mut list: Vec<Entry<'a>> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
    list.sort_by_key(|(_, span, _)| span.start);
    list.into_iter()
}

/// A value and where it stands.
#[derive(Clone, Copy)]
struct Value<'a>(&'a Spanned<DeValue<'a>>);

impl<'de, 'a> Deserializer<'de> for Value<'a> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let span = self.0.span();
        match self.0.get_ref() {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => match integer(number) {
                Some(number) => visitor.visit_i64(number),
                None => Err(de::Error::custom(format!(
                    "`{number}` does not fit 64 bits with a sign: from {} to {}",
                    i64::MIN,
                    i64::MAX
                ))),
            },
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(de::Error::custom(format!("`{number}` is not a number"))),
            },
            DeValue::Boolean(flag) => visitor.visit_bool(*flag),
            DeValue::Datetime(date) => {
                Err(de::Error::invalid_type(Unexpected::Other(&format!("date {date}")), &visitor))
            }
            DeValue::Array(array) => visitor.visit_seq(Array { rest: array.iter() }),
            DeValue::Table(table) => {
                visitor.visit_map(Table { entries: entries(table), span: span.clone() }.access())
            }
        }
        .map_err(|fault| fault.or_at(&span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let span = self.0.span();
        match self.0.get_ref() {
            DeValue::String(text) => {
                visitor.visit_enum(Choice { tag: text, tag_span: span.clone(), content: None })
            }
            DeValue::Table(table) => {
                let Some(tag) = table.get(TAG) else {
                    // A choice that may be left out has an empty name for that.
                    if variants.contains(&"") {
                        let content = Table { entries: entries(table), span: span.clone() };
                        let choice = Choice { tag: "", tag_span: span, content: Some(content) };
                        return visitor.visit_enum(choice);
                    }
                    let message = format!("missing key `{TAG}` (one of {})", listed(variants));
                    return Err(Fault::new(span, Problem::Other(message)));
                };
                let DeValue::String(name) = tag.get_ref() else {
                    let message = format!("`{TAG}` is one of {}", listed(variants));
                    return Err(Fault::new(tag.span(), Problem::Other(message)));
                };
                let rest: Vec<_> = entries(table).filter(|(key, ..)| *key != TAG).collect();
                let content = Table { entries: rest.into_iter(), span: span.clone() };
                visitor.visit_enum(Choice {
                    tag: name,
                    tag_span: tag.span(),
                    content: Some(content),
                })
            }
            other => {
                let message =
                    format!("expected one of {}, found {}", listed(variants), other.type_str());
                Err(Fault::new(span.clone(), Problem::Other(message)))
            }
        }
        .map_err(|fault| fault.or_at(&span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The entries of a table, before they are read.
struct Table<'a> {
    entries: std::vec::IntoIter<Entry<'a>>,
    span: Range<usize>,
}

impl<'a> Table<'a> {
    fn access(self) -> TableAccess<'a> {
        TableAccess { entries: self.entries, value: None }
    }
}

impl<'de, 'a> Deserializer<'de> for Table<'a> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let span = self.span.clone();
        visitor.visit_map(self.access()).map_err(|fault| fault.or_at(&span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any option
        enum
    }
}

/// A table while it is read.
struct TableAccess<'a> {
    entries: std::vec::IntoIter<Entry<'a>>,
    value: Option<&'a Spanned<DeValue<'a>>>,
}

impl<'de, 'a> de::MapAccess<'de> for TableAccess<'a> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, span, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        let name = de::value::StrDeserializer::<Fault>::new(key);
        seed.deserialize(name).map(Some).map_err(|fault| fault.or_at(&span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.value.take() {
            Some(value) => seed.deserialize(Value(value)),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}

/// An array while it is read.
struct Array<'a> {
    rest: std::slice::Iter<'a, Spanned<DeValue<'a>>>,
}

impl<'de, 'a> de::SeqAccess<'de> for Array<'a> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        self.rest.next().map(|value| seed.deserialize(Value(value))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A closed choice: a bare string, or a table with a `type`.
struct Choice<'a> {
    tag: &'a str,
    tag_span: Range<usize>,
    content: Option<Table<'a>>,
}

impl<'de, 'a> de::EnumAccess<'de> for Choice<'a> {
    type Error = Fault;
    type Variant = ChoiceContent<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Fault> {
        let name = de::value::StrDeserializer::<Fault>::new(self.tag);
        let variant = seed.deserialize(name).map_err(|fault| fault.or_at(&self.tag_span))?;
        let content = ChoiceContent { tag: self.tag, span: self.tag_span, content: self.content };
        Ok((variant, content))
    }
}

/// What a choice carries besides its name.
struct ChoiceContent<'a> {
    tag: &'a str,
    span: Range<usize>,
    content: Option<Table<'a>>,
}

impl<'a> ChoiceContent<'a> {
    fn table(self) -> Result<Table<'a>, Fault> {
        let message = format!("expected a table `{{ {TAG} = \"{}\", .. }}`", self.tag);
        self.content.ok_or(Fault::new(self.span, Problem::Other(message)))
    }
}

impl<'de, 'a> de::VariantAccess<'de> for ChoiceContent<'a> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            None => Ok(()),
            Some(table) => {
                let message = format!("expected the bare string \"{}\"", self.tag);
                Err(Fault::new(table.span, Problem::Other(message)))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.table()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.table()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.table()?.deserialize_any(visitor)
    }
}
