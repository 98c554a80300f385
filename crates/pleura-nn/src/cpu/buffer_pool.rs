//! Memory for maps, kept from pass to pass.
//!
//! A pass asks for the same maps as the one before. Memory that is given back to the system comes anew page by page, each with an
//! interruption; in a virtual machine that took a tenth to a fifth of the time (see the book's page on speed).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shorter ones are left to the allocator.
const SMALLEST: usize = 16 * 1024;
/// A map that nobody has asked for while so many others were given back is let go: some ten training steps.
const PATIENCE: u64 = 4096;

#[derive(Default)]
struct Store {
    /// Maps given back so far.
    clock: u64,
    /// By capacity; each with the clock when it was given back.
    maps: BTreeMap<usize, Vec<(u64, Vec<f32>)>>,
}

static STORE: Mutex<Store> = Mutex::new(Store {
    clock: 0,
    maps: BTreeMap::new(),
});

fn locked() -> MutexGuard<'static, Store> {
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `len` values that are whatever they are.
pub(super) fn take(len: usize) -> Vec<f32> {
    if len >= SMALLEST {
        let found = locked().take(len);
        if let Some(mut map) = found {
            map.resize(len, 0.0);
            return map;
        }
    }
    vec![0.0; len]
}

/// Keeps a map for the next who asks.
pub(super) fn give(map: Vec<f32>) {
    if map.capacity() >= SMALLEST {
        // Let go outside the lock.
        let _old = locked().give(map);
    }
}

impl Store {
    /// The smallest map of at least this length that is not a quarter too long.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let (_, shelf) = self
            .maps
            .range_mut(len..=len + len / 4)
            .find(|(_, shelf)| !shelf.is_empty())?;
        shelf.pop().map(|(_, map)| map)
    }

    /// Keeps a map; returns those that have waited too long.
    fn give(&mut self, map: Vec<f32>) -> Vec<Vec<f32>> {
        self.clock += 1;
        self.maps
            .entry(map.capacity())
            .or_default()
            .push((self.clock, map));
        let mut old = Vec::new();
        if self.clock.is_multiple_of(PATIENCE / 8) {
            let clock = self.clock;
            for shelf in self.maps.values_mut() {
                // The last given back is the first taken, so what waits longest stands in front.
                let waiting = shelf.partition_point(|(since, _)| since + PATIENCE < clock);
                old.extend(shelf.drain(..waiting).map(|(_, map)| map));
            }
            self.maps.retain(|_, shelf| !shelf.is_empty());
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use super::{PATIENCE, Store};

    #[test]
    fn a_map_comes_back_to_who_asks_for_its_length_or_a_little_less() {
        let mut store = Store::default();
        store.give(vec![1.0; 1000]);
        assert!(store.take(1001).is_none());
        assert!(store.take(500).is_none());
        assert_eq!(store.take(900).map(|map| map.capacity()), Some(1000));
        assert!(store.take(1000).is_none());
    }

    #[test]
    fn what_nobody_asks_for_is_let_go() {
        let mut store = Store::default();
        store.give(vec![0.0; 7]);
        let mut let_go = 0;
        for _ in 0..2 * PATIENCE {
            let map = store.take(100).unwrap_or_else(|| vec![0.0; 100]);
            let_go += store.give(map).len();
        }
        assert_eq!(let_go, 1);
        assert!(store.take(7).is_none());
        assert!(store.take(100).is_some());
    }
}
