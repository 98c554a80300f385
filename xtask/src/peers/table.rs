//! Measurements as tables in Markdown, padded so that a terminal shows them well too.

use std::fmt::Write as _;

use super::case::{Case, Mode};
use super::engine::Engine;
use super::record::Record;
use super::summary::{Span, Summary};

/// All tables of a record: one a case, and one of how cost grows.
pub(super) fn all(record: &Record) -> Vec<String> {
    let cases = record.cases();
    let (growth, beside): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.growth);
    let mut tables: Vec<String> = beside
        .iter()
        .map(|case| of_case(&Summary::new(case, record.of(case))))
        .collect();
    let rows: Vec<Summary<'_>> = growth
        .iter()
        .map(|case| Summary::new(case, record.of(case)))
        .collect();
    tables.extend(of_growth(&rows));
    tables
}

/// Pleura beside the others: speed with its span over the rounds, how many times as fast pleura is, how much of the
/// machine's matrix product is used, and peak memory.
fn of_case(summary: &Summary<'_>) -> String {
    let case = summary.case;
    let unit = Unit::of(case);
    let has_share = summary.share(Engine::Pleura).is_some();
    let mut headings = vec!["engine", unit.name(), "least – most", "pleura is"];
    headings.extend(has_share.then_some("of product"));
    headings.push("peak memory");
    let mut rows = Vec::new();
    for engine in summary.engines() {
        let value = unit.of_engine(summary, engine);
        let mut row = vec![
            named(summary, engine),
            shown(value, |span| unit.digits(span.median)),
            shown(value, |span| {
                format!("{} – {}", unit.digits(span.least), unit.digits(span.most))
            }),
            summary
                .ratio(engine)
                .map_or_else(String::new, |ratio| format!("{:.2} ×", ratio.median)),
        ];
        if has_share {
            row.push(shown(summary.share(engine), |share| {
                format!("{:.0} %", 100.0 * share)
            }));
        }
        row.push(shown(summary.memory(engine), memory));
        rows.push(row);
    }
    let mut text = format!("**{}**", heading(case));
    if let Some(rate) = summary.product().filter(|_| has_share) {
        let _ = write!(text, "; matrix product {:.1} G multiply-adds/s", rate / 1e9);
    }
    text += "\n\n";
    text += &grid(&headings, &rows);
    text += &remarks(summary);
    text
}

/// What there is to say of pleura's own parts.
fn remarks(summary: &Summary<'_>) -> String {
    let over = |part: &str| summary.over_part(Engine::Pleura, part);
    match summary.case.mode {
        Mode::Explain => match (over("forward"), over("inference")) {
            (Some(forward), Some(inference)) => format!(
                "\npleura's explanation, its forward pass included, takes {forward:.1} times one forward pass that keeps its \
                 trace and {inference:.1} times one inference, both timed in the same process.\n"
            ),
            _ => String::new(),
        },
        Mode::Film => match over("augment") {
            Some(over) => format!(
                "\nOf pleura's time {:.0} % turns, shifts and flips.\n",
                100.0 / over
            ),
            None => String::new(),
        },
        Mode::Train | Mode::Infer | Mode::Start => String::new(),
    }
}

