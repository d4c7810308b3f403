//! `wasmill plugin bench` of a process function: batches of random keys, with times that go on.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field};
use wasmill_engine::Moment;
use wasmill_plugin::Function;

use super::{CallError, Driver, KeyedRows};
use crate::plugin::failure::Failure;
use crate::plugin::random::Random;
use crate::plugin::rows::Rows;

/// Rows of a broadcast table.
const BROADCAST_ROWS: usize = 100;

/// One batch a call: its rows are shared out among so many keys at random, each is a millisecond later
/// than the one before it, and timers fire before a batch comes.
pub fn calls<'a>(
    function: &Arc<Function>,
    batch: &'a Rows,
    keys: u32,
    random: &mut Random,
) -> Result<impl FnMut() -> Result<(), CallError> + 'a, Failure> {
    let name = function.signature().name.clone();
    let field = Field::new("key", DataType::Int64, false);
    let time = Some(DataType::Int64);
    let driver = Driver::new(Arc::clone(function), vec![field].into(), time, None);
    let mut driver = driver.map_err(|error| error.failure(&name))?;
    if let Some(fields) = function.broadcast() {
        let columns = fields
            .iter()
            .map(|field| random.column(field.data_type(), BROADCAST_ROWS));
        let columns = columns
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Failure::wrong("there are no random rows for its broadcast table"))?;
        driver.broadcast(columns, BROADCAST_ROWS);
    }
    let rows = batch.rows;
    let keys: ArrayRef = Arc::new(random.keys(rows, keys));
    let mut before = Moment::BEGINNING;
    Ok(move || {
        let first = if before == Moment::BEGINNING {
            0
        } else {
            before + 1
        };
        let times = first..first + rows as i64;
        let moment = Moment {
            watermark: before,
            now: first,
        };
        before = times.end - 1;
        let given = KeyedRows {
            keys: vec![Arc::clone(&keys)],
            arguments: batch.columns.clone(),
            times: Some(Arc::new(Int64Array::from_iter_values(times))),
            first: 0,
            rows,
        };
        driver.timers(moment)?;
        driver.rows(&given, "rows", moment)?;
        driver.take().map(drop)
    })
}
