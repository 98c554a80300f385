//! Runs a graph in double precision, each operation as ONNX's page on it defines it, in loops as plain as
//! they can be.

use std::collections::BTreeMap;

use crate::proto::{GraphProto, NodeProto, TensorProto};
use crate::tensor::Tensor;

/// All outputs by name.
pub(crate) fn run(graph: &GraphProto, input: Tensor) -> BTreeMap<String, Tensor> {
    let mut values: BTreeMap<String, Tensor> = graph
        .initializer
        .iter()
        .map(|proto: &TensorProto| (proto.name.clone(), Tensor::read(proto)))
        .collect();
    values.insert(graph.input[0].name.clone(), input);
    for node in &graph.node {
        let inputs: Vec<&Tensor> = node.input.iter().map(|name| &values[name]).collect();
        let outputs = step(node, &inputs);
        values.extend(node.output.iter().cloned().zip(outputs));
    }
    let outputs = graph.output.iter().map(|output| output.name.clone());
    outputs
        .map(|name| (name.clone(), values.remove(&name).unwrap()))
        .collect()
}

struct Attributes<'a>(&'a NodeProto);

impl Attributes<'_> {
    fn int(&self, name: &str, default: i64) -> i64 {
        self.0
            .attribute
            .iter()
            .find(|attribute| attribute.name == name)
            .map_or(default, |attribute| attribute.i)
    }

    fn ints(&self, name: &str) -> Vec<i64> {
        let found = self.0.attribute.iter().find(|attribute| attribute.name == name);
        found
            .unwrap_or_else(|| panic!("{} has no {name}", self.0.name))
            .ints
            .clone()
    }

    /// Kernel, stride and padding, square.
    fn window(&self) -> (usize, usize, usize) {
        let one = |name: &str, count: usize| {
            let list = self.ints(name);
            assert_eq!(list, vec![list[0]; count]);
            list[0] as usize
        };
        (one("kernel_shape", 2), one("strides", 2), one("pads", 4))
    }
}

