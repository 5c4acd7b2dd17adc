//! What a command prints: JSON lines for machines, aligned words for people.

use serde_json::Value;
use std::io::{self, Write};
use std::sync::OnceLock;

/// Why some of the results could not be printed.
static LOST: OnceLock<String> = OnceLock::new();

/// Where results go. Standard output carries results alone; notes go to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// One result: a JSON line, or `name value` lines.
    pub fn record(&self, record: &Value) {
        if self.json {
            print(&format!("{record}\n"));
        } else {
            print(&as_text(record));
        }
    }

    /// Text for people only.
    pub fn text(&self, text: &str) {
        if !self.json {
            print(&format!("{text}\n"));
        }
    }

    /// A remark that is no result.
    pub fn note(&self, text: &str) {
        // Nobody is left to tell if that fails.
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Prints a result. A reader who has left is no error: the command goes on and writes its files.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            LOST.get_or_init(|| error.to_string());
        }
        _ => {}
    }
}

/// Why some of the results could not be printed, if so.
pub fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// The members of an object, one a line, names aligned.
fn as_text(record: &Value) -> String {
    let Value::Object(members) = record else { return format!("{record}\n") };
    let width = members.keys().map(String::len).max().unwrap_or(0);
    let line = |(name, value): (&String, &Value)| format!("{name:width$}  {}\n", plain(value));
    members.iter().map(line).collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Number(n) => match n.as_f64() {
            Some(x) if n.is_f64() => significant(x),
            _ => n.to_string(),
        },
        Value::Array(items) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A number with six significant digits, in whichever notation is shorter.
pub fn significant(x: f64) -> String {
    let magnitude = x.abs();
    if x == 0.0 || (1e-3..1e7).contains(&magnitude) {
        let digits = 5 - magnitude.max(1e-3).log10().floor() as i32;
        let fixed = format!("{x:.*}", digits.clamp(0, 9) as usize);
        if fixed.contains('.') {
            return fixed.trim_end_matches('0').trim_end_matches('.').to_owned();
        }
        return fixed;
    }
    let scientific = format!("{x:.5e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_six_digits() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (97_336.0, "97336"),
            (0.412_776_123, "0.412776"),
            (9.81, "9.81"),
            (1e-5, "1e-5"),
            (-2.345_678_9e-9, "-2.34568e-9"),
            (6.02e23, "6.02e23"),
        ];
        for (value, text) in cases {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn a_record_is_lines_of_names_and_values() {
        let record = serde_json::json!({"particles": 8, "momentum": [0.5, -1.0], "device": "CPU"});
        assert_eq!(as_text(&record), "particles  8\nmomentum   [0.5, -1]\ndevice     CPU\n");
    }
}
