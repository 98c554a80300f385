//! Named random streams: the numbers of a film do not depend on the films before it.

use pleura_core::rng::{self, ChaCha8Rng, Scheme};
use rand::RngExt as _;

/// Stream `purpose` of a film and a seed.
pub(super) fn stream(seed: u64, purpose: &str, film: &str) -> ChaCha8Rng {
    rng::stream(Scheme::Fnv, seed, &[purpose.as_bytes(), film.as_bytes()])
}

/// The numbers below `count` in random order (Fisher and Yates).
pub(super) fn shuffled(count: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.random_range(0..=last as u32) as usize);
    }
    order
}