fn step(node: &NodeProto, inputs: &[&Tensor]) -> Vec<Tensor> {
    let of = Attributes(node);
    let x = inputs[0];
    vec![match node.op_type.as_str() {
        "Add" => x.with(inputs[1], |a, b| a + b),
        "Sub" => x.with(inputs[1], |a, b| a - b),
        "Mul" => x.with(inputs[1], |a, b| a * b),
        "Div" => x.with(inputs[1], |a, b| a / b),
        "Max" => x.with(inputs[1], f64::max),
        "Equal" => x.with(inputs[1], |a, b| f64::from(u8::from(a == b))),
        "Relu" => x.map(|a| a.max(0.0)),
        "Abs" => x.map(f64::abs),
        "Neg" => x.map(|a| -a),
        "Sign" => x.map(|a| if a == 0.0 { 0.0 } else { a.signum() }),
        "Sigmoid" => x.map(|a| 1.0 / (1.0 + (-a).exp())),
        "Cast" => x.clone(),
        "Softmax" => {
            let rows = x.data.chunks(x.shape[1]).flat_map(|row| {
                let sum: f64 = row.iter().map(|a| a.exp()).sum();
                row.iter().map(move |a| a.exp() / sum)
            });
            Tensor::new(x.shape.clone(), rows.collect())
        }
        "BatchNormalization" => Tensor::by_place(x.shape.clone(), |at| {
            let [gamma, beta, mean, variance] = [1, 2, 3, 4].map(|input| inputs[input].data[at[1]]);
            let epsilon = f64::from(node.attribute[0].f);
            (x.at(at) - mean) / (variance + epsilon).sqrt() * gamma + beta
        }),
        "Conv" => conv(x, inputs[1], inputs.get(2).copied(), of.window()),
        "ConvTranspose" => conv_transpose(x, inputs[1], of.window(), of.ints("output_padding")[0] as usize),
        "MaxPool" => pool(x, of.window(), |values| {
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }),
        "AveragePool" => pool(x, of.window(), |values| {
            values.iter().sum::<f64>() / values.len() as f64
        }),
        "GlobalAveragePool" => {
            let plane = x.shape[2] * x.shape[3];
            let means = x
                .data
                .chunks(plane)
                .map(|plane| plane.iter().sum::<f64>() / plane.len() as f64);
            Tensor::new(vec![x.shape[0], x.shape[1], 1, 1], means.collect())
        }
        "Flatten" => Tensor::new(vec![x.shape[0], x.data.len() / x.shape[0]], x.data.clone()),
        "Gemm" => {
            assert_eq!(of.int("transB", 0), 1);
            let shape = vec![x.shape[0], inputs[1].shape[0]];
            Tensor::by_place(shape, |at| {
                let products = (0..x.shape[1]).map(|k| x.at(&[at[0], k]) * inputs[1].at(&[at[1], k]));
                products.sum::<f64>() + inputs[2].data[at[1]]
            })
        }
        "MatMul" => {
            let shape = vec![x.shape[0], x.shape[1], inputs[1].shape[1]];
            Tensor::by_place(shape, |at| {
                (0..x.shape[2])
                    .map(|k| x.at(&[at[0], at[1], k]) * inputs[1].at(&[k, at[2]]))
                    .sum()
            })
        }
        "Concat" => concat(inputs, x.axis(of.int("axis", 0))),
        "Split" => return split(x, x.axis(of.int("axis", 0)), &inputs[1].ints()),
        "Reshape" => reshape(x, &inputs[1].ints()),
        "Transpose" => {
            let order: Vec<usize> = of.ints("perm").iter().map(|&axis| axis as usize).collect();
            Tensor::by_place(order.iter().map(|&axis| x.shape[axis]).collect(), |at| {
                let mut place = vec![0; at.len()];
                order.iter().zip(at).for_each(|(&axis, &at)| place[axis] = at);
                x.at(&place)
            })
        }
        "ReduceSum" => {
            let axis = x.axis(inputs[1].ints()[0]);
            let mut shape = x.shape.clone();
            shape[axis] = 1;
            let mut sums = Tensor::by_place(shape, |at| {
                let mut place = at.to_vec();
                (0..x.shape[axis])
                    .map(|index| {
                        place[axis] = index;
                        x.at(&place)
                    })
                    .sum()
            });
            if of.int("keepdims", 1) == 0 {
                sums.shape.remove(axis);
            }
            sums
        }
        "Gather" => {
            let (axis, places) = (x.axis(of.int("axis", 0)), inputs[1].ints());
            let mut shape = x.shape.clone();
            shape[axis] = places.len();
            Tensor::by_place(shape, |at| {
                let mut place = at.to_vec();
                place[axis] = places[at[axis]] as usize;
                x.at(&place)
            })
        }
        "Slice" => slice(x, &inputs[1..]),
        "Pad" => {
            let (ends, fill) = (inputs[1].ints(), inputs.get(2).map_or(0.0, |value| value.data[0]));
            let axes = x.shape.len();
            let shape = (0..axes).map(|axis| x.shape[axis] + (ends[axis] + ends[axes + axis]) as usize);
            Tensor::by_place(shape.collect(), |at| {
                let place = (0..axes).map(|axis| at[axis].checked_sub(ends[axis] as usize));
                let place: Option<Vec<usize>> = place.collect();
                let inside = place.filter(|place| place.iter().zip(&x.shape).all(|(at, size)| at < size));
                inside.map_or(fill, |place| x.at(&place))
            })
        }
        "SpaceToDepth" => {
            let [n, c, h, w] = x.shape[..] else { panic!() };
            assert!(h % 2 == 0 && w % 2 == 0);
            Tensor::by_place(vec![n, 4 * c, h / 2, w / 2], |at| {
                let corner = at[1] / c;
                x.at(&[at[0], at[1] % c, 2 * at[2] + corner / 2, 2 * at[3] + corner % 2])
            })
        }
        "DepthToSpace" => {
            assert_eq!(node.attribute[1].s, "DCR");
            let [n, c, h, w] = x.shape[..] else { panic!() };
            let channels = c / 4;
            Tensor::by_place(vec![n, channels, 2 * h, 2 * w], |at| {
                let corner = at[2] % 2 * 2 + at[3] % 2;
                x.at(&[at[0], corner * channels + at[1], at[2] / 2, at[3] / 2])
            })
        }
        other => panic!("{other} is no operation that graphs here are made of"),
    }]
}

fn conv(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    (kernel, stride, padding): (usize, usize, usize),
) -> Tensor {
    assert_eq!((x.shape[1], kernel), (w.shape[1], w.shape[2]));
    let side = |size: usize| (size + 2 * padding - kernel) / stride + 1;
    let shape = vec![x.shape[0], w.shape[0], side(x.shape[2]), side(x.shape[3])];
    Tensor::by_place(shape, |at| {
        let mut sum = bias.map_or(0.0, |bias| bias.data[at[1]]);
        for input in 0..x.shape[1] {
            for (i, j) in (0..kernel * kernel).map(|place| (place / kernel, place % kernel)) {
                let (row, column) = (at[2] * stride + i, at[3] * stride + j);
                if (padding..x.shape[2] + padding).contains(&row)
                    && (padding..x.shape[3] + padding).contains(&column)
                {
                    sum +=
                        w.at(&[at[1], input, i, j]) * x.at(&[at[0], input, row - padding, column - padding]);
                }
            }
        }
        sum
    })
}

