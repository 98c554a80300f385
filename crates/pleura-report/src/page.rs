//! The pages: their sections in order.

mod audit;
mod cautions;
mod data;
mod described;
mod document;
mod duplicates;
mod evidence;
mod experiments;
mod figure;
mod gallery;
mod lead;
mod neurons;
mod number;
mod provenance;
mod results;
mod sampling;
mod series;
mod study;
mod summary;
mod training;

use crate::input::ReportInput;

use document::run_page;

pub use described::describe;
pub use document::Page;
pub(crate) use series::{curve_plots, table as curve_table};
pub(crate) use study::{render as render_study, study_plots};

/// Renders the report: one HTML document without scripts or outside resources. Equal input gives equal bytes.
pub fn render(input: &ReportInput) -> Page {
    let mut plots = Vec::new();
    let sections = [
        ("summary", "Summary", Some(summary::section(input))),
        ("results", "Results", Some(results::section(input, &mut plots))),
        (
            "series",
            "Several runs together",
            series::section(input.series.as_ref(), &mut plots),
        ),
        ("evidence", "Evidence", evidence::section(input, &mut plots)),
        (
            "heatmaps",
            "Heatmaps",
            Some(gallery::section(&input.gallery, &mut plots)),
        ),
        (
            "experiments",
            "Experiments",
            experiments::section(input, &mut plots),
        ),
        (
            "audit",
            "Audit",
            input
                .audit
                .as_ref()
                .map(|audit| audit::section(audit, &mut plots)),
        ),
        ("duplicates", "Duplicates", duplicates::section(&input.data)),
        ("data", "Data", Some(data::section(&input.data, &mut plots))),
        ("training", "Training", Some(training::section(input, &mut plots))),
        (
            "reproducibility",
            "Reproducibility",
            Some(provenance::section(input)),
        ),
    ];
    let html = run_page(
        &input.title,
        "Training report",
        &input.provenance.started,
        sections,
    );
    Page { html, plots }
}
