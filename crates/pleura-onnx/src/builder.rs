//! Builds a graph: named operations, each written once.
//!
//! Values that depend on weights alone (merged norms, positive parts, transposed kernels) are operations on
//! the weights, not further constants. Runtimes compute them once when they load the graph, and the file
//! stays as small as the network.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::{Attribute, Dim, Graph, Node, Tensor, ValueInfo, Values};

/// The result of an operation, a constant, or an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

/// A graph under construction.
#[derive(Default)]
pub(crate) struct Builder<'a> {
    graph: Graph<'a>,
    /// Small constants shared by many operations, by name.
    shared: BTreeMap<String, Value>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            graph: Graph {
                name: name.to_owned(),
                ..Graph::default()
            },
            ..Self::default()
        }
    }

    pub(crate) fn finish(self) -> Graph<'a> {
        self.graph
    }

    pub(crate) fn input(&mut self, name: &str, dims: Vec<Dim>, doc: &str) -> Value {
        self.graph.inputs.push(info(name, dims, doc));
        Value(name.to_owned())
    }

    pub(crate) fn output(&mut self, value: &Value, dims: Vec<Dim>, doc: &str) {
        self.graph.outputs.push(info(&value.0, dims, doc));
    }

    /// A constant borrowed from the network's weights.
    pub(crate) fn borrowed(&mut self, name: &str, dims: &[usize], values: &'a [f32]) -> Value {
        self.constant(name, dims, Values::Floats(Cow::Borrowed(values)))
    }

    /// A constant of the graph.
    pub(crate) fn floats(&mut self, name: &str, dims: &[usize], values: Vec<f32>) -> Value {
        self.constant(name, dims, Values::Floats(Cow::Owned(values)))
    }

    /// A vector with one number per channel, shaped to broadcast over maps.
    pub(crate) fn by_channel(&mut self, name: &str, values: Vec<f32>) -> Value {
        self.floats(name, &[values.len(), 1, 1], values)
    }

    /// A scalar constant.
    pub(crate) fn scalar(&mut self, value: f64) -> Value {
        let value = value as f32;
        let name = format!("number.{value:e}");
        self.shared(name, |graph, name| {
            graph.floats(name, &[], vec![value]);
        })
    }

    /// An integer constant: sizes, axes, indices.
    pub(crate) fn ints(&mut self, values: &[i64]) -> Value {
        let words: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.shared(format!("list.{}", words.join(".")), |graph, name| {
            graph.constant(name, &[values.len()], Values::Ints(values.to_vec()));
        })
    }

    fn shared(&mut self, name: String, make: impl FnOnce(&mut Self, &str)) -> Value {
        if let Some(value) = self.shared.get(&name) {
            return value.clone();
        }
        make(self, &name);
        let value = Value(name.clone());
        self.shared.insert(name, value.clone());
        value
    }

    fn constant(&mut self, name: &str, dims: &[usize], values: Values<'a>) -> Value {
        self.graph.initialisers.push(Tensor {
            name: name.to_owned(),
            dims: dims.to_vec(),
            values,
        });
        Value(name.to_owned())
    }

    /// An operation with one result, which has the operation's name.
    pub(crate) fn node(
        &mut self,
        name: &str,
        operator: &'static str,
        inputs: &[&Value],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> Value {
        self.nodes(name, operator, inputs, attributes, vec![name.to_owned()])
            .swap_remove(0)
    }

    fn nodes(
        &mut self,
        name: &str,
        operator: &'static str,
        inputs: &[&Value],
        attributes: Vec<(&'static str, Attribute)>,
        outputs: Vec<String>,
    ) -> Vec<Value> {
        self.graph.nodes.push(Node {
            name: name.to_owned(),
            operator,
            inputs: inputs.iter().map(|value| value.0.clone()).collect(),
            outputs: outputs.clone(),
            attributes,
        });
        outputs.into_iter().map(Value).collect()
    }

    /// An operation without attributes.
    pub(crate) fn plain(&mut self, name: &str, operator: &'static str, inputs: &[&Value]) -> Value {
        self.node(name, operator, inputs, Vec::new())
    }

    /// A convolution, or its transpose with `ConvTranspose`; `inputs` are map, weights and optionally a bias.
    pub(crate) fn conv(
        &mut self,
        name: &str,
        operator: &'static str,
        inputs: &[&Value],
        (kernel, stride, padding): (usize, usize, usize),
        mut more: Vec<(&'static str, Attribute)>,
    ) -> Value {
        more.extend([
            ("kernel_shape", Attribute::Ints(vec![kernel as i64; 2])),
            ("strides", Attribute::Ints(vec![stride as i64; 2])),
            ("pads", Attribute::Ints(vec![padding as i64; 4])),
        ]);
        self.node(name, operator, inputs, more)
    }

    /// Concatenates along the channels, the third axis from the end. A single value is returned unchanged.
    pub(crate) fn concat(&mut self, name: &str, values: &[&Value]) -> Value {
        match values {
            [one] => (*one).clone(),
            _ => self.node(name, "Concat", values, vec![("axis", Attribute::Int(-3))]),
        }
    }

    /// The first channels and the others.
    pub(crate) fn split(&mut self, name: &str, value: &Value, sizes: [usize; 2]) -> [Value; 2] {
        let sizes = self.ints(&sizes.map(|size| size as i64));
        let outputs = vec![format!("{name}.first"), format!("{name}.rest")];
        let axis = vec![("axis", Attribute::Int(-3))];
        let mut parts = self.nodes(name, "Split", &[value, &sizes], axis, outputs);
        let rest = parts.swap_remove(1);
        [parts.swap_remove(0), rest]
    }

    pub(crate) fn reshape(&mut self, name: &str, value: &Value, shape: &[i64]) -> Value {
        let shape = self.ints(shape);
        self.plain(name, "Reshape", &[value, &shape])
    }

    pub(crate) fn transpose(&mut self, name: &str, value: &Value, order: &[i64]) -> Value {
        let order = vec![("perm", Attribute::Ints(order.to_vec()))];
        self.node(name, "Transpose", &[value], order)
    }

    pub(crate) fn sum(&mut self, name: &str, value: &Value, axis: i64, keep: bool) -> Value {
        let axes = self.ints(&[axis]);
        let keep = vec![("keepdims", Attribute::Int(i64::from(keep)))];
        self.node(name, "ReduceSum", &[value, &axes], keep)
    }

    /// Entries along the third axis from the end (channels) or the first (a convolution's outputs).
    pub(crate) fn gather(&mut self, name: &str, value: &Value, places: &[usize], axis: i64) -> Value {
        let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
        let places = self.constant(&format!("{name}.places"), &[places.len()], Values::Ints(places));
        let axis = vec![("axis", Attribute::Int(axis))];
        self.node(name, "Gather", &[value, &places], axis)
    }

    /// `z / s(z)` for `magnitude = |z|`: `m / (m + ε)`; without ε 1, but 0 where the magnitude is 0.
    pub(crate) fn ratio(&mut self, name: &str, magnitude: &Value, epsilon: f64) -> Value {
        if epsilon == 0.0 {
            return self.plain(name, "Sign", &[magnitude]);
        }
        let epsilon = self.scalar(epsilon);
        let stabilised = self.plain(&format!("{name}.stabilised"), "Add", &[magnitude, &epsilon]);
        self.plain(name, "Div", &[magnitude, &stabilised])
    }

    /// `top / (magnitude + ε)`; without ε 0 where the magnitude is 0.
    pub(crate) fn over(&mut self, name: &str, top: &Value, magnitude: &Value, epsilon: f64) -> Value {
        if epsilon > 0.0 {
            let epsilon = self.scalar(epsilon);
            let stabilised = self.plain(&format!("{name}.stabilised"), "Add", &[magnitude, &epsilon]);
            return self.plain(name, "Div", &[top, &stabilised]);
        }
        let least = self.scalar(f64::from(f32::MIN_POSITIVE));
        let stabilised = self.plain(&format!("{name}.stabilised"), "Max", &[magnitude, &least]);
        let any = self.plain(&format!("{name}.any"), "Sign", &[magnitude]);
        let top = self.plain(&format!("{name}.top"), "Mul", &[top, &any]);
        self.plain(name, "Div", &[&top, &stabilised])
    }
}

fn info(name: &str, dims: Vec<Dim>, doc: &str) -> ValueInfo {
    ValueInfo {
        name: name.to_owned(),
        dims,
        doc: doc.to_owned(),
    }
}