/// How films a second change with the batch, and what the second thread gains.
fn of_growth(rows: &[Summary<'_>]) -> Option<String> {
    let case = rows.first()?.case;
    let most_threads = rows.iter().map(|row| row.case.threads).max()?;
    let speed = |row: &Summary<'_>| row.speed(Engine::Pleura).map(|span| span.median);
    let best = rows
        .iter()
        .filter(|row| row.case.threads == most_threads)
        .filter_map(speed)
        .reduce(f64::max)?;
    let cells = rows.iter().map(|row| {
        let of_best = speed(row).filter(|_| row.case.threads == most_threads);
        vec![
            row.case.batch.to_string(),
            row.case.threads.to_string(),
            shown(row.speed(Engine::Pleura), |span| format!("{:.2}", span.median)),
            shown(of_best, |speed| format!("{:.0} %", 100.0 * speed / best)),
            shown(row.product(), |rate| format!("{:.1} G/s", rate / 1e9)),
            shown(row.memory(Engine::Pleura), memory),
        ]
    });
    let headings = [
        "batch",
        "threads",
        "films/s",
        "of the best batch",
        "matrix product",
        "peak memory",
    ];
    let title = case.title();
    let what = title.rsplit_once(", ").map_or(title.as_str(), |(what, _)| what);
    let mut text = format!(
        "**{what}: cost as work grows**\n\n{}",
        grid(&headings, &cells.collect::<Vec<_>>())
    );
    if let Some((training, product)) = thread_gain(rows, most_threads) {
        let _ = write!(
            text,
            "\n{most_threads} threads instead of one: training {training:.2} ×, the matrix product {product:.2} ×.\n"
        );
    }
    Some(text)
}

/// What all threads gain over one, in training and in the matrix product, at the batch measured with both.
fn thread_gain(rows: &[Summary<'_>], most_threads: usize) -> Option<(f64, f64)> {
    let one = rows
        .iter()
        .find(|row| row.case.threads == 1 && most_threads > 1)?;
    let many = rows
        .iter()
        .find(|row| row.case.threads == most_threads && row.case.batch == one.case.batch)?;
    let (single, all) = (one.speed(Engine::Pleura)?, many.speed(Engine::Pleura)?);
    Some((all.median / single.median, many.product()? / one.product()?))
}

fn heading(case: &Case) -> String {
    let threads = match case.threads {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let what = match case.mode {
        Mode::Film => "1024² PNG of 8 bits decoded, resized to 224², turned, shifted and flipped".to_owned(),
        Mode::Start => "weights and a 1024² PNG on disk, whole process".to_owned(),
        Mode::Explain => format!("{}², epsilon-plus-flat, one film, one output", case.size),
        Mode::Train | Mode::Infer => format!("{}²", case.size),
    };
    format!("{}: {what}, {threads}", case.title())
}

/// The engine with its version.
fn named(summary: &Summary<'_>, engine: Engine) -> String {
    // OpenVINO and torch tell their builds along.
    let version = summary
        .version(engine)
        .filter(|_| engine != Engine::Pleura)
        .map(|version| {
            let parts = version.split(", ").map(|part| {
                let end = part.find(['+', '-']).unwrap_or(part.len());
                &part[..end]
            });
            parts.collect::<Vec<_>>().join(", ")
        });
    match version {
        Some(version) => format!("{} {version}", engine.title()),
        None => engine.title().to_owned(),
    }
}

fn memory(bytes: f64) -> String {
    format!("{:.2} GiB", bytes / f64::from(1 << 30))
}

fn shown<T>(value: Option<T>, form: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), form)
}

/// A table in Markdown; the first column to the left, figures to the right.
fn grid<H: AsRef<str>>(headings: &[H], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(heading.as_ref().chars().count())
        })
        .collect();
    let line = |cells: &[&str]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let headings: Vec<&str> = headings.iter().map(AsRef::as_ref).collect();
    let mut text = line(&headings);
    let rules: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(column, &width)| match column {
            0 => "-".repeat(width),
            _ => format!("{}:", "-".repeat(width - 1)),
        })
        .collect();
    text += &line(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        text += &line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text
}

/// A peer of a case in the chart.
pub(super) struct Peer {
    pub(super) label: String,
    pub(super) ratio: Span,
    pub(super) speed: String,
}

/// The peers of a case that were measured in rounds with pleura.
pub(super) fn ratios(summary: &Summary<'_>) -> Vec<Peer> {
    let peers = summary.engines().into_iter().filter_map(|engine| {
        Some(Peer {
            label: named(summary, engine),
            ratio: summary.ratio(engine)?,
            speed: speed(summary, engine),
        })
    });
    peers.collect()
}

/// The engine's median speed with its unit.
pub(super) fn speed(summary: &Summary<'_>, engine: Engine) -> String {
    let unit = Unit::of(summary.case);
    shown(unit.of_engine(summary, engine), |span| {
        format!("{} {}", unit.digits(span.median), unit.name())
    })
}

/// What speed is told in: films a second of batches, time of single films.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    FilmsASecond,
    Milliseconds,
}

