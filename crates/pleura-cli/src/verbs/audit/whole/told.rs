//! An audit as text for a terminal.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use pleura_run::audit::{AuditRecord, Verdict};

use crate::console::NOTICE;
use crate::table::Table;

/// Writes the checks, worst first, with remedies and literature.
pub(super) fn write(out: &mut impl Write, path: &Path, record: &AuditRecord) -> Result<()> {
    let AuditRecord { films, checks, .. } = record;
    writeln!(out, "{}: {films} films\n", path.display())?;
    let mut table = Table::with_headings(["", "check", "what was found"]);
    for check in checks {
        table.row([
            check.verdict.name().to_owned(),
            check.name.clone(),
            check.says.clone(),
        ]);
    }
    write!(out, "{table}")?;
    for check in checks.iter().filter(|check| check.verdict >= Verdict::Note) {
        writeln!(out, "\n{}: {}", check.name, check.asks)?;
        writeln!(out, "  {}", check.remedy)?;
        for work in &check.literature {
            writeln!(out, "  {work}")?;
        }
    }
    let count = |verdict: Verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    writeln!(
        out,
        "\n{} block, {} alarm, {} note, {} pass, {} not possible. A passed check does not prove that there is no shortcut.",
        count(Verdict::Block),
        count(Verdict::Alarm),
        count(Verdict::Note),
        count(Verdict::Pass),
        count(Verdict::NotPossible)
    )?;
    writeln!(out, "{NOTICE}")?;
    Ok(())
}
