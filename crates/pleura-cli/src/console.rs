//! Messages on stderr: progress, notes, errors. Verbs write their answers to stdout.

use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Exit code if a check failed.
pub const FAILED: u8 = 1;
/// Exit code if the command could not be carried out.
pub const COULD_NOT: u8 = 2;

pub use pleura_core::NOTICE;

/// Interval of progress lines when stderr is not a terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Default)]
struct Settings {
    quiet: bool,
    json: bool,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// The option that names the output of the command, for messages about files that cannot be written.
static OUTPUT: OnceLock<Option<String>> = OnceLock::new();

/// Sets the option that names the command's output, once, at the start.
pub fn set_output(option: Option<String>) {
    let _ = OUTPUT.set(option);
}

/// Sets the verbosity, once, at the start.
pub fn set(quiet: bool, json: bool) {
    let _ = SETTINGS.set(Settings { quiet, json });
}

fn settings() -> Settings {
    SETTINGS.get().copied().unwrap_or_default()
}

/// True if only errors are shown on stderr.
pub fn is_quiet() -> bool {
    settings().quiet
}

/// Writes a line on stderr, unless quiet.
pub fn note(text: impl fmt::Display) {
    if !is_quiet() {
        say(text);
    }
}

/// Reports an error that does not end the program.
pub fn complain(error: &(dyn Error + 'static)) {
    say(format_args!("pleura: {}", chain(error).join("\n  because: ")));
}

/// Reports the error that ends the program.
pub fn report(error: &anyhow::Error) {
    complain(error.as_ref());
}

fn say(text: impl fmt::Display) {
    // Ignore a closed stderr.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The messages of an error and its causes, from the outside in, with the option that helps.
pub fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut messages = pleura::error::chain(error);
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let hint = causes.find_map(|cause| crate::hints::of(cause.downcast_ref()?).map(str::to_owned));
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let system = causes.find_map(|cause| cause.downcast_ref::<io::Error>());
    let option = OUTPUT.get().and_then(Option::as_deref);
    let of_disk = || crate::hints::of_disk(system?.kind(), &messages.concat(), option);
    let hint = hint.or_else(of_disk);
    if let (Some(hint), Some(last)) = (hint, messages.last_mut()) {
        last.push_str(&hint);
    }
    messages
}

/// True if the error is a closed stdout (`pleura … | head`).
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(closed)
        || error
            .downcast_ref::<serde_json::Error>()
            .and_then(serde_json::Error::io_error_kind)
            == Some(io::ErrorKind::BrokenPipe)
}

/// Shows progress: a bar on a terminal, a line every ten seconds elsewhere, nothing if quiet or, without a
/// terminal, with JSON.
pub struct Progress {
    what: String,
    bar: Option<ProgressBar>,
    lines: bool,
    begin: Instant,
    /// Milliseconds from the start to the latest line.
    told: AtomicU64,
}

impl Progress {
    /// Progress of `what`, such as "films decoded".
    pub fn new(what: &str, of: usize) -> Self {
        let Settings { quiet, json } = settings();
        let terminal = io::stderr().is_terminal();
        let bar = (terminal && !quiet).then(|| {
            let style =
                ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len}  {per_sec}  {eta} left");
            ProgressBar::new(of as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(what.to_owned())
        });
        let lines = !terminal && !quiet && !json;
        Self {
            what: what.to_owned(),
            bar,
            lines,
            begin: Instant::now(),
            told: AtomicU64::new(0),
        }
    }

    /// `done` of `of` is finished.
    pub fn at(&self, done: usize, of: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        }
        let now = self.begin.elapsed().as_millis() as u64;
        let told = self.told.load(Ordering::Relaxed);
        if self.lines
            && now >= told + BETWEEN_LINES.as_millis() as u64
            && self
                .told
                .compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            say(format_args!("{}: {done} of {of}", self.what));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The library's error, prefixed with its command-line option.
pub fn with_option(error: pleura::Error) -> anyhow::Error {
    match &error {
        pleura::Error::Request {
            problem,
            option: Some(option),
            value,
        } => match value {
            true => anyhow::anyhow!("--{option} {problem}"),
            false => anyhow::anyhow!("{problem}; see --{option}"),
        },
        _ => error.into(),
    }
}

/// Runs work that reports several tasks; each task has a progress bar of its own.
pub fn watched<T>(work: impl FnOnce(&dyn pleura_core::Progress) -> T) -> T {
    let shown: std::sync::Mutex<Option<(String, Progress)>> = std::sync::Mutex::new(None);
    let done = work(&|what: &str, done: usize, of: usize| {
        let mut shown = shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if shown.as_ref().is_none_or(|(before, _)| before != what) {
            *shown = None;
            *shown = Some((what.to_owned(), Progress::new(what, of)));
        }
        if let Some((_, progress)) = &*shown {
            progress.at(done, of);
        }
    });
    drop(shown);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let inner = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let middle = anyhow::Error::new(inner).context("a.png: cannot read: no such file");
        let error = middle.context("cannot answer");
        assert_eq!(
            chain(error.as_ref()),
            ["cannot answer", "a.png: cannot read: no such file"]
        );
    }

    #[test]
    fn only_a_closed_pipe_is_one() {
        let of = |kind| anyhow::Error::new(io::Error::from(kind));
        assert!(is_closed_pipe(&of(io::ErrorKind::BrokenPipe)));
        assert!(!is_closed_pipe(&of(io::ErrorKind::NotFound)));
        assert!(!is_closed_pipe(&anyhow::anyhow!("pipe")));
    }
}
