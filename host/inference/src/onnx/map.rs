//! Maps: what ZipMap gives for each row, and what DictVectorizer takes.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, MapArray, PrimitiveArray,
    StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Int64Type};
use ort::value::{
    DynValue, DynValueTypeMarker, IntoTensorElementType, Map, PrimitiveTensorElementType, Tensor,
};

use super::binding::Layout;
use super::nested::nest;
use super::signature::MapType;
use super::tensor::{texts, without_nulls};
use crate::tensor::columns::convert;
use crate::tensor::{Element, with_native};

const NO_VALUE: &str = "a map of such values, which no column can carry";

/// The map of a column's one row.
pub(super) fn map_value(map: MapType, column: &ArrayRef) -> Result<DynValue, String> {
    let Some(column) = column.as_map_opt().filter(|column| column.len() == 1) else {
        return Err(format!("a map is needed, not {}", column.data_type()));
    };
    if column.is_null(0) {
        return Err("row 0 is NULL, and a map has no value for it".to_owned());
    }
    let entries = column.value(0);
    let [keys, values] = entries.columns() else {
        return Err("a map has keys and values".to_owned());
    };
    let keys = convert(keys, &map.key.data_type())?;
    let values = convert(values, &map.value.data_type())?;
    let values = without_nulls(values, usize::MAX, map.value)?;
    with_native!(map.value,
        T => {
            let values = values.as_primitive::<T>().values().to_vec();
            let length = values.len();
            let values = Tensor::from_array(([length], values));
            values.and_then(|values| Ok(match map.key {
                Element::I64 => {
                    let keys = keys.as_primitive::<Int64Type>().values().to_vec();
                    Map::new_kv(Tensor::from_array(([length], keys))?, values)?.into_dyn()
                }
                _ => {
                    let keys = texts(&keys);
                    let keys = Tensor::from_string_array(([length], keys.as_slice()))?;
                    Map::new_kv(keys, values)?.into_dyn()
                }
            }))
        },
        else => return Err(NO_VALUE.to_owned())
    )
    .map_err(|error| error.to_string())
}

/// The column of maps, one a row.
pub(super) fn map_column(
    map: MapType,
    layout: Layout,
    data_type: &DataType,
    maps: &[DynValue],
) -> Result<ArrayRef, String> {
    with_native!(map.value,
        T => match map.key {
            Element::I64 => {
                let rows = entries::<i64, <T as ArrowPrimitiveType>::Native>(maps)?;
                let keys = |keys: Vec<i64>| Arc::new(Int64Array::from(keys)) as ArrayRef;
                column::<_, T>(layout, data_type, rows, keys)
            }
            _ => {
                let rows = entries::<String, <T as ArrowPrimitiveType>::Native>(maps)?;
                let keys = |keys: Vec<String>| Arc::new(StringArray::from(keys)) as ArrayRef;
                column::<_, T>(layout, data_type, rows, keys)
            }
        },
        else => Err(NO_VALUE.to_owned())
    )
}

type Entries<K, V> = Vec<Vec<(K, V)>>;

/// The entries of maps, in the order of their keys.
fn entries<K, V>(maps: &[DynValue]) -> Result<Entries<K, V>, String>
where
    K: IntoTensorElementType + Clone + Hash + Ord,
    V: PrimitiveTensorElementType + Clone,
{
    let of_one = |value: &DynValue| {
        let entries = value.view().downcast::<ort::value::DynMapValueType>();
        let mut entries = entries.and_then(|map| map.try_extract_key_values::<K, V>());
        if let Ok(entries) = &mut entries {
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        entries.map_err(|error| error.to_string())
    };
    maps.iter().map(of_one).collect()
}

fn column<K: PartialEq, T: ArrowPrimitiveType>(
    layout: Layout,
    data_type: &DataType,
    rows: Entries<K, T::Native>,
    keys: impl Fn(Vec<K>) -> ArrayRef,
) -> Result<ArrayRef, String> {
    let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    if layout == Layout::MapValues {
        let other = |row: &Vec<(K, T::Native)>| {
            let first = rows.first().into_iter().flatten().map(|(key, _)| key);
            !row.iter().map(|(key, _)| key).eq(first)
        };
        if let Some(row) = rows.iter().position(other) {
            return Err(format!(
                "the map of row {row} has other keys than that of row 0, so that their values are \
                 no lists of one kind; declare a MAP column"
            ));
        }
    }
    let count = rows.len();
    let width = lengths.first().copied().unwrap_or(0);
    let (all_keys, values): (Vec<K>, Vec<T::Native>) = rows.into_iter().flatten().unzip();
    let values: ArrayRef = Arc::new(PrimitiveArray::<T>::new(values.into(), None));
    let DataType::Map(entries, sorted) = data_type else {
        return nest(data_type, &values, count, &[width]);
    };
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(format!("{data_type} has no keys and values"));
    };
    let [key, value] = &fields[..] else {
        return Err(format!("{data_type} has no keys and values"));
    };
    let columns = vec![
        convert(&keys(all_keys), key.data_type())?,
        convert(&values, value.data_type())?,
    ];
    StructArray::try_new(fields.clone(), columns, None)
        .and_then(|all| {
            let offsets = OffsetBuffer::from_lengths(lengths);
            MapArray::try_new(Arc::clone(entries), offsets, all, None, *sorted)
        })
        .map(|map| Arc::new(map) as ArrayRef)
        .map_err(|error| error.to_string())
}

/// The maps of a sequence.
pub(super) fn maps_of(value: &DynValue) -> Result<Vec<DynValue>, String> {
    value
        .try_extract_sequence::<DynValueTypeMarker>()
        .map_err(|error| error.to_string())
}
