//! Named random streams: the numbers of a film do not depend on the films before it.

use pleura_core::rng::{self, ChaCha8Rng, Scheme};

/// Stream `name` of a seed.
pub(crate) fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    rng::stream(Scheme::Fnv, seed, &[name.as_bytes()])
}
