//! A confusion matrix as a heat table.

use maud::{Markup, html};

use super::style::{FONT, INK, SOFT, px, shorten, text, text_width};
use super::svg::{Plot, document};

/// Draws a confusion matrix: true classes are rows, predicted classes are columns, both in the order of
/// `findings`. Cells are shaded by their share of the row. `counts` is `[truth][prediction]`; missing cells
/// are 0.
pub fn confusion(title: &str, findings: &[String], counts: &[Vec<u64>]) -> Plot {
    let count = |row: usize, column: usize| counts.get(row).and_then(|r| r.get(column)).copied().unwrap_or(0);
    let n = findings.len();
    let row_total = |row: usize| (0..n).map(|column| count(row, column)).sum::<u64>();
    let column_total = |column: usize| (0..n).map(|row| count(row, column)).sum::<u64>();
    let names: Vec<String> = findings.iter().map(|f| shorten(f, 22)).collect();
    let longest = names
        .iter()
        .map(|name| text_width(name, FONT))
        .fold(40.0, f64::max);

    let cell_width = if n <= 4 { 104.0 } else { 64.0 };
    let cell_height = if n <= 4 { 62.0 } else { 46.0 };
    let tilted = longest > cell_width - 8.0;
    let (left, top) = (longest + 22.0, if tilted { 36.0 + 0.72 * longest } else { 52.0 });
    let (right, bottom) = (left + cell_width * n as f64, top + cell_height * n as f64);
    let (width, height) = (
        right + 74.0 + if tilted { 0.3 * longest } else { 0.0 },
        bottom + 34.0,
    );
    let middle = |column: usize| left + cell_width * (column as f64 + 0.5);
    let centre = |row: usize| top + cell_height * (row as f64 + 0.5);

    let body = html! {
        (text(left, 14.0, "start", SOFT, "predicted →"))
        (text(0.0, top - 10.0, "start", SOFT, "true ↓"))
        @for (column, name) in names.iter().enumerate() {
            @if tilted {
                text transform=(format!("translate({} {}) rotate(-45)", px(middle(column)), px(top - 8.0))) fill=(INK) { (name) }
            } @else {
                (text(middle(column), top - 10.0, "middle", INK, name))
            }
        }
        (text(right + 10.0, top - 10.0, "start", SOFT, "films"))
        @for (row, name) in names.iter().enumerate() {
            (text(left - 10.0, centre(row) + 4.0, "end", INK, name))
            @for column in 0..n {
                (cell(count(row, column), row_total(row), row == column, (left + cell_width * column as f64, top + cell_height * row as f64), (cell_width, cell_height)))
            }
            (text(right + 10.0, centre(row) + 4.0, "start", INK, &row_total(row).to_string()))
        }
        (text(left - 10.0, bottom + 20.0, "end", SOFT, "predicted"))
        @for column in 0..n { (text(middle(column), bottom + 20.0, "middle", INK, &column_total(column).to_string())) }
    };
    let rows: Vec<String> = (0..n)
        .map(|row| {
            let cells: Vec<String> = (0..n)
                .map(|column| format!("{} {}", count(row, column), findings[column]))
                .collect();
            format!("Of {} {}: {}", row_total(row), findings[row], cells.join(", "))
        })
        .collect();
    document(width, height, title, &format!("{}.", rows.join(". ")), &body)
}

fn cell(count: u64, total: u64, right: bool, (x, y): (f64, f64), (width, height): (f64, f64)) -> Markup {
    let share = if total == 0 {
        0.0
    } else {
        count as f64 / total as f64
    };
    let ink = if share > 0.55 { "#ffffff" } else { INK };
    let (middle, centre) = (x + 0.5 * width, y + 0.5 * height);
    html! {
        rect x=(px(x + 1.0)) y=(px(y + 1.0)) width=(px(width - 2.0)) height=(px(height - 2.0)) rx="2" fill=(shade(share))
            stroke=[right.then_some("#1c2430")] stroke-width=[right.then_some("1.2")] {}
        text x=(px(middle)) y=(px(if count > 0 { centre - 1.0 } else { centre + 6.0 })) text-anchor="middle" fill=(ink) font-size="17" font-weight="600" { (count) }
        // The share of an empty cell is left out.
        @if count > 0 {
            text x=(px(middle)) y=(px(centre + 15.0)) text-anchor="middle" fill=(ink) font-size="11" { (format!("{:.1} %", 100.0 * share)) }
        }
    }
}

/// From near-white to deep blue; lightness falls evenly, so a greyscale print keeps the order.
fn shade(share: f64) -> String {
    let (light, dark) = ([243.0, 246.0, 250.0], [0.0, 76.0, 130.0]);
    let mixed: Vec<String> = (0..3)
        .map(|i| {
            format!(
                "{:02x}",
                (light[i] + share.clamp(0.0, 1.0) * (dark[i] - light[i])).round() as u8
            )
        })
        .collect();
    format!("#{}", mixed.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hold_counts_and_shares_of_their_row() {
        let findings = ["normal".to_owned(), "pneumonia".to_owned()];
        let svg = confusion("confusion", &findings, &[vec![45, 5], vec![10, 30]]).svg;
        for expected in [
            ">45<", ">90.0 %<", ">5<", ">10.0 %<", ">30<", ">75.0 %<", ">50<", ">40<", ">55<", ">35<",
        ] {
            assert!(svg.contains(expected), "{expected} is not in {svg}");
        }
    }

    #[test]
    fn empty_rows_and_ragged_counts_are_drawn_as_zero() {
        let findings = ["a".to_owned(), "b".to_owned()];
        let svg = confusion("confusion", &findings, &[vec![1]]).svg;
        assert!(svg.contains(">100.0 %<"));
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn shades_run_from_light_to_dark() {
        assert_eq!((shade(0.0).as_str(), shade(1.0).as_str()), ("#f3f6fa", "#004c82"));
    }
}
