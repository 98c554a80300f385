//! Batches, prepared ahead of the network on other threads.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pleura_film::{Augmentation, Warp};

use crate::{Error, ImageSource};
use pleura_manifest::Manifest;
use pleura_manifest::order::stream;

/// Films ready for a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The manifest row of each film.
    pub rows: Vec<usize>,
    /// Grey levels in [0, 1], `[batch, size, size]` row-major, augmented where asked for.
    pub grey: Vec<f32>,
}

/// One epoch's batches, in order. The last one may be smaller.
///
/// Workers are a few threads of the loader's own (beside those that compute), and at most `ahead` batches wait.
/// What a batch holds depends on its rows, the seed and the epoch alone; how many threads prepare it changes nothing.
pub struct Loader {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    next: usize,
    waited: Duration,
}

/// How many batches may wait, and how many threads prepare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefetch {
    /// Batches prepared before they are asked for; at least 1.
    pub batches: usize,
    /// Threads that prepare them; at least 1.
    pub threads: usize,
}

impl Default for Prefetch {
    /// Four batches, two threads: a batch of 16 takes milliseconds, a training step on it a second.
    fn default() -> Self {
        Self {
            batches: 4,
            threads: 2,
        }
    }
}

struct Shared {
    manifest: Arc<Manifest>,
    pictures: ImageSource,
    order: Vec<usize>,
    batch: usize,
    augmentation: Option<Augmentation>,
    seed: u64,
    epoch: u64,
    ahead: usize,
    queue: Mutex<Queue>,
    /// Woken when a batch is ready or a worker has ended.
    ready: Condvar,
    /// Woken when a batch was taken or the loader is dropped.
    room: Condvar,
}

struct Queue {
    /// The next batch that no worker has begun.
    begun: usize,
    /// The next batch that the consumer will take.
    taken: usize,
    ready: BTreeMap<usize, Result<Batch, Error>>,
    workers: usize,
    closed: bool,
}

impl Loader {
    /// Starts to prepare the batches of one epoch.
    ///
    /// `order` holds manifest rows (see [`crate::shuffled`]); it is cut into batches of `batch`, and the first `skip_batches` are
    /// left out, so that a resumed epoch goes on where it stopped. Pictures are a film cache's, or fractals. The augmentation of a film
    /// depends on `(seed, epoch, sha256 of the film)` alone: not on batch size, order or threads. A batch size of 0 is taken as 1.
    pub fn epoch(
        manifest: Arc<Manifest>,
        pictures: impl Into<ImageSource>,
        order: Vec<usize>,
        batch: usize,
        skip_batches: usize,
        augmentation: Option<Augmentation>,
        seed: u64,
        epoch: u64,
    ) -> Self {
        let prefetch = Prefetch::default();
        Self::epoch_with(
            manifest,
            pictures,
            order,
            batch,
            skip_batches,
            augmentation,
            seed,
            epoch,
            prefetch,
        )
    }

    /// [`Loader::epoch`] with another number of threads or of waiting batches.
    pub fn epoch_with(
        manifest: Arc<Manifest>,
        pictures: impl Into<ImageSource>,
        order: Vec<usize>,
        batch: usize,
        skip_batches: usize,
        augmentation: Option<Augmentation>,
        seed: u64,
        epoch: u64,
        prefetch: Prefetch,
    ) -> Self {
        let batch = batch.max(1);
        let batches = order.len().div_ceil(batch);
        let first = skip_batches.min(batches);
        let threads = prefetch.threads.clamp(1, (batches - first).max(1));
        let queue = Queue {
            begun: first,
            taken: first,
            ready: BTreeMap::new(),
            workers: threads,
            closed: false,
        };
        let shared = Arc::new(Shared {
            manifest,
            pictures: pictures.into(),
            order,
            batch,
            augmentation,
            seed,
            epoch,
            ahead: prefetch.batches.max(1),
            queue: Mutex::new(queue),
            ready: Condvar::new(),
            room: Condvar::new(),
        });
        let workers = (0..threads)
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.work())
            })
            .collect();
        Self {
            shared,
            workers,
            next: first,
            waited: Duration::ZERO,
        }
    }

    /// Batches of the whole epoch, those skipped included.
    pub fn batches(&self) -> usize {
        self.shared.batches()
    }

    /// How long the consumer has stood waiting for batches so far: near zero if loading is no bottleneck.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next;
        if number >= self.shared.batches() {
            return None;
        }
        self.next += 1;
        let begin = Instant::now();
        let mut queue = self.shared.queue();
        let batch = loop {
            if let Some(batch) = queue.ready.remove(&number) {
                break batch;
            }
            if queue.workers == 0 {
                break Err(Error::LoaderStopped { batch: number });
            }
            queue = self
                .shared
                .ready
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        };
        queue.taken = number + 1;
        drop(queue);
        self.shared.room.notify_all();
        self.waited += begin.elapsed();
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.shared.batches() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Loader {}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.room.notify_all();
        for worker in self.workers.drain(..) {
            // A worker that panicked was already reported as LoaderStopped.
            let _ = worker.join();
        }
    }
}

/// Signs a worker off however it ends, so that the consumer never waits for nobody.
struct SignOff<'a>(&'a Shared);

impl Drop for SignOff<'_> {
    fn drop(&mut self) {
        self.0.queue().workers -= 1;
        self.0.ready.notify_all();
    }
}

impl Shared {
    fn batches(&self) -> usize {
        self.order.len().div_ceil(self.batch)
    }

    /// The lock is only held for bookkeeping that cannot panic, so a poisoned lock still guards sound data.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let _sign_off = SignOff(self);
        while let Some(number) = self.claim() {
            let batch = self.prepare(number);
            self.queue().ready.insert(number, batch);
            self.ready.notify_all();
        }
    }

    /// The next batch to prepare, once there is room for it.
    fn claim(&self) -> Option<usize> {
        let mut queue = self.queue();
        loop {
            if queue.closed || queue.begun >= self.batches() {
                return None;
            }
            if queue.begun < queue.taken + self.ahead {
                queue.begun += 1;
                return Some(queue.begun - 1);
            }
            queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn prepare(&self, number: usize) -> Result<Batch, Error> {
        let begin = number * self.batch;
        let rows = self.order[begin..self.order.len().min(begin + self.batch)].to_vec();
        let size = self.pictures.size();
        let area = size * size;
        let mut grey = vec![0.0; rows.len() * area];
        let mut plain = vec![0.0; area];
        for (&number, out) in rows.iter().zip(grey.chunks_exact_mut(area.max(1))) {
            let row = self.manifest.rows.get(number).ok_or_else(|| Error::Row {
                row: number,
                rows: self.manifest.rows.len(),
            })?;
            match &self.augmentation {
                None => self.pictures.put((number, row), self.epoch, out)?,
                Some(augmentation) => {
                    self.pictures.put((number, row), self.epoch, &mut plain)?;
                    warp(augmentation, self.seed, self.epoch, &row.sha256).apply(&plain, size, out);
                }
            }
        }
        Ok(Batch { rows, grey })
    }
}

/// How a [`Loader`] moves the film with this digest in an epoch: for what lies on the film and must move with it.
pub fn warp(augmentation: &Augmentation, seed: u64, epoch: u64, sha256: &str) -> Warp {
    let ids: [&[u8]; 3] = [&seed.to_le_bytes(), &epoch.to_le_bytes(), sha256.as_bytes()];
    augmentation.draw(&mut stream("augmentation of a film", &ids))
}
