//! Which rows go to the canary.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use twox_hash::XxHash64;

/// Whether each row is the canary's: where the XXH64 hash (seed 0) of its key's text, as a fraction of
/// 2^64, is below the share. So a key has one version in every process, and a larger share keeps the keys
/// of a smaller one. A row whose key is NULL is hashed as the empty text.
pub(super) fn rows(keys: &[ArrayRef], rows: usize, share: f64) -> Result<BooleanArray, ArrowError> {
    // 2^53 steps, which f64 holds exactly.
    let bound = (share * (1u64 << 53) as f64) as u64;
    let below = |bytes: &[u8]| (XxHash64::oneshot(0, bytes) >> 11) < bound;
    if let [key] = keys
        && matches!(
            key.data_type(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        )
    {
        let key = cast(key, &DataType::LargeUtf8)?;
        let key = key.as_string::<i64>();
        let text = |row: usize| match key.is_null(row) {
            true => "",
            false => key.value(row),
        };
        return Ok((0..rows)
            .map(|row| Some(below(text(row).as_bytes())))
            .collect());
    }
    let options = FormatOptions::default();
    let formatters: Vec<ArrayFormatter<'_>> = keys
        .iter()
        .map(|key| ArrayFormatter::try_new(key.as_ref(), &options))
        .collect::<Result<_, _>>()?;
    let mut text = String::new();
    (0..rows)
        .map(|row| {
            text.clear();
            for (index, formatter) in formatters.iter().enumerate() {
                if index > 0 {
                    text.push('\u{1f}');
                }
                formatter.value(row).write(&mut text)?;
            }
            Ok(Some(below(text.as_bytes())))
        })
        .collect()
}
