//! The wire format of Protocol Buffers, as far as ONNX files need it; writing only.

/// A message under construction: its fields in order.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

/// Encoding of a field's value.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Length = 2,
    Fixed32 = 5,
}

impl Message {
    /// Seven bits per byte, lowest first; the eighth bit means that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u32, wire: Wire) {
        self.varint(u64::from(field) << 3 | wire as u64);
    }

    /// `int64`, `int32` and enumerations; one call per repeated value.
    pub(crate) fn int(&mut self, field: u32, value: i64) {
        self.key(field, Wire::Varint);
        self.varint(value as u64);
    }

    /// `float`.
    pub(crate) fn float(&mut self, field: u32, value: f32) {
        self.key(field, Wire::Fixed32);
        self.0.extend(value.to_le_bytes());
    }

    /// `bytes`.
    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, Wire::Length);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    /// `string`.
    pub(crate) fn string(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A nested message.
    pub(crate) fn message(&mut self, field: u32, value: &Message) {
        self.bytes(field, &value.0);
    }

    /// The encoded message.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_the_format_describes_them() {
        // The examples of protobuf.dev's page on the encoding: 150 in field 1, "testing" in field 2, the
        // first within field 3.
        let mut inner = Message::default();
        inner.int(1, 150);
        assert_eq!(inner.0, [0x08, 0x96, 0x01]);
        let mut message = Message::default();
        message.string(2, "testing");
        message.message(3, &inner);
        message.float(4, 1.0);
        message.int(20, -1);
        let expected = [
            b"\x12\x07testing\x1a\x03\x08\x96\x01\x25\x00\x00\x80\x3f\xa0\x01".as_slice(),
            &[0xff; 9],
            &[1],
        ];
        assert_eq!(message.into_bytes(), expected.concat());
    }
}
