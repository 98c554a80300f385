//! The primitives of LRP-Flex by their definitions.

use super::windows::{largest, windows};
use super::{Reference, Tensor, activated};
use crate::backend::{Affine, Gated, Grid, HeatmapGradient, LrpFlex, Pool};

/// `h(y)`.
fn gate(y: f64, epsilon: f64) -> f64 {
    if y > 0.0 { y / (y + epsilon) } else { 0.0 }
}

/// `h'(y)`.
fn slope(y: f64, epsilon: f64) -> f64 {
    if y > 0.0 {
        epsilon / ((y + epsilon) * (y + epsilon))
    } else {
        0.0
    }
}

impl LrpFlex<Tensor> for Reference {
    fn gate(
        &self,
        gated: Gated<'_, Tensor>,
        columns: usize,
        values: &Tensor,
        into: &mut Tensor,
        accumulate: bool,
    ) {
        let Affine { scale, shift } = gated.affine;
        for channel in 0..gated.channels {
            for place in channel * columns..(channel + 1) * columns {
                let y = scale[channel] * gated.x[place] + shift[channel];
                let passed = scale[channel] * gate(y, gated.epsilon) * values[place];
                into[place] = if accumulate { into[place] } else { 0.0 } + passed;
            }
        }
    }

    fn gate_backward(
        &self,
        gated: Gated<'_, Tensor>,
        columns: usize,
        arriving: &Tensor,
        tangent: &Tensor,
        heatmap_gradient: &mut HeatmapGradient<Tensor>,
    ) {
        let Affine { scale, shift } = gated.affine;
        for channel in 0..gated.channels {
            for place in channel * columns..(channel + 1) * columns {
                let y = scale[channel] * gated.x[place] + shift[channel];
                let both = arriving[place] * tangent[place];
                heatmap_gradient.output[place] += both * scale[channel] * slope(y, gated.epsilon);
                heatmap_gradient.scale[channel] += both * gate(y, gated.epsilon);
            }
        }
    }

    fn pool_tangent(
        &self,
        pool: Pool,
        channels: usize,
        tangent: &Tensor,
        x: &Tensor,
        prologue: &Affine<Tensor>,
        grid: Grid,
        out: &mut Tensor,
    ) {
        let (columns, pooled) = (grid.columns(), pool.after(grid).columns());
        let map = activated(x, channels, columns, Some(prologue));
        for channel in 0..channels {
            let row = channel * columns..(channel + 1) * columns;
            let (map, tangent) = (&map[row.clone()], &tangent[row]);
            for (place, members) in windows(pool, grid).into_iter().enumerate() {
                out[channel * pooled + place] = match pool {
                    Pool::Max(_) => tangent[largest(map, &members)],
                    _ => members.iter().map(|&member| tangent[member]).sum::<f64>() / members.len() as f64,
                };
            }
        }
    }

    fn add(&self, into: &mut Tensor, values: &Tensor) {
        for (into, value) in into.iter_mut().zip(values) {
            *into += value;
        }
    }
}
