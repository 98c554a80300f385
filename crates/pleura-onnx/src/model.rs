//! The messages of an ONNX model and their encoding.
//!
//! Field numbers are those of [onnx.proto](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); a graph
//! without control flow needs ten of its messages.

use std::borrow::Cow;

use crate::protobuf::Message;

/// Version of the format: that of ONNX 1.8, which has [`OPSET`]. Readers accept any version up to their own.
pub(crate) const IR_VERSION: i64 = 7;
/// Version of the operators. Nothing here needs a newer one, and all current runtimes support it.
pub(crate) const OPSET: i64 = 13;

/// `TensorProto.DataType`.
const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// A whole file.
pub(crate) struct Model<'a> {
    pub(crate) graph: Graph<'a>,
    pub(crate) producer: (&'a str, &'a str),
    pub(crate) doc: &'a str,
    pub(crate) metadata: &'a [(String, String)],
}

/// Nodes in execution order, with their constants.
#[derive(Default)]
pub(crate) struct Graph<'a> {
    pub(crate) name: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) initialisers: Vec<Tensor<'a>>,
    pub(crate) inputs: Vec<ValueInfo>,
    pub(crate) outputs: Vec<ValueInfo>,
}

/// One operation.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) operator: &'static str,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
}

/// An attribute of an operation.
pub(crate) enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    String(&'static str),
}

/// A constant.
pub(crate) struct Tensor<'a> {
    pub(crate) name: String,
    pub(crate) dims: Vec<usize>,
    pub(crate) values: Values<'a>,
}

/// A constant's numbers.
pub(crate) enum Values<'a> {
    Floats(Cow<'a, [f32]>),
    Ints(Vec<i64>),
}

/// An input or output of the graph, of type `float`.
pub(crate) struct ValueInfo {
    pub(crate) name: String,
    pub(crate) dims: Vec<Dim>,
    pub(crate) doc: String,
}

/// One dimension of a shape.
#[derive(Clone)]
pub(crate) enum Dim {
    Fixed(usize),
    /// Known when the graph runs.
    Named(&'static str),
}

impl Model<'_> {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let mut out = Message::default();
        out.int(1, IR_VERSION);
        out.string(2, self.producer.0);
        out.string(3, self.producer.1);
        out.string(6, self.doc);
        out.message(7, &self.graph.message());
        let mut opset = Message::default();
        opset.string(1, "");
        opset.int(2, OPSET);
        out.message(8, &opset);
        for (key, value) in self.metadata {
            let mut entry = Message::default();
            entry.string(1, key);
            entry.string(2, value);
            out.message(14, &entry);
        }
        out.into_bytes()
    }
}

impl Graph<'_> {
    fn message(&self) -> Message {
        let mut out = Message::default();
        for node in &self.nodes {
            out.message(1, &node.message());
        }
        out.string(2, &self.name);
        for tensor in &self.initialisers {
            out.message(5, &tensor.message());
        }
        for (field, values) in [(11, &self.inputs), (12, &self.outputs)] {
            for value in values {
                out.message(field, &value.message());
            }
        }
        out
    }
}

impl Node {
    fn message(&self) -> Message {
        let mut out = Message::default();
        for input in &self.inputs {
            out.string(1, input);
        }
        for output in &self.outputs {
            out.string(2, output);
        }
        out.string(3, &self.name);
        out.string(4, self.operator);
        for (name, value) in &self.attributes {
            let mut attribute = Message::default();
            attribute.string(1, name);
            let kind = match value {
                Attribute::Float(value) => {
                    attribute.float(2, *value);
                    1
                }
                Attribute::Int(value) => {
                    attribute.int(3, *value);
                    2
                }
                Attribute::String(value) => {
                    attribute.string(4, value);
                    3
                }
                Attribute::Ints(values) => {
                    for value in values {
                        attribute.int(8, *value);
                    }
                    7
                }
            };
            attribute.int(20, kind);
            out.message(5, &attribute);
        }
        out
    }
}

impl Tensor<'_> {
    /// The constant as a file of its own.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.message().into_bytes()
    }

    fn message(&self) -> Message {
        let mut out = Message::default();
        for &size in &self.dims {
            out.int(1, size as i64);
        }
        let (kind, raw): (i64, Vec<u8>) = match &self.values {
            Values::Floats(values) => (
                FLOAT,
                values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ),
            Values::Ints(values) => (
                INT64,
                values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ),
        };
        out.int(2, kind);
        out.string(8, &self.name);
        out.bytes(9, &raw);
        out
    }
}

impl ValueInfo {
    fn message(&self) -> Message {
        let mut shape = Message::default();
        for dim in &self.dims {
            let mut message = Message::default();
            match dim {
                Dim::Fixed(size) => message.int(1, *size as i64),
                Dim::Named(name) => message.string(2, name),
            }
            shape.message(1, &message);
        }
        let mut tensor = Message::default();
        tensor.int(1, FLOAT);
        tensor.message(2, &shape);
        let mut kind = Message::default();
        kind.message(1, &tensor);
        let mut out = Message::default();
        out.string(1, &self.name);
        out.message(2, &kind);
        out.string(3, &self.doc);
        out
    }
}
