//! The model card: the questions of TRIPOD+AI and CLAIM, answered by the run, by the author, or not at all.
//!
//! TRIPOD+AI: Collins et al., BMJ 385, 2024, e078378. CLAIM: Mongan, Moy, Kahn, Radiology: Artificial
//! Intelligence 2, 2020, e200029. The questions are in our words; questions of both lists are asked once. The
//! item numbers lead to the originals.

mod answers;
mod page;
mod sections;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::plain::is_plain;
use crate::{Error, Parts};

pub use page::{html, text};
pub use sections::{Block, Section, sections};

const QUESTIONS: &str = include_str!("card/questions.csv");

/// A question of the lists.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Question {
    /// Key in a file of answers.
    pub key: String,
    /// Items of TRIPOD+AI, separated by blanks.
    pub tripod: String,
    /// Items of CLAIM, separated by blanks.
    pub claim: String,
    /// The question.
    pub question: String,
}

/// A question with its answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Key in a file of answers.
    pub key: String,
    /// Items of TRIPOD+AI.
    pub tripod: Vec<String>,
    /// Items of CLAIM.
    pub claim: Vec<String>,
    /// The question.
    pub question: String,
    /// Answer of the author.
    pub said: Option<String>,
    /// Answer of the run.
    pub from_run: Option<String>,
}

impl Item {
    /// True if the question has an answer.
    pub fn answered(&self) -> bool {
        self.said.is_some() || self.from_run.is_some()
    }

    /// Item numbers in the lists.
    pub fn numbers(&self) -> String {
        numbers(&self.tripod.join(", "), &self.claim.join(", "))
    }
}

