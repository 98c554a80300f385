//! Buffers for a tile's intermediate values, kept by each thread from tile to tile.

use std::cell::RefCell;

/// Values of a cache line.
const LINE: usize = 16;

thread_local! {
    static ROOM: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Provides stretches of these lengths, each at the start of a cache line. Their content is unspecified.
pub(super) fn scratch<const N: usize, R>(lengths: [usize; N], work: impl FnOnce([&mut [f32]; N]) -> R) -> R {
    // Taken out during use: a nested tile finds none and makes its own.
    let mut room = ROOM.take();
    let needed = lengths
        .iter()
        .map(|len| len.next_multiple_of(LINE))
        .sum::<usize>()
        + LINE;
    if room.len() < needed {
        room = vec![0.0; needed];
    }
    // Distance to the next cache line, in values. If `align_offset` gives none, stretches are unaligned.
    let start = match room.as_ptr().align_offset(LINE * size_of::<f32>()) {
        offset if offset <= LINE => offset,
        _ => 0,
    };
    let mut rest = &mut room[start..];
    let stretches = lengths.map(|len| {
        let (stretch, others) = std::mem::take(&mut rest).split_at_mut(len.next_multiple_of(LINE));
        rest = others;
        &mut stretch[..len]
    });
    let result = work(stretches);
    ROOM.set(room);
    result
}

#[cfg(test)]
mod tests {
    use super::scratch;

    #[test]
    fn stretches_have_their_lengths_and_begin_at_cache_lines() {
        for lengths in [[1, 0, 17], [16, 300, 5], [3, 3, 3]] {
            scratch(lengths, |stretches| {
                for (stretch, len) in stretches.iter().zip(lengths) {
                    assert_eq!(stretch.len(), len);
                    assert_eq!(stretch.as_ptr() as usize % 64, 0);
                }
            });
        }
    }

    #[test]
    fn a_stretch_within_a_stretch_is_another() {
        scratch([8], |[outer]| {
            outer.fill(1.0);
            scratch([8], |[inner]| inner.fill(2.0));
            assert!(outer.iter().all(|&value| value == 1.0));
        });
    }
}
