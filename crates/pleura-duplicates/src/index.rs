//! Hashes near a hash, without comparing with all of them.
//!
//! Locality-sensitive hashing by sampled bits (Indyk and Motwani 1998): each of 16 tables files every film under some of its hash's bits, and a
//! query looks where its own bits lead, and where they lead with its three least certain bits of that table exchanged (multi-probe, Lv et al.
//! 2007).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::hash::{BITS, Hash, Query, distance};

/// Tables; each takes 4 bytes a film.
const TABLES: usize = 16;

/// Bits of a query that may each be wrong.
const DOUBTFUL: usize = 3;

/// Fewest and most bits of a table's key.
const KEY: (u32, u32) = (8, 20);

/// Hashes, filed.
pub(super) struct Index {
    hashes: Vec<Hash>,
    tables: Vec<Table>,
}

/// Films by some bits of their hashes.
struct Table {
    bits: Vec<usize>,
    /// Where each key's films begin; one more at the end.
    starts: Vec<u32>,
    films: Vec<u32>,
}

/// What a thread needs to ask; kept between queries.
#[derive(Default)]
pub(super) struct Desk {
    /// The query that last met each film.
    met: Vec<u32>,
    query: u32,
}

impl Index {
    /// Files hashes; films are known by their place.
    pub(super) fn new(hashes: Vec<Hash>) -> Self {
        let width = hashes.len().max(1).ilog2().clamp(KEY.0, KEY.1) as usize;
        let mut rng = ChaCha8Rng::seed_from_u64(0x6c65_616b_7321);
        let mut deck: Vec<usize> = Vec::new();
        let tables = (0..TABLES).map(|_| {
            // Bits are dealt like cards, so that all are used equally often.
            let bits = (0..width)
                .map(|_| {
                    if deck.is_empty() {
                        deck = (0..BITS).collect();
                    }
                    let card = rng.random_range(0..deck.len());
                    deck.swap_remove(card)
                })
                .collect();
            Table::new(bits, &hashes)
        });
        Self {
            tables: tables.collect(),
            hashes,
        }
    }

    /// How many films there are.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let tables = self
            .tables
            .iter()
            .map(|table| 4 * (table.starts.len() + table.films.len()));
        self.hashes.len() * size_of::<Hash>() + tables.sum::<usize>()
    }

    /// Calls `found(film, distance)` once for each film found within a distance of the query, in no particular order.
    pub(super) fn near(
        &self,
        query: &Query,
        within: u32,
        desk: &mut Desk,
        mut found: impl FnMut(usize, u32),
    ) {
        desk.met.resize(self.hashes.len(), 0);
        desk.query = desk.query.wrapping_add(1);
        if desk.query == 0 {
            desk.met.fill(0);
            desk.query = 1;
        }
        for table in &self.tables {
            let key = key(&table.bits, &query.hash);
            let doubtful = doubtful(&table.bits, query);
            for probe in 0..1_u32 << DOUBTFUL {
                let flips = (0..DOUBTFUL)
                    .filter(|place| probe >> place & 1 == 1)
                    .fold(0, |flips, place| flips | 1_usize << doubtful[place]);
                for &film in table.films(key ^ flips) {
                    let film = film as usize;
                    if desk.met[film] == desk.query {
                        continue;
                    }
                    desk.met[film] = desk.query;
                    let apart = distance(&query.hash, &self.hashes[film]);
                    if apart <= within {
                        found(film, apart);
                    }
                }
            }
        }
    }
}

impl Table {
    fn new(bits: Vec<usize>, hashes: &[Hash]) -> Self {
        let mut starts = vec![0_u32; (1 << bits.len()) + 1];
        for hash in hashes {
            starts[key(&bits, hash) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut films = vec![0; hashes.len()];
        for (film, hash) in hashes.iter().enumerate() {
            let place = &mut next[key(&bits, hash)];
            films[*place as usize] = film as u32;
            *place += 1;
        }
        Self { bits, starts, films }
    }

    fn films(&self, key: usize) -> &[u32] {
        &self.films[self.starts[key] as usize..self.starts[key + 1] as usize]
    }
}

fn key(bits: &[usize], hash: &Hash) -> usize {
    bits.iter().enumerate().fold(0, |key, (place, &bit)| {
        key | ((hash[bit / 64] >> (bit % 64) & 1) as usize) << place
    })
}

/// The places of a table's key where the query is least certain.
fn doubtful(bits: &[usize], query: &Query) -> [usize; DOUBTFUL] {
    let mut least = [(f32::INFINITY, 0); DOUBTFUL];
    for (place, &bit) in bits.iter().enumerate() {
        let mut entry = (query.margins[bit], place);
        for slot in &mut least {
            if entry.0 < slot.0 {
                std::mem::swap(slot, &mut entry);
            }
        }
    }
    least.map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(rng: &mut ChaCha8Rng) -> Hash {
        std::array::from_fn(|_| rng.random())
    }

    fn asked(hash: Hash) -> Query {
        Query {
            hash,
            margins: [1.0; BITS],
        }
    }

    #[test]
    fn near_hashes_are_found_and_only_they() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let hashes: Vec<Hash> = (0..3000).map(|_| hash(&mut rng)).collect();
        let index = Index::new(hashes.clone());
        let mut desk = Desk::default();
        let mut missed = 0;
        for (film, own) in hashes.iter().enumerate().step_by(7) {
            let mut changed = *own;
            for _ in 0..18 {
                let bit = rng.random_range(0..BITS);
                changed[bit / 64] ^= 1 << (bit % 64);
            }
            let mut found = Vec::new();
            index.near(&asked(changed), 30, &mut desk, |film, apart| {
                found.push((film, apart));
            });
            for &(other, apart) in &found {
                assert_eq!(apart, distance(&changed, &hashes[other]));
                assert!(apart <= 30);
            }
            assert!(found.len() <= 1);
            missed += usize::from(!found.iter().any(|&(other, _)| other == film));
        }
        assert!(missed <= 4, "{missed} of 429 missed");
    }

    #[test]
    fn every_film_lies_once_in_every_table() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let hashes: Vec<Hash> = (0..500).map(|_| hash(&mut rng)).collect();
        let index = Index::new(hashes);
        for table in &index.tables {
            let mut films = table.films.clone();
            films.sort_unstable();
            assert!(films.into_iter().eq(0..500));
        }
        assert_eq!(index.bytes(), 500 * 24 + 16 * 4 * (257 + 500));
    }

    #[test]
    fn the_least_certain_places_are_exchanged_first() {
        let mut query = asked([0; 3]);
        query.margins[7] = 0.1;
        query.margins[90] = 0.3;
        query.margins[3] = 0.2;
        assert_eq!(doubtful(&[1, 90, 2, 7, 5, 3], &query), [3, 5, 1]);
    }
}
