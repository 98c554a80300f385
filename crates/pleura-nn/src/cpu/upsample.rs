//! Upsampling by two, channel by channel.

use super::finish::write_moments;
use super::{Path, Tensor, path, session};
use crate::backend::{Grid, Output};

/// Repeats each value as a 2×2 square.
pub(super) fn double(path: Path, channels: usize, x: &[f32], grid: Grid, target: Output<'_, Tensor>) {
    let Output { map, row, moments } = target;
    let (small, large) = (grid.columns(), grid.doubled().columns());
    let rows = &mut map[row * large..(row + channels) * large];
    session::each_piece(rows, large, |channel, out| {
        let lines = x[channel * small..(channel + 1) * small].chunks_exact(grid.width);
        for (line, pair) in lines.zip(out.chunks_exact_mut(4 * grid.width)) {
            let (first, second) = pair.split_at_mut(2 * grid.width);
            for (two, &value) in first.as_chunks_mut::<2>().0.iter_mut().zip(line) {
                *two = [value; 2];
            }
            second.copy_from_slice(first);
        }
    });
    let Some(moments) = moments else { return };
    // Repeating every value leaves the mean and the variance as they are: they are those of the small map.
    let total = session::collect(channels, |channel| {
        path::sums(path, &x[channel * small..][..small])
    });
    write_moments(&total, small, row, moments);
}

/// Sums each 2×2 square.
pub(super) fn squares(gradient: &[f32], grid: Grid, out: &mut [f32]) {
    let (small, large) = (grid.columns(), grid.doubled().columns());
    session::each_piece(out, small, |channel, out| {
        let pairs = gradient[channel * large..(channel + 1) * large].chunks_exact(4 * grid.width);
        for (out, pair) in out.chunks_exact_mut(grid.width).zip(pairs) {
            let (first, second) = pair.split_at(2 * grid.width);
            let squares = first.as_chunks::<2>().0.iter().zip(second.as_chunks::<2>().0);
            for (out, (above, below)) in out.iter_mut().zip(squares) {
                *out = (above[0] + above[1]) + (below[0] + below[1]);
            }
        }
    });
}
