//! `pleura data describe`: contents of manifests, with observations.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use pleura_core::fs::write_atomic;
use pleura_data::describe::{Described, Description, Group, describe};
use pleura_manifest::{Manifest, Sidecar};
use serde_json::json;

use crate::console::Progress;
use crate::table::Table;

/// File of the description in the folder of `--out`.
const FILE: &str = "describe.json";

#[derive(clap::Args)]
pub(super) struct DescribeArgs {
    /// The manifests, described together.
    #[arg(required = true, value_name = "M.csv")]
    manifests: Vec<PathBuf>,
    /// A folder for describe.html (a page with plots), describe.json and the plots as SVG files.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Do not open films: sizes, shapes and formats are omitted.
    #[arg(long)]
    no_films: bool,
}

/// Describes, prints and writes the folder.
pub(super) fn run(args: &DescribeArgs, json: bool) -> Result<ExitCode> {
    let manifests = args
        .manifests
        .iter()
        .map(|path| Ok((path, Manifest::read(path)?)))
        .collect::<Result<Vec<_>>>()?;
    let mut tables = Vec::new();
    for (path, manifest) in &manifests {
        tables.push(Described {
            name: path.display().to_string(),
            manifest,
            sidecar: Sidecar::read(path)?,
        });
    }
    let films = manifests.iter().map(|(_, manifest)| manifest.rows.len()).sum();
    let progress = (!args.no_films).then(|| Progress::new("films opened", films));
    let description = describe(&tables, !args.no_films, &|done, of| {
        if let Some(progress) = &progress {
            progress.at(done, of);
        }
    });
    drop(progress);
    let told = json!(description);
    if let Some(folder) = &args.out {
        pleura_report::write_description(&description, folder)?;
        let text = serde_json::to_string_pretty(&told)?;
        write_atomic(&folder.join(FILE), text.as_bytes())?;
    }
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{told}")?;
    } else {
        tell(&mut out, &description)?;
        if let Some(folder) = &args.out {
            writeln!(out, "{}", folder.join(pleura_report::DESCRIPTION).display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A line of a table: its name and its value for each group.
type Line = (&'static str, fn(&Group) -> String);

static LINES: [Line; 12] = [
    ("films", |group| group.films.to_string()),
    ("patients", |group| group.patients.to_string()),
    ("most of one patient", |group| group.most_of_one.to_string()),
    ("age: median (quartiles)", |group| {
        group.ages.years.map_or_else(dash, |years| {
            format!("{:.0} ({:.0}-{:.0})", years.median, years.lower, years.upper)
        })
    }),
    ("under 18", |group| group.ages.children.to_string()),
    ("women, men", |group| {
        let of = |sex: &str| group.sexes.get(sex).copied().unwrap_or(0);
        format!("{}, {}", of("F"), of("M"))
    }),
    ("unknown age, sex, view", |group| {
        let none = |counts: &std::collections::BTreeMap<String, u64>| counts.get("").copied().unwrap_or(0);
        format!(
            "{}, {}, {}",
            group.ages.unknown,
            none(&group.sexes),
            none(&group.views)
        )
    }),
    ("views", |group| most(&group.views)),
    ("sources", |group| most(&group.sources)),
    ("train, val, test", |group| {
        let of = |split: &str| group.splits.get(split).copied().unwrap_or(0);
        format!("{}, {}, {}", of("train"), of("val"), of("test"))
    }),
    ("square, wide, high", |group| {
        let of = |shape: &str| group.shapes.get(shape).copied().unwrap_or(0);
        if group.shapes.is_empty() {
            dash()
        } else {
            format!("{}, {}, {}", of("square"), of("wide"), of("high"))
        }
    }),
    ("short side: median (range)", |group| {
        group.short_sides.map_or_else(dash, |sides| {
            format!("{:.0} ({:.0}-{:.0})", sides.median, sides.least, sides.most)
        })
    }),
];

fn dash() -> String {
    "-".to_owned()
}

/// The three largest counts.
fn most(counts: &std::collections::BTreeMap<String, u64>) -> String {
    let mut known: Vec<(&String, &u64)> = counts.iter().filter(|(key, _)| !key.is_empty()).collect();
    known.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let named: Vec<String> = known
        .iter()
        .take(3)
        .map(|(key, count)| format!("{key} {count}"))
        .collect();
    let more = if known.len() > 3 { ", …" } else { "" };
    format!("{}{more}", named.join(", "))
}

/// Maximum number of findings shown as columns.
const SIDE_BY_SIDE: usize = 5;

fn tell(out: &mut impl Write, description: &Description) -> io::Result<()> {
    for table in &description.tables {
        writeln!(
            out,
            "{}: {} films of {} patients",
            table.name, table.films, table.patients
        )?;
    }
    writeln!(out)?;
    if description.findings.len() <= SIDE_BY_SIDE {
        let names = description.findings.iter().map(|group| group.name.clone());
        let mut table = Table::with_headings(
            std::iter::once(String::new())
                .chain(names)
                .chain(["all".to_owned()]),
        );
        for (name, of) in LINES {
            let groups = description.findings.iter().chain([&description.all]);
            table.row(std::iter::once(name.to_owned()).chain(groups.map(of)));
        }
        write!(out, "{table}")?;
    } else {
        // For many findings: one line each, with fewer values.
        let shown = [
            "films",
            "patients",
            "age: median (quartiles)",
            "under 18",
            "views",
            "sources",
            "train, val, test",
        ];
        let lines: Vec<&Line> = LINES.iter().filter(|(name, _)| shown.contains(name)).collect();
        let names = lines.iter().map(|(name, _)| (*name).to_owned());
        let mut table = Table::with_headings(std::iter::once(String::new()).chain(names));
        for group in description.findings.iter().chain([&description.all]) {
            let name = if group.name.is_empty() { "all" } else { &group.name };
            table.row(std::iter::once(name.to_owned()).chain(lines.iter().map(|(_, of)| of(group))));
        }
        write!(out, "{table}")?;
    }
    writeln!(out)?;
    description
        .says
        .iter()
        .try_for_each(|sentence| writeln!(out, "- {sentence}"))
}
