//! Runs the members of a series, one after the other or in parallel.

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

/// The finished runs, and the first that was stopped.
type Ended = (Vec<MemberSummary>, Option<(String, Stop)>);

/// Runs the members, up to `at_once` at a time.
pub(super) fn run_all(
    runs: &[Prepared],
    options: &Options,
    at_once: usize,
    observer: &mut dyn Observer,
) -> Result<Ended, Error> {
    let at_once = at_once.clamp(1, runs.len().max(1));
    let scheduler = Scheduler {
        runs,
        options,
        at_once,
        progress: Mutex::new(Progress {
            states: runs.iter().map(|_| State::Waiting).collect(),
            error: None,
        }),
        threads: options.threads.unwrap_or_else(rayon::current_num_threads),
        changed: Condvar::new(),
        observer: Mutex::new(observer),
        halted: AtomicBool::new(false),
    };
    if at_once == 1 {
        scheduler.work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| scheduler.work());
            }
        });
    }
    let progress = scheduler
        .progress
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some((_, error)) = progress.error {
        return Err(error);
    }
    let (mut finished, mut stopped) = (Vec::new(), None);
    for (run, state) in runs.iter().zip(progress.states) {
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

/// The shared state of the parallel runs.
struct Scheduler<'a> {
    runs: &'a [Prepared],
    options: &'a Options,
    at_once: usize,
    /// All threads.
    threads: usize,
    progress: Mutex<Progress>,
    changed: Condvar,
    observer: Mutex<&'a mut dyn Observer>,
    /// True if no run begins any more, and running ones stop.
    halted: AtomicBool,
}

/// The states of the runs.
struct Progress {
    states: Vec<State>,
    /// The error of the earliest run that failed.
    error: Option<(usize, Error)>,
}

enum State {
    Waiting,
    /// With this many threads.
    Running(usize),
    Finished(Vec<StageSummary>),
    Stopped(Stop),
    Failed,
}

impl Scheduler<'_> {
    /// Runs members until none is left.
    fn work(&self) {
        let _wake = WakeOnPanic(self);
        while let Some((number, threads)) = self.take() {
            let ended = self.run(number, threads);
            self.put(number, ended);
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the first run that may begin, with its threads. Waits for one; `None` if there will be none.
    fn take(&self) -> Option<(usize, usize)> {
        let mut progress = self.progress();
        loop {
            if self.halted.load(Ordering::Relaxed) {
                return None;
            }
            let ready: Vec<usize> = (0..self.runs.len())
                .filter(|&number| progress.may_begin(number, self.runs[number].source))
                .collect();
            let (running, taken) = progress.running();
            if let Some(&first) = ready.first() {
                // Runs that may begin now share the free threads. A run that is alone, such as the first of
                // all that share its stages, gets them all.
                let sharing = ready.len().min(self.at_once.saturating_sub(running)).max(1);
                let threads = (self.threads.saturating_sub(taken) / sharing).max(1);
                progress.states[first] = State::Running(threads);
                return Some((first, threads));
            }
            if running == 0 {
                return None;
            }
            progress = self
                .changed
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, number: usize, ended: Result<RunSummary, Error>) {
        let mut progress = self.progress();
        progress.states[number] = match ended {
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
                if progress
                    .error
                    .as_ref()
                    .is_none_or(|(earlier, _)| number < *earlier)
                {
                    progress.error = Some((number, error));
                }
                State::Failed
            }
        };
        self.changed.notify_all();
    }

    fn run(&self, number: usize, threads: usize) -> Result<RunSummary, Error> {
        let prepared = &self.runs[number];
        // A run that has begun already has its copied stages.
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
        let mut observer = MemberObserver {
            scheduler: self,
            name: &prepared.name,
        };
        let event = Event::Run {
            name: &prepared.name,
            number: (number, self.runs.len()),
            shared: shared.map(|(from, stages)| (self.runs[from].name.as_str(), stages)),
        };
        // The result is ignored: the run's own first event stops it too.
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

impl Progress {
    /// The number of active runs, and of their threads.
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

/// Passes the events of one run to the observer.
struct MemberObserver<'a, 'b> {
    scheduler: &'a Scheduler<'b>,
    name: &'a str,
}

impl Observer for MemberObserver<'_, '_> {
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        let mut observer = self
            .scheduler
            .observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let answer = if self.scheduler.at_once == 1 {
            observer.notice(event)
        } else {
            observer.notice(&Event::Member {
                name: self.name,
                event,
            })
        };
        if self.scheduler.halted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        answer
    }
}

/// Wakes the other threads if a run's thread panics.
struct WakeOnPanic<'a, 'b>(&'a Scheduler<'b>);

impl Drop for WakeOnPanic<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.halted.store(true, Ordering::Relaxed);
            // A thread that checked before is waiting once the lock is free.
            drop(self.0.progress());
            self.0.changed.notify_all();
        }
    }
}