fn numbers(tripod: &str, claim: &str) -> String {
    let of = |list: &str, items: &str| (!items.is_empty()).then(|| format!("{list} {items}"));
    let both = [of("TRIPOD+AI", tripod), of("CLAIM", claim)];
    both.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The card as stored: `card.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Name of the model.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Contact of the author.
    pub contact: Option<String>,
    /// All questions of both lists.
    pub items: Vec<Item>,
}

/// A file of answers (TOML).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    name: Option<String>,
    version: Option<String>,
    contact: Option<String>,
    #[serde(default)]
    answers: BTreeMap<String, String>,
}

/// All questions, in order.
pub fn questions() -> Vec<Question> {
    let mut lines = csv::Reader::from_reader(QUESTIONS.as_bytes());
    lines.deserialize().flatten().collect()
}

/// An empty file of answers, with the questions only.
pub fn template() -> String {
    let mut out = String::from(
        "# Answers for a model card (pleura package RUN --card THIS_FILE). What is left out or empty is shown as unanswered.\n\
         # Some questions a run answers by itself; what is written here stands before that.\n\n\
         name = \"\"\nversion = \"\"\ncontact = \"\"\n\n[answers]\n",
    );
    for Question {
        key,
        tripod,
        claim,
        question,
    } in questions()
    {
        let numbers = numbers(&tripod.replace(' ', ", "), &claim.replace(' ', ", "));
        out += &format!("# {question} ({numbers})\n{key} = \"\"\n\n");
    }
    out
}

impl Answers {
    /// Reads a file of answers.
    ///
    /// # Errors
    /// [`Error::Setting`] names an unknown question, or the invalid line.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, "read the answers"))?;
        let text = text.replace("\r\n", "\n");
        let wrong = |found: String, expected: &str| Error::Setting {
            name: path.display().to_string(),
            found,
            expected: expected.to_owned(),
        };
        let answers: Self = toml::from_str(&text).map_err(|error| {
            wrong(
                error.to_string().trim_end().to_owned(),
                "name, version, contact and a table [answers] of texts; `pleura package card` writes one to fill in",
            )
        })?;
        let known = questions();
        if let Some(key) = answers
            .answers
            .keys()
            .find(|key| known.iter().all(|one| one.key != **key))
        {
            return Err(wrong(
                format!("an answer to {key:?}, which is no question"),
                "the keys that `pleura package card` writes",
            ));
        }
        if let Some((text, expected)) = answers.not_plain() {
            return Err(wrong(format!("control characters in {text:?}"), expected));
        }
        Ok(answers)
    }

    /// A text with control characters, and the expected form.
    fn not_plain(&self) -> Option<(&str, &'static str)> {
        let short = [&self.name, &self.version, &self.contact];
        let mut short = short.into_iter().flatten().map(|text| text.trim());
        if let Some(text) = short.find(|text| !is_plain(text, false)) {
            return Some((text, "a name, version and contact of one line each"));
        }
        let text = self.answers.values().find(|text| !is_plain(text, true))?;
        Some((text, "none but line breaks and tabs"))
    }
}

fn filled(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

impl Card {
    /// The card of a package's parts and an author's answers.
    pub fn of(parts: &Parts, answers: &Answers) -> Self {
        let items = questions().into_iter().map(|question| {
            let numbers = |items: &str| items.split_whitespace().map(str::to_owned).collect();
            Item {
                said: filled(answers.answers.get(&question.key)),
                from_run: answers::from_run(&question.key, parts),
                tripod: numbers(&question.tripod),
                claim: numbers(&question.claim),
                key: question.key,
                question: question.question,
            }
        });
        Self {
            name: filled(answers.name.as_ref()),
            version: filled(answers.version.as_ref()),
            contact: filled(answers.contact.as_ref()),
            items: items.collect(),
        }
    }

    /// Number of answered questions.
    pub fn answered(&self) -> usize {
        self.items.iter().filter(|item| item.answered()).count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_item_of_both_lists_is_asked_once() {
        let questions = questions();
        let keys: BTreeSet<&str> = questions.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys.len(), questions.len());
        let mut claim: Vec<usize> = questions
            .iter()
            .flat_map(|one| {
                one.claim
                    .split_whitespace()
                    .map(|item| item.parse::<usize>().unwrap())
            })
            .collect();
        claim.sort_unstable();
        // Item 3 of CLAIM asks for background and intended use: two questions here.
        assert_eq!(claim, [1, 2, 3].into_iter().chain(3..=42).collect::<Vec<_>>());
        let tripod: BTreeSet<usize> = questions
            .iter()
            .flat_map(|one| one.tripod.split_whitespace())
            .map(|item| {
                item.trim_end_matches(char::is_alphabetic)
                    .parse::<usize>()
                    .unwrap()
            })
            .collect();
        assert_eq!(tripod, (1..=27).collect());
        let items: Vec<&str> = questions
            .iter()
            .flat_map(|one| one.tripod.split_whitespace())
            .collect();
        assert_eq!(items.len(), items.iter().collect::<BTreeSet<_>>().len());
        assert_eq!(items.len(), 52);
    }

    #[test]
    fn the_template_reads_as_no_answers_and_mistakes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.toml");
        std::fs::write(&path, template()).unwrap();
        let answers = Answers::read(&path).unwrap();
        assert_eq!(answers.answers.len(), questions().len());
        assert!(answers.answers.values().all(String::is_empty));
        std::fs::write(&path, "[answers]\nfundin = \"x\"\n").unwrap();
        let error = Answers::read(&path).unwrap_err().to_string();
        assert!(error.contains("\"fundin\", which is no question"), "{error}");
        for (answers, told) in [
            ("name = \"Lungs\\u001b[1A\"\n", "one line"),
            ("version = \"1\\n2\"\n", "one line"),
            ("[answers]\nfunding = \"a\\u0008b\"\n", "but line breaks"),
        ] {
            std::fs::write(&path, answers).unwrap();
            let error = Answers::read(&path).unwrap_err().to_string();
            assert!(
                error.contains("control characters") && error.contains(told),
                "{error}"
            );
        }
        let fine = "name = \"Lungs\\n\"\r\n[answers]\r\nfunding = \"\"\"\r\na\r\n\tb\"\"\"\r\n";
        std::fs::write(&path, fine).unwrap();
        assert!(Answers::read(&path).is_ok());
    }
}
