//! Every command line in the README and in the book is one that the program takes.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::Cli;

/// The README and the pages of the book.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// Command lines in fenced code, with the number of the line on which each begins. A backslash at the end
/// continues a line.
fn commands(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let line = line.trim().trim_start_matches("$ ");
        let command = ["pleura ", "cargo run --release -- "]
            .iter()
            .find_map(|program| line.strip_prefix(program));
        let (true, Some(command)) = (fenced, command) else {
            continue;
        };
        let mut command = command.to_owned();
        while let Some(begun) = command.strip_suffix('\\') {
            let next = lines.next().map_or("", |(_, line)| line.trim());
            command = format!("{} {next}", begun.trim_end());
        }
        found.push((number + 1, command));
    }
    found
}

/// Words of a shell command, up to a comment, an explanation (after two blanks), a pipe or a redirection.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut depth = 0;
    let mut characters = command.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), character) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, ' ') if depth == 0 => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if characters.peek() == Some(&' ') {
                    break;
                }
            }
            (None, '#' | '|' | '>' | ';' | '&') if word.is_empty() => break,
            _ => {
                if quote.is_none() {
                    depth += i32::from(character == '[') - i32::from(character == ']');
                }
                word.push(if character == ' ' && depth > 0 {
                    SPACE
                } else {
                    character
                });
            }
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// A blank in brackets, until they are gone.
const SPACE: char = '\u{a0}';

/// The lines that the notation stands for, with some of its brackets kept: one for each of the alternatives
/// `A|B`.
fn lines(words: &[String], kept: &[(usize, usize)]) -> Vec<Vec<String>> {
    let words: Vec<String> = words
        .iter()
        .enumerate()
        .flat_map(|(place, word)| {
            let group = kept.iter().find(|(of, _)| *of == place).map(|(_, group)| *group);
            let word = bracketed(word, group);
            word.split(SPACE).map(str::to_owned).collect::<Vec<_>>()
        })
        .map(|word| word.trim_end_matches("...").trim_end_matches('…').to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    let first = |word: &String| alternatives(word).map_or_else(|| word.clone(), |list| list[0].clone());
    let base: Vec<String> = words.iter().map(first).collect();
    let mut lines = vec![base.clone()];
    for (place, word) in words.iter().enumerate() {
        for alternative in alternatives(word).into_iter().flatten().skip(1) {
            let mut line = base.clone();
            line[place] = alternative;
            lines.push(line);
        }
    }
    lines
}

/// Checks a command without what is in brackets, and with each of them: alone, or with one other that it
/// needs.
fn check(words: &[String]) -> Result<(), String> {
    let parse = |kept: &[(usize, usize)]| {
        lines(words, kept)
            .iter()
            .try_for_each(|line| parse(line).map_err(|error| format!("pleura {}\n{error}", line.join(" "))))
    };
    parse(&[])?;
    let brackets: Vec<(usize, usize)> = words
        .iter()
        .enumerate()
        .flat_map(|(place, word)| (0..groups(word)).map(move |group| (place, group)))
        .collect();
    for &one in &brackets {
        let alone = parse(&[one]);
        let together = || {
            brackets
                .iter()
                .any(|&other| other.0 != one.0 && parse(&[one, other]).is_ok())
        };
        if alone.is_err() && !together() {
            return alone;
        }
    }
    Ok(())
}

/// `A|B` without blanks, as findings of a map have them.
fn alternatives(word: &str) -> Option<Vec<String>> {
    (word.contains('|') && !word.contains(' ')).then(|| word.split('|').map(str::to_owned).collect())
}

/// How many outermost brackets a word has.
fn groups(word: &str) -> usize {
    let mut depth = 0;
    let mut groups = 0;
    for character in word.chars() {
        groups += usize::from(character == '[' && depth == 0);
        depth += i32::from(character == '[') - i32::from(character == ']');
    }
    groups
}

/// A word without its brackets; one of them may stay, without those in it.
fn bracketed(word: &str, kept: Option<usize>) -> String {
    let mut text = String::new();
    let mut depth = 0;
    let mut group = 0;
    for character in word.chars() {
        match character {
            '[' => {
                depth += 1;
                group += usize::from(depth == 1);
            }
            ']' => depth -= 1,
            _ if depth == 0 || (depth == 1 && kept == Some(group - 1)) => text.push(character),
            _ => {}
        }
    }
    text
}

/// What a name in capitals may stand for, where a word will not do.
const VALUES: [&str; 4] = ["1", "0.5", "64", "all"];

/// Parses a line; a name in capitals may stand for a value.
fn parse(words: &[String]) -> Result<(), String> {
    let mut words = words.to_vec();
    // Of each word that stands for a value: its name and how many values were tried.
    let mut tried: HashMap<usize, (String, usize)> = HashMap::new();
    loop {
        let line = std::iter::once("pleura").chain(words.iter().map(String::as_str));
        let Err(error) = Cli::try_parse_from(line) else {
            return Ok(());
        };
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return Ok(());
        }
        let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
            return Err(error.to_string());
        };
        let stands = |word: &String| word == value || word.ends_with(&format!("={value}"));
        let Some(place) = words.iter().position(stands) else {
            return Err(error.to_string());
        };
        let (name, next) = tried
            .entry(place)
            .or_insert_with(|| (words[place].rsplit('=').next().unwrap().to_owned(), 0));
        let capitals = name.chars().all(|c| c.is_ascii_uppercase() || c == '_') && !name.is_empty();
        let (true, Some(instead)) = (capitals, VALUES.get(*next)) else {
            return Err(error.to_string());
        };
        *next += 1;
        let kept = words[place].rfind('=').map_or(0, |sign| sign + 1);
        words[place].replace_range(kept.., instead);
    }
}

