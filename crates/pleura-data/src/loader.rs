//! Batches of images, prepared on other threads.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pleura_film::{Augmentation, Tones, Warp};
use rand_chacha::ChaCha8Rng;

use crate::{Error, ImageSource};
use pleura_core::rng::{Scheme, stream};
use pleura_manifest::Manifest;

/// One batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The manifest row of each film.
    pub rows: Vec<usize>,
    /// For each film: how often the epoch had it before.
    pub repeats: Vec<u32>,
    /// Grey levels in [0, 1], `[batch, size, size]` row-major, perhaps augmented.
    pub grey: Vec<f32>,
}

/// The batches of one epoch, in order. The last one may be smaller.
///
/// A few threads of the loader prepare them; at most `prefetch.batches` batches wait. The content of a batch
/// depends only on its rows, the seed and the epoch, not on the number of threads.
pub struct Loader {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    next: usize,
    waited: Duration,
}

/// Number of waiting batches, and of threads that prepare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefetch {
    /// Batches prepared in advance; at least 1.
    pub batches: usize,
    /// Threads that prepare batches; at least 1.
    pub threads: usize,
}

impl Default for Prefetch {
    /// Four batches, two threads. A batch of 16 takes milliseconds to prepare, a training step a second.
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
    repeats: Vec<u32>,
    batch: usize,
    augmentation: Option<Augmentation>,
    seed: u64,
    epoch: u64,
    ahead: usize,
    queue: Mutex<Queue>,
    /// Signalled when a batch is ready or a worker has ended.
    ready: Condvar,
    /// Signalled when a batch was taken or the loader is dropped.
    room: Condvar,
}

struct Queue {
    /// The next batch to prepare.
    begun: usize,
    /// The next batch to deliver.
    taken: usize,
    ready: BTreeMap<usize, Result<Batch, Error>>,
    workers: usize,
    closed: bool,
}

impl Loader {
    /// Starts to prepare the batches of one epoch.
    ///
    /// `order` holds manifest rows (see [`pleura_manifest::order::shuffled`]). It is divided into batches of
    /// `batch` rows. The first `skip_batches` are skipped, for a resumed epoch. The augmentation of a film
    /// depends only on `(seed, epoch, sha256 of the film, how often the epoch had it before)`, not on batch
    /// size or threads. A batch size of 0 counts as 1.
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

    /// [`Loader::epoch`] with another [`Prefetch`].
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
            repeats: repeats(&order),
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

    /// Number of batches of the whole epoch, including skipped ones.
    pub fn batches(&self) -> usize {
        self.shared.batches()
    }

    /// Time that the consumer has waited for batches; near zero if loading is no bottleneck.
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
            // A worker that panicked is already reported as LoaderStopped.
            let _ = worker.join();
        }
    }
}

/// Registers the end of a worker, even by a panic, so that the consumer does not wait for it.
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

    /// The lock guards only bookkeeping that cannot panic, so a poisoned lock is still consistent.
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
        let range = begin..self.order.len().min(begin + self.batch);
        let (rows, repeats) = (self.order[range.clone()].to_vec(), self.repeats[range].to_vec());
        let size = self.pictures.size();
        let area = size * size;
        let mut grey = vec![0.0; rows.len() * area];
        let mut plain = vec![0.0; area];
        let drawn = rows.iter().zip(&repeats);
        for ((&number, &repeat), out) in drawn.zip(grey.chunks_exact_mut(area.max(1))) {
            let row = self.manifest.rows.get(number).ok_or_else(|| Error::Row {
                row: number,
                rows: self.manifest.rows.len(),
            })?;
            match &self.augmentation {
                None => self.pictures.put((number, row), self.epoch, out)?,
                Some(augmentation) => {
                    self.pictures.put((number, row), self.epoch, &mut plain)?;
                    let film = row.sha256.as_str();
                    warp(augmentation, self.seed, self.epoch, film, repeat).apply(&plain, size, out);
                    tones(augmentation, self.seed, self.epoch, film, repeat).apply(out, size);
                }
            }
        }
        Ok(Batch { rows, repeats, grey })
    }
}

/// For each place in an epoch: how often its row came before.
fn repeats(order: &[usize]) -> Vec<u32> {
    let mut seen: HashMap<usize, u32> = HashMap::new();
    order
        .iter()
        .map(|&row| {
            let count = seen.entry(row).or_default();
            *count += 1;
            *count - 1
        })
        .collect()
}

/// The warp of a film in an epoch, for images that must move with it. `repeat` counts the earlier draws of the
/// film in this epoch.
pub fn warp(augmentation: &Augmentation, seed: u64, epoch: u64, sha256: &str, repeat: u32) -> Warp {
    augmentation.draw(&mut named(b"augmentation of a film", seed, epoch, sha256, repeat))
}

/// The change of a film's grey levels in an epoch; its masks do not follow it.
fn tones(augmentation: &Augmentation, seed: u64, epoch: u64, sha256: &str, repeat: u32) -> Tones {
    augmentation.draw_tones(&mut named(b"grey levels of a film", seed, epoch, sha256, repeat))
}

fn named(what: &[u8], seed: u64, epoch: u64, sha256: &str, repeat: u32) -> ChaCha8Rng {
    let (epoch, repeat) = (epoch.to_le_bytes(), repeat.to_le_bytes());
    let name: [&[u8]; 4] = [what, &epoch, sha256.as_bytes(), &repeat];
    // The first draw has the name that it had before films could repeat.
    let name = if repeat == [0; 4] { &name[..3] } else { &name[..] };
    stream(Scheme::Sha256, seed, name)
}
