//! Tables and a chart in the book, between two marks; what stands outside them is nobody's business here.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use pleura_draw::plot::{Axis, IntervalRow, intervals};

use super::case::Mode;
use super::engine::Engine;
use super::record::Record;
use super::summary::{Summary, median};
use super::table;
use crate::workspace;

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";
/// Relative to the page's folder.
const CHART: &str = "pictures/speed.svg";
/// The largest ratio that the chart draws.
const WIDEST: f64 = 8.0;

/// Writes the measurements into `docs/performance.md` and draws the chart beside it.
pub(super) fn publish(record: &Record) -> Result<()> {
    let page = workspace::root().join("docs/performance.md");
    let text = fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    let text = replaced(&text, &block(record)).with_context(|| {
        format!(
            "{}: set `{BEGIN}` and `{END}`, a line each, where measurements shall stand",
            workspace::relative(&page).display()
        )
    })?;
    let chart_path = page.with_file_name(CHART);
    write(&chart_path, &chart(record))?;
    write(&page, &text)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("written: {}", workspace::relative(path).display());
    Ok(())
}

/// The page with another text between the marks.
fn replaced(page: &str, block: &str) -> Option<String> {
    let begin = page.find(BEGIN)? + BEGIN.len();
    let end = begin + page[begin..].find(END)?;
    Some(format!("{}\n{block}\n{}", &page[..begin], &page[end..]))
}

/// Where, when and how, then the chart and all tables.
fn block(record: &Record) -> String {
    let machine = &record.machine;
    let cases = record.cases();
    let summaries: Vec<_> = cases
        .iter()
        .map(|case| Summary::new(case, record.of(case)))
        .collect();
    let rounds = summaries.iter().map(Summary::rounds);
    let (fewest, most) = (rounds.clone().min().unwrap_or(0), rounds.max().unwrap_or(0));
    let rounds = if fewest == most {
        format!("{most}")
    } else {
        format!("{fewest} to {most}")
    };
    let mut text = format!(
        "Measured on {} by `cargo xtask bench peers`: {}, {} cores",
        machine.date, machine.processor, machine.cores
    );
    if let Some(path) = summaries.iter().find_map(Summary::path) {
        let _ = write!(
            text,
            "; pleura{} on {path}",
            machine
                .commit
                .as_ref()
                .map_or_else(String::new, |commit| format!(" {commit}"))
        );
    }
    let all_threads: Vec<_> = summaries
        .iter()
        .filter(|summary| summary.case.threads == record.threads)
        .collect();
    if let Some(rate) = median(
        all_threads
            .iter()
            .filter_map(|summary| summary.product())
            .collect(),
    ) {
        let _ = write!(
            text,
            "; the machine's f32 matrix product makes {:.0} GFLOP/s with {} threads",
            2.0 * rate / 1e9,
            record.threads
        );
    }
    let _ = write!(
        text,
        ". Rounds: {rounds}; speeds are medians over rounds, ratios \
         medians of those within a round.\n\n![How many times as fast pleura is]({CHART})\n\n{}",
        table::all(record).join("\n")
    );
    text
}

/// A chart of how many times as fast pleura is as each peer, case by case. Ratios far beyond the others stand in figures
/// alone, so that the axis can start at zero and stay even.
fn chart(record: &Record) -> String {
    let cases = record.cases();
    let mut rows = Vec::new();
    for case in cases.iter().filter(|case| !case.growth) {
        let summary = Summary::new(case, record.of(case));
        let peers = table::ratios(&summary);
        if peers.is_empty() {
            continue;
        }
        rows.push(IntervalRow::heading(case.title()));
        rows.push(IntervalRow {
            label: Engine::Pleura.title().to_owned(),
            text: table::speed(&summary, Engine::Pleura),
            ..IntervalRow::default()
        });
        rows.extend(peers.into_iter().map(|peer| {
            let near = peer.ratio.most <= WIDEST;
            IntervalRow {
                label: peer.label,
                value: near.then_some(peer.ratio.median),
                interval: near.then_some((peer.ratio.least, peer.ratio.most)),
                text: format!(
                    "{:.2} ×{}  ({})",
                    peer.ratio.median,
                    if near { "" } else { " →" },
                    peer.speed
                ),
                // Colour and marker by what is done; the headings say it in words.
                look: look(case.mode),
            }
        }));
    }
    let ends = rows.iter().filter_map(|row| row.interval);
    let most = ends.fold(2.0_f64, |most, (_, end)| most.max(end));
    let axis = Axis::new("pleura's speed over the other's (dashed: equal)").range(0.0, most.ceil());
    intervals("How many times as fast pleura is", &axis, &rows, Some(1.0), &[])
}

fn look(mode: Mode) -> usize {
    match mode {
        Mode::Train => 0,
        Mode::Infer => 1,
        Mode::Explain => 2,
        Mode::Start => 3,
        Mode::Film => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{machine, measurement};
    use super::*;

    fn record() -> Record {
        let mut product = measurement(0, Engine::Sgemm, &[0.1]);
        product.answer.multiply_adds_per_second = Some(68e9);
        let mut own = measurement(0, Engine::Pleura, &[2.0]);
        own.answer.path = Some("cpu, AVX2".to_owned());
        Record {
            machine: machine(),
            threads: 2,
            measurements: vec![product, own, measurement(0, Engine::Eager, &[4.0])],
        }
    }

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let page = format!("# Speed\n\nbefore\n{BEGIN}\nold\n{END}\nafter\n");
        let once = replaced(&page, "new").unwrap();
        assert_eq!(once, format!("# Speed\n\nbefore\n{BEGIN}\nnew\n{END}\nafter\n"));
        assert_eq!(replaced(&once, "new").unwrap(), once);
        assert_eq!(replaced("no marks", "new"), None);
        assert_eq!(replaced(&format!("{END}\n{BEGIN}"), "new"), None);
    }

    #[test]
    fn the_block_says_where_when_and_how_fast_the_machine_is() {
        let block = block(&record());
        for expected in [
            "Measured on 2026-01-31",
            "a processor, 2 cores",
            "136 GFLOP/s with 2 threads",
            "Rounds: 1;",
            "(pictures/speed.svg)",
            "| PyTorch eager |",
        ] {
            assert!(block.contains(expected), "{expected} is not in\n{block}");
        }
    }

    #[test]
    fn the_chart_has_a_row_a_peer() {
        let mut record = record();
        record
            .measurements
            .push(measurement(0, Engine::ChannelsLast, &[40.0]));
        let chart = chart(&record);
        assert!(chart.starts_with("<svg"), "{}", &chart[..100.min(chart.len())]);
        for expected in [
            "DenseNet-121, training, batch 16<",
            ">8.00 films/s<",
            "PyTorch eager",
            "2.00 ×  (4.00 films/s)",
            "20.00 × →  (0.40 films/s)",
        ] {
            assert!(chart.contains(expected), "{expected}");
        }
    }
}
