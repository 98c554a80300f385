//! A terminal session in a folder, kept as one snapshot.

use std::fmt::Write as _;

use serde_json::Value;

use crate::scene::{Said, Scene};

/// What remains of a number that has a fraction.
#[derive(Clone, Copy)]
pub(crate) enum Figures {
    /// All digits: nothing rounds otherwise on another machine.
    Exact,
    /// Three significant digits, and zero for less than 10⁻⁴: networks differ between instruction sets in the
    /// last of seven.
    Rounded,
    /// The form alone, and no digest: results of training differ between instruction sets.
    Hidden,
}

/// Values that differ from machine to machine or from run to run, by their JSON keys.
const TIMES: [&str; 6] = [
    "seconds",
    "films_per_second",
    "when",
    "started",
    "waiting",
    "machine",
];

/// JSON that is no longer stands on one line.
const WIDTH: usize = 240;

/// The least number that is not noise where figures are rounded.
const NOISE: f64 = 1e-4;

/// Commands, and what the program said to them.
pub(crate) struct Session<'a> {
    scene: &'a Scene,
    figures: Figures,
    digests: bool,
    text: String,
}

impl<'a> Session<'a> {
    pub(crate) fn new(scene: &'a Scene, figures: Figures) -> Self {
        Self {
            scene,
            figures,
            digests: !matches!(figures, Figures::Hidden),
            text: String::new(),
        }
    }

    /// Hides digests, where keys are random.
    pub(crate) fn without_digests(mut self) -> Self {
        self.digests = false;
        self
    }

    /// Runs `pleura` with a line of arguments; single quotes keep blanks together.
    pub(crate) fn run(&mut self, line: &str) -> &mut Self {
        let mut command = self.scene.command(&[]);
        command.args(split(line));
        // Help is as wide as the terminal, errors are as long as the shell's settings say.
        command.env("COLUMNS", "100").env_remove("RUST_BACKTRACE");
        let Said { code, out, err } = self.scene.hear(&mut command);
        writeln!(self.text, "$ pleura {line}").unwrap();
        if code != 0 {
            writeln!(self.text, "[exit code {code}]").unwrap();
        }
        let documents: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&out)
            .into_iter::<Value>()
            .collect();
        match documents {
            Ok(documents) if line.contains("--json") => {
                for document in documents {
                    self.json(document);
                }
            }
            _ => self.text(&out),
        }
        if !err.is_empty() {
            self.text += "[stderr]\n";
            self.text(&err);
        }
        self.text.push('\n');
        self
    }

    /// Shows a text file that a command wrote.
    pub(crate) fn file(&mut self, name: &str) -> &mut Self {
        let text = std::fs::read_to_string(self.scene.path(name)).unwrap();
        let text = text.replace(&*self.scene.path("").to_string_lossy(), "DIR/");
        writeln!(self.text, "[file {name}]").unwrap();
        match serde_json::from_str(&text) {
            Ok(document @ (Value::Object(_) | Value::Array(_))) => self.json(document),
            _ => self.text(&text),
        }
        self.text.push('\n');
        self
    }

    /// Compares the session with the snapshot of this name.
    pub(crate) fn freeze(&self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("frozen");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.text.trim_end()));
    }

    fn json(&mut self, mut document: Value) {
        self.settle(&mut document);
        print(&mut self.text, &document, 0);
        self.text.push('\n');
    }

    fn text(&mut self, text: &str) {
        for line in self.words(text).lines() {
            self.text += line.trim_end();
            self.text.push('\n');
        }
    }

    /// Rounds or hides what is not the same everywhere.
    fn settle(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    // What has digests in it has no length of its own.
                    let length = key == "bytes" && !self.digests;
                    if length || TIMES.contains(&key.as_str()) && !value.is_object() {
                        *value = Value::from(format!("<{key}>"));
                    } else {
                        self.settle(value);
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.settle(value)),
            Value::Number(number) if number.is_f64() => {
                let exact = number.as_f64().unwrap();
                match self.figures {
                    Figures::Exact => {}
                    Figures::Rounded => *value = rounded(exact).into(),
                    Figures::Hidden => *value = "#.#".into(),
                }
            }
            Value::String(text) => *text = self.words(text),
            _ => {}
        }
    }

    /// A text with its numbers rounded or hidden, and without versions.
    fn words(&self, text: &str) -> String {
        let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        let text = if self.digests { text } else { undigested(&text) };
        match self.figures {
            Figures::Exact => text,
            Figures::Rounded | Figures::Hidden => numbers(&text, self.figures),
        }
    }
}

