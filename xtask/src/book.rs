//! Checks the book's links without mdBook. The summary lists every page, every listed page exists, and every
//! relative link leads to a file and to a heading in it: in the book, and in the pages beside README.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace;

/// Reads the pages below `docs` and at the top of the repository; returns every broken link with its file and
/// line.
fn problems() -> Result<Vec<String>> {
    let source = workspace::root().join("docs");
    let summary = source.join("SUMMARY.md");
    let mut pages = BTreeSet::new();
    collect_pages(&source, &mut pages)?;
    let mut problems = unlisted(&summary, &pages)?;
    for entry in fs::read_dir(workspace::root())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.insert(path);
        }
    }
    for page in &pages {
        for link in links_of(&read(page)?) {
            if let Some(problem) = broken(page, &link.target)? {
                problems.push(format!(
                    "{}:{}: {problem}",
                    workspace::relative(page).display(),
                    link.line
                ));
            }
        }
    }
    Ok(problems)
}

fn read(page: &Path) -> Result<String> {
    fs::read_to_string(page).with_context(|| format!("cannot read {}", workspace::relative(page).display()))
}

fn collect_pages(folder: &Path, pages: &mut BTreeSet<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot list {}", workspace::relative(folder).display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect_pages(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.insert(path);
        }
    }
    Ok(())
}

/// Returns the pages that the summary does not list: mdBook would silently leave them out.
fn unlisted(summary: &Path, pages: &BTreeSet<PathBuf>) -> Result<Vec<String>> {
    let listed: BTreeSet<PathBuf> = links_of(&read(summary)?)
        .iter()
        .map(|link| resolve(summary, path_of(&link.target)))
        .collect();
    let missing = pages
        .iter()
        .filter(|page| *page != summary && !listed.contains(*page));
    Ok(missing
        .map(|page| format!("{}: not in SUMMARY.md", workspace::relative(page).display()))
        .collect())
}

/// Returns the fault of a link; `None` if it is correct or leads outside.
fn broken(page: &Path, target: &str) -> Result<Option<String>> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(None);
    }
    let path = path_of(target);
    let file = if path.is_empty() {
        page.to_path_buf()
    } else {
        resolve(page, path)
    };
    if !file.exists() {
        return Ok(Some(format!(
            "{target}: there is no {}",
            workspace::relative(&file).display()
        )));
    }
    let Some((_, anchor)) = target.split_once('#') else {
        return Ok(None);
    };
    if file.extension().is_none_or(|extension| extension != "md") {
        return Ok(None);
    }
    let known = anchors_of(&read(&file)?);
    Ok((!known.contains(anchor)).then(|| {
        format!(
            "{target}: {} has no heading #{anchor}",
            workspace::relative(&file).display()
        )
    }))
}

fn path_of(target: &str) -> &str {
    target.split_once('#').map_or(target, |(path, _)| path)
}

/// Returns `target` relative to `page`, with `.` and `..` resolved in the text, so that equal files have
/// equal paths.
fn resolve(page: &Path, target: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(page).to_path_buf();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    line: usize,
    target: String,
}

/// Returns inline links and images `[…](target)`, reference definitions `[name]: target`, and `src="…"`,
/// `href="…"` of inline HTML.
fn links_of(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, content) in prose(text) {
        let mut note = |target: &str| {
            // A title may follow the target: `(page.md "Title")`.
            let target = target.trim().split([' ', '\t']).next().unwrap_or("");
            let target = target.trim_start_matches('<').trim_end_matches('>');
            if !target.is_empty() {
                links.push(Link {
                    line,
                    target: target.to_owned(),
                });
            }
        };
        for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for (at, _) in content.match_indices(opening) {
                let rest = &content[at + opening.len()..];
                if let Some(end) = rest.find(closing) {
                    note(&rest[..end]);
                }
            }
        }
        let trimmed = content.trim_start();
        if let Some((_, target)) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            note(target);
        }
    }
    links
}

/// Returns the lines outside fenced code, numbered from 1, with inline code blanked.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => lines.push((index + 1, without_code(line))),
            _ => {}
        }
    }
    lines
}

fn without_code(line: &str) -> String {
    line.split('`')
        .enumerate()
        .map(|(index, part)| if index % 2 == 0 { part } else { "" })
        .collect::<Vec<_>>()
        .join("`")
}

/// Returns mdBook's anchors of a page's headings: lower case, spaces to hyphens, other signs dropped, repeats
/// numbered.
fn anchors_of(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let heading = line.trim_start_matches('#');
        let level = line.len() - heading.len();
        if fenced || !(1..=6).contains(&level) || !heading.starts_with(' ') {
            continue;
        }
        let plain: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter_map(|sign| match sign {
                ' ' => Some('-'),
                '-' | '_' => Some(sign),
                _ if sign.is_alphanumeric() => Some(sign),
                _ => None,
            })
            .collect();
        let mut anchor = plain.clone();
        let mut repeat = 0;
        while !anchors.insert(anchor.clone()) {
            repeat += 1;
            anchor = format!("{plain}-{repeat}");
        }
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
        let problems = problems().unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    fn targets(text: &str) -> Vec<String> {
        links_of(text).into_iter().map(|link| link.target).collect()
    }

    #[test]
    fn links_are_found_where_a_reader_sees_them() {
        let text = "[a](one.md) and ![b](img/two.png \"T\")\n\n[ref]: three.md\n<img src=\"four.svg\">\n`[no](code.md)`\n```\n[no](fence.md)\n```\n[c](five.md#x)\n";
        assert_eq!(
            targets(text),
            ["one.md", "img/two.png", "three.md", "four.svg", "five.md#x"]
        );
        assert_eq!(links_of(text)[4].line, 9);
    }

    #[test]
    fn headings_become_the_anchors_that_mdbook_makes() {
        let anchors = anchors_of(
            "# The manifest, line by line\n## Exit codes\n```\n# no heading\n```\n## Exit codes\n#no\n",
        );
        let expected = ["the-manifest-line-by-line", "exit-codes", "exit-codes-1"];
        assert_eq!(anchors, expected.iter().map(ToString::to_string).collect());
    }

    #[test]
    fn a_link_is_broken_by_its_file_or_by_its_heading() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let page = folder.path().join("sub/page.md");
        fs::write(&page, "# Here\n").unwrap();
        fs::write(folder.path().join("top.md"), "# There\n").unwrap();
        let verdict = |target: &str| broken(&page, target).unwrap();
        assert_eq!(verdict("../top.md#there"), None);
        assert_eq!(verdict("#here"), None);
        assert_eq!(verdict("https://example.org/nowhere"), None);
        assert!(verdict("top.md").unwrap().contains("there is no"));
        assert!(verdict("../top.md#here").unwrap().contains("no heading #here"));
    }

    #[test]
    fn the_summary_must_name_every_page() {
        let folder = tempfile::tempdir().unwrap();
        let summary = folder.path().join("SUMMARY.md");
        fs::write(&summary, "- [One](./one.md)\n").unwrap();
        let pages = ["SUMMARY.md", "one.md", "two.md"]
            .iter()
            .map(|name| folder.path().join(name))
            .collect();
        let problems = unlisted(&summary, &pages).unwrap();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("two.md"));
    }
}