#[test]
fn every_command_of_the_book_parses() {
    let mut wrong = Vec::new();
    let mut parsed = 0;
    for page in pages() {
        for (number, command) in commands(&fs::read_to_string(&page).unwrap()) {
            let words = words(&command);
            // A name with an explanation beside it, as in a list of crates.
            if words.is_empty() {
                continue;
            }
            parsed += 1;
            if let Err(error) = check(&words) {
                wrong.push(format!("{}:{number}: {error}", page.display()));
            }
        }
    }
    assert!(parsed > 100, "{parsed} commands found");
    assert!(
        wrong.is_empty(),
        "{} of {parsed}:\n\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn notation_stands_for_lines() {
    let page =
        "pleura not in code\n```text\npleura train A --out \\\n    B   # why\n$ pleura doctor | head\n```\n";
    let found = commands(page);
    assert_eq!(found[0], (3, "train A --out B   # why".to_owned()));
    assert_eq!(words(&found[0].1), ["train", "A", "--out", "B"]);
    assert_eq!(words(&found[1].1), ["doctor"]);
    let words_of = words("audit RUN|M.csv [--out DIR [--deep]] \"a | b\"");
    let shown = |kept: &[(usize, usize)]| -> Vec<String> {
        lines(&words_of, kept).iter().map(|line| line.join(" ")).collect()
    };
    assert_eq!(shown(&[]), ["audit RUN a | b", "audit M.csv a | b"]);
    assert_eq!(
        shown(&[(2, 0)]),
        ["audit RUN --out DIR a | b", "audit M.csv --out DIR a | b"]
    );
    let check = |line: &str| check(&words(line));
    for right in [
        "doctor --threads N [--json] | head",
        "evaluate A --manifest M.csv --prevalence X=SHARE",
        "export RUN|W --onnx OUT [--heatmap [NAME]] [--finding NAME|all]",
    ] {
        assert_eq!(check(right), Ok(()));
    }
    for wrong in [
        "doctor [--nothing]",
        "data splt M.csv",
        "doctor --threads many",
        "data split M.csv|M.csv --by chance|patient",
    ] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
}