/// Prints JSON with what is short on one line.
fn print(text: &mut String, value: &Value, indent: usize) {
    let line = value.to_string();
    let (open, close, items) = match value {
        Value::Object(fields) if line.len() > WIDTH => (
            '{',
            '}',
            fields
                .iter()
                .map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value))
                .collect(),
        ),
        Value::Array(values) if line.len() > WIDTH => (
            '[',
            ']',
            values
                .iter()
                .map(|value| (String::new(), value))
                .collect::<Vec<_>>(),
        ),
        _ => return *text += &line,
    };
    writeln!(text, "{open}").unwrap();
    for (number, (key, value)) in items.iter().enumerate() {
        write!(text, "{:indent$}{key}", "", indent = indent + 2).unwrap();
        print(text, value, indent + 2);
        *text += if number + 1 < items.len() { ",\n" } else { "\n" };
    }
    write!(text, "{:indent$}{close}", "").unwrap();
}

/// Words of a command line.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn rounded(number: f64) -> f64 {
    if number.abs() < NOISE {
        0.0
    } else {
        format!("{number:.2e}").parse().unwrap()
    }
}

/// Without words of twelve or more hexadecimal digits.
fn undigested(text: &str) -> String {
    let mut settled = String::new();
    for word in text.split_inclusive(|character: char| !character.is_ascii_alphanumeric()) {
        let digits = word.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        let digest = digits.len() >= 12 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
        settled += if digest { "<digest>" } else { digits };
        settled += &word[digits.len()..];
    }
    settled
}

/// Rounds or hides the numbers with a fraction in a text.
fn numbers(text: &str, figures: Figures) -> String {
    let characters: Vec<char> = text.chars().collect();
    let digits = |from: usize| {
        let rest = characters.get(from..).unwrap_or_default();
        rest.iter()
            .take_while(|character| character.is_ascii_digit())
            .count()
    };
    let mut settled = String::new();
    let mut at = 0;
    while at < characters.len() {
        let inside =
            settled.ends_with(|before: char| before.is_alphanumeric() || before == '.' || before == '_');
        if inside || !characters[at].is_ascii_digit() {
            settled.push(characters[at]);
            at += 1;
            continue;
        }
        let whole = digits(at);
        let mut end = at + whole;
        let decimals = if characters.get(end) == Some(&'.') {
            digits(end + 1)
        } else {
            0
        };
        if decimals > 0 {
            end += 1 + decimals;
        }
        let mut exponent = 0;
        if characters.get(end) == Some(&'e') {
            let sign = usize::from(matches!(characters.get(end + 1), Some('-' | '+')));
            exponent = digits(end + 1 + sign);
            end += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        let token: String = characters[at..end].iter().collect();
        if decimals == 0 && exponent == 0 {
            settled += &token;
        } else if matches!(figures, Figures::Hidden) {
            // How many digits are before the point, and the sign, belong to the number.
            settled.truncate(settled.trim_end_matches(['-', '+', '−']).len());
            settled += &format!("#.{}", "#".repeat(decimals));
        } else if (decimals > 3 || exponent > 0) && token.parse::<f64>().unwrap() < NOISE {
            settled.truncate(settled.trim_end_matches(['-', '+', '−']).len());
            settled.push('0');
        } else if decimals > 3 || exponent > 0 {
            settled += &rounded(token.parse().unwrap()).to_string();
        } else {
            settled += &token;
        }
        at = end;
    }
    if matches!(figures, Figures::Hidden) {
        // So do the blanks before it.
        let lines = settled.lines();
        settled = lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join("\n");
    }
    settled
}
