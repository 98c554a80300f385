//! From the command line to the cases of a run.

use clap::ValueEnum;

use super::Args;
use super::case::{Case, Mode};
use super::engine::Engine;

/// The kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Work {
    /// Training in batches.
    Train,
    /// Inference in batches and one by one.
    Infer,
    /// Layer-wise relevance, one film and one output.
    Explain,
    /// The whole process from its start to one film's answer.
    Start,
    /// From a film's file to a network's input, on one thread.
    Film,
    /// Training by pleura alone with 4 to 64 films in a batch, and with one thread.
    Growth,
}

/// Batches of [`Work::Growth`].
const GROWTH: [u32; 5] = [4, 8, 16, 32, 64];
/// The batch that is also measured with one thread.
const GROWTH_THREADS_AT: u32 = 16;

/// The engines to run.
pub(super) fn peers(args: &Args) -> Vec<Engine> {
    let mut engines = vec![Engine::Pleura, Engine::Sgemm];
    let asked = if args.all {
        Engine::value_variants()
    } else {
        &args.peers
    };
    for peer in asked {
        if !engines.contains(peer) {
            engines.push(*peer);
        }
    }
    engines
}

/// The cases of a run, in the order of the measurements.
pub(super) fn cases(args: &Args, threads: usize) -> Vec<Case> {
    let architectures = if args.all {
        vec!["densenet121".to_owned(), "densenet201".to_owned()]
    } else {
        args.architecture.clone()
    };
    let batch = if args.quick { args.batch.min(2) } else { args.batch };
    let mut plan = Plan {
        args,
        cases: Vec::new(),
    };
    for architecture in &architectures {
        for (work, mode, batch) in [
            (Work::Train, Mode::Train, batch),
            (Work::Infer, Mode::Infer, batch),
            (Work::Infer, Mode::Infer, 1),
            (Work::Explain, Mode::Explain, 1),
            (Work::Start, Mode::Start, 1),
        ] {
            plan.add(work, architecture, mode, batch, threads);
        }
    }
    if let Some(first) = architectures.first() {
        // Sixteen films per step: a single film is too short for the clock.
        plan.add(Work::Film, first, Mode::Film, 16, 1);
        let batches: &[u32] = if args.quick { &[1, 2] } else { &GROWTH };
        for batch in batches {
            plan.add(Work::Growth, first, Mode::Train, *batch, threads);
        }
        if threads > 1 && !args.quick {
            plan.add(Work::Growth, first, Mode::Train, GROWTH_THREADS_AT, 1);
        }
    }
    plan.cases
}

struct Plan<'a> {
    args: &'a Args,
    cases: Vec<Case>,
}

impl Plan<'_> {
    fn add(&mut self, work: Work, architecture: &str, mode: Mode, batch: u32, threads: usize) {
        let case = Case {
            architecture: architecture.to_owned(),
            mode,
            batch,
            size: 224,
            outputs: 15,
            threads,
            warm_up: 1,
            steps: if self.args.quick { 1 } else { steps(mode, batch) },
            growth: work == Work::Growth,
        };
        let wanted = self.args.all || self.args.work.contains(&work);
        if wanted && !self.cases.contains(&case) {
            self.cases.push(case);
        }
    }
}

/// Timed steps of a measurement, after a warm-up of one.
fn steps(mode: Mode, batch: u32) -> u32 {
    match mode {
        // Some fifty films, two steps at least.
        Mode::Train => (48 / batch).clamp(2, 12),
        // Some hundred films.
        Mode::Infer => (96 / batch).clamp(3, 40),
        // Whole processes.
        Mode::Start => 3,
        Mode::Explain | Mode::Film => 5,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn planned(line: &[&str]) -> Vec<Case> {
        let line = Line::parse_from([&["bench"], line].concat());
        cases(&line.args, 2)
    }

    fn short(cases: &[Case]) -> Vec<(Mode, u32, u32)> {
        cases
            .iter()
            .map(|case| (case.mode, case.batch, case.steps))
            .collect()
    }

    #[test]
    fn a_run_does_every_kind_of_work_on_one_network() {
        let cases = planned(&[]);
        assert_eq!(
            short(&cases),
            [
                (Mode::Train, 16, 3),
                (Mode::Infer, 16, 6),
                (Mode::Infer, 1, 40),
                (Mode::Explain, 1, 5),
                (Mode::Start, 1, 3),
                (Mode::Film, 16, 5)
            ]
        );
        assert!(cases.iter().all(|case| !case.growth));
        assert_eq!(cases[5].threads, 1, "films are made one thread each");
    }

    #[test]
    fn work_and_batch_are_chosen() {
        assert_eq!(
            short(&planned(&["--batch", "1", "--work", "infer"])),
            [(Mode::Infer, 1, 40)]
        );
        assert_eq!(
            short(&planned(&["--quick", "--work", "train,infer"])),
            [(Mode::Train, 2, 1), (Mode::Infer, 2, 1), (Mode::Infer, 1, 1)]
        );
    }

    #[test]
    fn growth_ends_with_one_thread() {
        let cases = planned(&["--work", "growth"]);
        let batches: Vec<_> = cases.iter().map(|case| (case.batch, case.threads)).collect();
        assert_eq!(batches, [(4, 2), (8, 2), (16, 2), (32, 2), (64, 2), (16, 1)]);
        assert!(
            cases
                .iter()
                .all(|case| case.growth && case.mode == Mode::Train && case.steps >= 2)
        );
    }

    #[test]
    fn all_is_all() {
        let cases = planned(&["--all"]);
        assert_eq!(cases.len(), 2 * 5 + 1 + 6);
        assert!(cases.iter().any(|case| case.architecture == "densenet201"));
        let line = Line::parse_from(["bench", "--all"]);
        assert!(peers(&line.args).contains(&Engine::Burn));
        let line = Line::parse_from(["bench"]);
        assert!(
            !peers(&line.args).contains(&Engine::Burn),
            "it takes minutes to build"
        );
    }
}
