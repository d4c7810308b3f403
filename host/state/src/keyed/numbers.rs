//! Columns of numbers as bits, which are compared and hashed faster than bytes.

use arrow::{
    array::{Array, ArrayData, ArrayRef, make_array},
    buffer::{Buffer, NullBuffer, ScalarBuffer},
    datatypes::{ArrowNativeType, DataType},
    error::ArrowError,
};

/// The bits of a column of numbers of at most eight bytes.
pub(super) struct Numbers {
    bits: ScalarBuffer<u64>,
    nulls: Option<NullBuffer>,
}

impl Numbers {
    /// How many bytes a number has; none if that are no numbers, or larger ones.
    fn width(of_type: &DataType) -> Option<usize> {
        let width = of_type.primitive_width()?;
        // Their parts are less aligned than numbers.
        let is_interval = matches!(of_type, DataType::Interval(_));
        (width <= 8 && !is_interval).then_some(width)
    }

    pub(super) fn are(of_type: &DataType) -> bool {
        Self::width(of_type).is_some()
    }

    pub(super) fn new(column: &ArrayRef) -> Option<Self> {
        let data = column.to_data();
        let bits = match Self::width(column.data_type())? {
            8 => {
                let bits = data.buffers().first()?.clone();
                ScalarBuffer::new(bits, data.offset(), data.len())
            }
            4 => wide::<u32>(&data),
            2 => wide::<u16>(&data),
            _ => wide::<u8>(&data),
        };
        let nulls = data.nulls().cloned();
        Some(Numbers { bits, nulls })
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<u64> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.bits[row]),
        }
    }

    /// The column of such bits.
    pub(super) fn column(
        of_type: &DataType,
        numbers: &[Option<u64>],
    ) -> Result<ArrayRef, ArrowError> {
        let width = Self::width(of_type).unwrap_or(8);
        let mut bytes = Vec::with_capacity(numbers.len() * width);
        for number in numbers {
            let bits = number.unwrap_or(0);
            match width {
                8 => bytes.extend(bits.to_ne_bytes()),
                4 => bytes.extend((bits as u32).to_ne_bytes()),
                2 => bytes.extend((bits as u16).to_ne_bytes()),
                _ => bytes.push(bits as u8),
            }
        }
        let nulls: NullBuffer = numbers
            .iter()
            .map(Option::is_some)
            .collect::<Vec<_>>()
            .into();
        let data = ArrayData::builder(of_type.clone())
            .len(numbers.len())
            .add_buffer(Buffer::from_vec(bytes))
            .nulls(Some(nulls).filter(|nulls| nulls.null_count() > 0))
            .align_buffers(true);
        Ok(make_array(data.build()?))
    }
}

fn wide<T: ArrowNativeType + Into<u64>>(data: &ArrayData) -> ScalarBuffer<u64> {
    let narrow = data.buffers().first().cloned();
    let narrow = narrow.map(|buffer| ScalarBuffer::<T>::new(buffer, data.offset(), data.len()));
    let bits = narrow.iter().flat_map(|narrow| narrow.iter());
    bits.map(|bits| (*bits).into()).collect()
}
