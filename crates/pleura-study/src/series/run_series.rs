//! Runs of a series, one after the other or several at a time.

use std::{
    ops::ControlFlow,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use pleura_run::{RunFolder, StageSummary};
use pleura_train::{Error, Event, Observer, Options, RunSummary, Stop, run};

use super::{MemberSummary, Prepared};
use crate::stage_cache;

/// The runs that are finished, and the first that was stopped.
type Ended = (Vec<MemberSummary>, Option<(String, Stop)>);

/// Carries the runs out, up to `at_once` at a time.
pub(super) fn run_all(
    runs: &[Prepared],
    options: &Options,
    at_once: usize,
    observer: &mut dyn Observer,
) -> Result<Ended, Error> {
    let at_once = at_once.clamp(1, runs.len().max(1));
    let floor = Floor {
        runs,
        options,
        at_once,
        board: Mutex::new(Board {
            states: runs.iter().map(|_| State::Waiting).collect(),
            error: None,
        }),
        threads: options.threads.unwrap_or_else(rayon::current_num_threads),
        changed: Condvar::new(),
        observer: Mutex::new(observer),
        halted: AtomicBool::new(false),
    };
    if at_once == 1 {
        floor.work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| floor.work());
            }
        });
    }
    let board = floor.board.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, error)) = board.error {
        return Err(error);
    }
    let (mut finished, mut stopped) = (Vec::new(), None);
    for (run, state) in runs.iter().zip(board.states) {
        match state {
            State::Finished(stages) => finished.push(MemberSummary {
                name: run.name.clone(),
                stages,
            }),
            State::Stopped(stop) if stopped.is_none() => stopped = Some((run.name.clone(), stop)),
            _ => {}
        }
    }
    Ok((finished, stopped))
}

/// Where the runs are carried out.
struct Floor<'a> {
    runs: &'a [Prepared],
    options: &'a Options,
    at_once: usize,
    /// All that there are to compute with.
    threads: usize,
    board: Mutex<Board>,
    changed: Condvar,
    observer: Mutex<&'a mut dyn Observer>,
    /// No run begins any more, and those on their way stop.
    halted: AtomicBool,
}

/// How far the runs are.
struct Board {
    states: Vec<State>,
    /// Of the earliest run that failed.
    error: Option<(usize, Error)>,
}

enum State {
    Waiting,
    /// With so many threads.
    Running(usize),
    Finished(Vec<StageSummary>),
    Stopped(Stop),
    Failed,
}

impl Floor<'_> {
    /// Takes runs until there are none.
    fn work(&self) {
        let _alarm = Alarm(self);
        while let Some((number, threads)) = self.take() {
            let ended = self.run(number, threads);
            self.put(number, ended);
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first run that may begin, with its threads; waits for one. `None` if there will be none.
    fn take(&self) -> Option<(usize, usize)> {
        let mut board = self.board();
        loop {
            if self.halted.load(Ordering::Relaxed) {
                return None;
            }
            let ready: Vec<usize> = (0..self.runs.len())
                .filter(|&number| board.may_begin(number, self.runs[number].source))
                .collect();
            let (running, taken) = board.running();
            if let Some(&first) = ready.first() {
                // Those that may begin now share what is free; one that is alone, as the first of all that share its stages, has it all.
                let sharing = ready.len().min(self.at_once.saturating_sub(running)).max(1);
                let threads = (self.threads.saturating_sub(taken) / sharing).max(1);
                board.states[first] = State::Running(threads);
                return Some((first, threads));
            }
            if running == 0 {
                return None;
            }
            board = self.changed.wait(board).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, number: usize, ended: Result<RunSummary, Error>) {
        let mut board = self.board();
        board.states[number] = match ended {
            Ok(RunSummary {
                stages,
                stopped: None,
                ..
            }) => State::Finished(stages),
            Ok(RunSummary {
                stopped: Some(stop), ..
            }) => {
                self.halted.store(true, Ordering::Relaxed);
                State::Stopped(stop)
            }
            Err(error) => {
                self.halted.store(true, Ordering::Relaxed);
                if board.error.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                    board.error = Some((number, error));
                }
                State::Failed
            }
        };
        self.changed.notify_all();
    }

    fn run(&self, number: usize, threads: usize) -> Result<RunSummary, Error> {
        let prepared = &self.runs[number];
        // A run that has begun has what it takes over, if it took over anything.
        let shared = prepared
            .source
            .filter(|_| !RunFolder::new(&prepared.folder).identity().exists());
        if let Some((from, stages)) = shared {
            stage_cache::copy(
                &RunFolder::new(&self.runs[from].folder),
                &RunFolder::new(&prepared.folder),
                &prepared.keys[..stages],
            )?;
        }
        let mut observer = OneOfThem {
            floor: self,
            name: &prepared.name,
        };
        let event = Event::Run {
            name: &prepared.name,
            number: (number, self.runs.len()),
            shared: shared.map(|(from, stages)| (self.runs[from].name.as_str(), stages)),
        };
        // Asked to stop here, the run's own first event will say so again.
        let _ = observer.notice(&event);
        let mut options = self
            .options
            .clone()
            .with_resume(true)
            .with_seed(prepared.seed)
            .with_cache(self.options.cache.clone().or_else(|| prepared.cache.clone()));
        if self.at_once > 1 {
            options = options.with_threads(Some(threads));
        }
        run(&prepared.recipe, &prepared.folder, &options, &mut observer)
    }
}

impl Board {
    /// How many runs are on their way, and their threads.
    fn running(&self) -> (usize, usize) {
        let threads = self.states.iter().filter_map(|state| match state {
            State::Running(threads) => Some(*threads),
            _ => None,
        });
        threads.fold((0, 0), |(count, sum), threads| (count + 1, sum + threads))
    }

    fn may_begin(&self, number: usize, source: Option<(usize, usize)>) -> bool {
        let finished = |number: usize| matches!(self.states[number], State::Finished(_));
        matches!(self.states[number], State::Waiting) && source.is_none_or(|(from, _)| finished(from))
    }
}

/// Tells the observer of one run what happens in it.
struct OneOfThem<'a, 'b> {
    floor: &'a Floor<'b>,
    name: &'a str,
}

impl Observer for OneOfThem<'_, '_> {
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        let mut observer = self.floor.observer.lock().unwrap_or_else(PoisonError::into_inner);
        let told = if self.floor.at_once == 1 {
            observer.notice(event)
        } else {
            observer.notice(&Event::Member {
                name: self.name,
                event,
            })
        };
        if self.floor.halted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        told
    }
}

/// Lets nobody wait for a run whose thread is gone.
struct Alarm<'a, 'b>(&'a Floor<'b>);

impl Drop for Alarm<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.halted.store(true, Ordering::Relaxed);
            // Whoever looked before is waiting once the lock is free.
            drop(self.0.board());
            self.0.changed.notify_all();
        }
    }
}
