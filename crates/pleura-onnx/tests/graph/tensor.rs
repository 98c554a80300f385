//! Numbers with a shape, in double precision whatever their type.

use crate::proto::TensorProto;

#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<f64>,
}

impl Tensor {
    pub(crate) fn new(shape: Vec<usize>, data: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "{shape:?}");
        Self { shape, data }
    }

    pub(crate) fn read(proto: &TensorProto) -> Self {
        let shape = proto.dims.iter().map(|&size| size as usize).collect();
        let data = match proto.data_type {
            1 => proto
                .raw_data
                .as_chunks::<4>()
                .0
                .iter()
                .map(|&bytes| f64::from(f32::from_le_bytes(bytes)))
                .collect(),
            7 => proto
                .raw_data
                .as_chunks::<8>()
                .0
                .iter()
                .map(|&bytes| i64::from_le_bytes(bytes) as f64)
                .collect(),
            other => panic!("{}: type {other}", proto.name),
        };
        Self::new(shape, data)
    }

    pub(crate) fn ints(&self) -> Vec<i64> {
        self.data.iter().map(|&value| value as i64).collect()
    }

    pub(crate) fn map(&self, of: impl Fn(f64) -> f64) -> Self {
        Self::new(
            self.shape.clone(),
            self.data.iter().map(|&value| of(value)).collect(),
        )
    }

    /// A tensor of this shape, each value by its place.
    pub(crate) fn by_place(shape: Vec<usize>, mut of: impl FnMut(&[usize]) -> f64) -> Self {
        let mut place = vec![0; shape.len()];
        let mut data = Vec::new();
        for _ in 0..shape.iter().product() {
            data.push(of(&place));
            for axis in (0..shape.len()).rev() {
                place[axis] += 1;
                if place[axis] < shape[axis] {
                    break;
                }
                place[axis] = 0;
            }
        }
        Self::new(shape, data)
    }

    pub(crate) fn at(&self, place: &[usize]) -> f64 {
        assert_eq!(place.len(), self.shape.len());
        let index = place.iter().zip(&self.shape).fold(0, |index, (&at, &size)| {
            assert!(at < size, "{place:?} in {:?}", self.shape);
            index * size + at
        });
        self.data[index]
    }

    /// The value at a place of a larger shape: sizes of 1, and axes that this one lacks in front, are
    /// repeated.
    fn broadcast(&self, place: &[usize]) -> f64 {
        let place = &place[place.len() - self.shape.len()..];
        let own: Vec<usize> = place
            .iter()
            .zip(&self.shape)
            .map(|(&at, &size)| if size == 1 { 0 } else { at })
            .collect();
        self.at(&own)
    }

    pub(crate) fn with(&self, other: &Tensor, of: impl Fn(f64, f64) -> f64) -> Self {
        let axes = self.shape.len().max(other.shape.len());
        let size = |tensor: &Tensor, axis: usize| {
            (axis + tensor.shape.len())
                .checked_sub(axes)
                .map_or(1, |axis| tensor.shape[axis])
        };
        let shape = (0..axes)
            .map(|axis| match (size(self, axis), size(other, axis)) {
                (1, size) | (size, 1) => size,
                (a, b) => {
                    assert_eq!(a, b, "{:?} with {:?}", self.shape, other.shape);
                    a
                }
            })
            .collect();
        Self::by_place(shape, |place| of(self.broadcast(place), other.broadcast(place)))
    }

    /// An axis counted from the front.
    pub(crate) fn axis(&self, axis: i64) -> usize {
        usize::try_from(if axis < 0 {
            axis + self.shape.len() as i64
        } else {
            axis
        })
        .unwrap()
    }
}