fn conv_transpose(
    x: &Tensor,
    w: &Tensor,
    (kernel, stride, padding): (usize, usize, usize),
    more: usize,
) -> Tensor {
    assert!(x.shape[1] == w.shape[0] && more < stride);
    let side = |size: usize| (size - 1) * stride + kernel + more - 2 * padding;
    let shape = vec![x.shape[0], w.shape[1], side(x.shape[2]), side(x.shape[3])];
    Tensor::by_place(shape, |at| {
        let mut sum = 0.0;
        for input in 0..x.shape[1] {
            for (i, j) in (0..kernel * kernel).map(|place| (place / kernel, place % kernel)) {
                let from = |at: usize, offset: usize| {
                    let place = (at + padding).checked_sub(offset)?;
                    (place % stride == 0).then_some(place / stride)
                };
                if let (Some(row), Some(column)) = (from(at[2], i), from(at[3], j))
                    && row < x.shape[2]
                    && column < x.shape[3]
                {
                    sum += w.at(&[input, at[1], i, j]) * x.at(&[at[0], input, row, column]);
                }
            }
        }
        sum
    })
}

fn pool(x: &Tensor, (kernel, stride, padding): (usize, usize, usize), of: impl Fn(&[f64]) -> f64) -> Tensor {
    let side = |size: usize| (size + 2 * padding - kernel) / stride + 1;
    let shape = vec![x.shape[0], x.shape[1], side(x.shape[2]), side(x.shape[3])];
    Tensor::by_place(shape, |at| {
        let places = (0..kernel * kernel)
            .map(|place| (at[2] * stride + place / kernel, at[3] * stride + place % kernel));
        let real = places.filter(|&(row, column)| {
            (padding..x.shape[2] + padding).contains(&row)
                && (padding..x.shape[3] + padding).contains(&column)
        });
        let values: Vec<f64> = real
            .map(|(row, column)| x.at(&[at[0], at[1], row - padding, column - padding]))
            .collect();
        of(&values)
    })
}

fn concat(parts: &[&Tensor], axis: usize) -> Tensor {
    let mut shape = parts[0].shape.clone();
    shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
    Tensor::by_place(shape, |at| {
        let mut place = at.to_vec();
        for part in parts {
            if place[axis] < part.shape[axis] {
                return part.at(&place);
            }
            place[axis] -= part.shape[axis];
        }
        panic!("beyond all parts")
    })
}

fn split(x: &Tensor, axis: usize, sizes: &[i64]) -> Vec<Tensor> {
    assert_eq!(sizes.iter().sum::<i64>(), x.shape[axis] as i64);
    let mut first = 0;
    let part = |&size: &i64| {
        let mut shape = x.shape.clone();
        shape[axis] = size as usize;
        let part = Tensor::by_place(shape, |at| {
            let mut place = at.to_vec();
            place[axis] += first;
            x.at(&place)
        });
        first += size as usize;
        part
    };
    sizes.iter().map(part).collect()
}

fn reshape(x: &Tensor, sizes: &[i64]) -> Tensor {
    let known: i64 = sizes.iter().filter(|&&size| size > 0).product();
    let size = |&size: &i64| {
        if size == -1 {
            x.data.len() / known as usize
        } else {
            size as usize
        }
    };
    Tensor::new(sizes.iter().map(size).collect(), x.data.clone())
}

fn slice(x: &Tensor, lists: &[&Tensor]) -> Tensor {
    let [starts, ends, axes] = [0, 1, 2].map(|list| lists[list].ints());
    let steps = lists.get(3).map_or(vec![1; axes.len()], |steps| steps.ints());
    let mut shape = x.shape.clone();
    let mut firsts = vec![(0, 1); shape.len()];
    for (place, &axis) in axes.iter().enumerate() {
        let (axis, step) = (x.axis(axis), steps[place]);
        let size = x.shape[axis] as i64;
        let resolve = |value: i64| if value < 0 { value + size } else { value };
        let (start, end) = if step > 0 {
            (
                resolve(starts[place]).clamp(0, size),
                resolve(ends[place]).clamp(0, size),
            )
        } else {
            (
                resolve(starts[place]).clamp(0, size - 1),
                resolve(ends[place]).clamp(-1, size - 1),
            )
        };
        shape[axis] = ((end - start) as f64 / step as f64).ceil() as usize;
        firsts[axis] = (start, step);
    }
    Tensor::by_place(shape, |at| {
        let place = at
            .iter()
            .zip(&firsts)
            .map(|(&at, (start, step))| (start + at as i64 * step) as usize);
        x.at(&place.collect::<Vec<_>>())
    })
}