impl Unit {
    fn of(case: &Case) -> Self {
        if matches!(case.mode, Mode::Train | Mode::Infer) && case.batch > 1 {
            Self::FilmsASecond
        } else {
            Self::Milliseconds
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::FilmsASecond => "films/s",
            Self::Milliseconds => "ms a film",
        }
    }

    fn of_engine(self, summary: &Summary<'_>, engine: Engine) -> Option<Span> {
        match self {
            Self::FilmsASecond => summary.speed(engine),
            Self::Milliseconds => summary.seconds(engine),
        }
    }

    fn digits(self, value: f64) -> String {
        match self {
            Self::FilmsASecond => format!("{value:.2}"),
            Self::Milliseconds => {
                let value = 1e3 * value;
                let digits = usize::from(value < 100.0);
                format!("{value:.digits$}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::Measurement;
    use super::super::samples::{case, machine, measurement};
    use super::*;

    fn record(measurements: Vec<Measurement>) -> Record {
        Record {
            machine: machine(),
            threads: 2,
            measurements,
        }
    }

    #[test]
    fn a_case_has_a_row_an_engine() {
        let mut product = measurement(0, Engine::Sgemm, &[0.1]);
        product.answer.multiply_adds_per_second = Some(90e9);
        let mut eager = measurement(0, Engine::Eager, &[6.4]);
        eager.answer.multiply_adds = Some(3_000_000_000);
        eager.answer.version = "2.15.0+cu132".to_owned();
        let tables = all(&record(vec![
            product,
            measurement(0, Engine::Pleura, &[3.0, 3.2, 3.4]),
            eager,
        ]));
        let expected = "\
**DenseNet-121, training, batch 16: 224², 2 threads**; matrix product 90.0 G multiply-adds/s

| engine               | films/s | least – most | pleura is | of product | peak memory |
| -------------------- | ------: | -----------: | --------: | ---------: | ----------: |
| pleura               |    5.00 |  5.00 – 5.00 |           |       50 % |    3.00 GiB |
| PyTorch eager 2.15.0 |    2.50 |  2.50 – 2.50 |    2.00 × |       25 % |    3.00 GiB |
";
        assert_eq!(tables, [expected]);
    }

    #[test]
    fn growth_is_one_table_and_tells_what_a_thread_gains() {
        let one = |batch: u32, threads: usize, engine: Engine, seconds: f64| {
            let mut one = measurement(0, engine, &[seconds]);
            one.case.growth = true;
            (one.case.batch, one.case.threads) = (batch, threads);
            if engine == Engine::Sgemm {
                one.answer.multiply_adds_per_second = Some(threads as f64 * 40e9);
            }
            one
        };
        let tables = all(&record(vec![
            one(4, 2, Engine::Pleura, 1.0),
            one(16, 2, Engine::Pleura, 3.2),
            one(16, 2, Engine::Sgemm, 0.1),
            one(16, 1, Engine::Pleura, 4.8),
            one(16, 1, Engine::Sgemm, 0.2),
        ]));
        assert_eq!(tables.len(), 1);
        assert!(
            tables[0].starts_with("**DenseNet-121, training: cost as work grows**"),
            "{}",
            tables[0]
        );
        assert!(
            tables[0].contains("| 4     |       2 |    4.00 |              80 % |"),
            "{}",
            tables[0]
        );
        assert!(
            tables[0].contains("training 1.50 ×, the matrix product 2.00 ×"),
            "{}",
            tables[0]
        );
    }

    #[test]
    fn an_explanation_is_told_in_forward_passes() {
        let mut own = measurement(0, Engine::Pleura, &[0.6]);
        own.case.mode = Mode::Explain;
        own.case.batch = 1;
        own.answer.parts.insert("forward".to_owned(), vec![0.1]);
        own.answer.parts.insert("inference".to_owned(), vec![0.075]);
        let tables = all(&record(vec![own]));
        assert!(
            tables[0].contains("takes 6.0 times one forward pass"),
            "{}",
            tables[0]
        );
        assert!(tables[0].contains("| ms a film |"), "{}", tables[0]);
        assert_eq!(case().mode, Mode::Train);
    }
}
