//! Of changes the rows that are of use: the last one of each key that is not taken back.

use std::collections::{HashMap, hash_map::Entry};

use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch},
        compute::interleave_record_batch,
        datatypes::SchemaRef,
        row::{OwnedRow, RowConverter, SortField},
    },
    common::{Result, internal_err},
    execution::memory_pool::MemoryReservation,
};

/// Rows that are of no use any more are kept until there are as many, and as many as are of use.
const USELESS_ROWS: usize = 1 << 16;

/// The last row of each key so far, of changes whose last column is true where a row is taken back.
pub(super) struct Newest {
    converter: RowConverter,
    keys: Vec<usize>,
    /// Batch, and row in it.
    places: HashMap<OwnedRow, (usize, usize)>,
    batches: Vec<RecordBatch>,
    rows: usize,
    memory: MemoryReservation,
}

impl Newest {
    pub(super) fn new(
        schema: &SchemaRef,
        keys: &[usize],
        memory: MemoryReservation,
    ) -> Result<Self> {
        let fields = keys.iter().map(|key| schema.field(*key));
        let fields = fields.map(|field| SortField::new(field.data_type().clone()));
        Ok(Newest {
            converter: RowConverter::new(fields.collect())?,
            keys: keys.to_vec(),
            places: HashMap::new(),
            batches: Vec::new(),
            rows: 0,
            memory,
        })
    }

    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let columns: Vec<_> = batch.project(&self.keys)?.columns().to_vec();
        let keys = self.converter.convert_columns(&columns)?;
        let Some(taken_back) = batch
            .columns()
            .last()
            .and_then(|last| last.as_boolean_opt())
        else {
            return internal_err!("a table of changes says of no row whether it is taken back");
        };
        let number = self.batches.len();
        for (row, key) in keys.iter().enumerate() {
            let place = self.places.entry(key.owned());
            match (taken_back.value(row), place) {
                (false, place) => {
                    place.insert_entry((number, row));
                }
                (true, Entry::Occupied(place)) => {
                    place.remove();
                }
                (true, Entry::Vacant(_)) => {}
            }
        }
        // A key takes about as much again as it does in its columns.
        let keys: usize = columns
            .iter()
            .map(|column| column.get_array_memory_size())
            .sum();
        self.memory.try_grow(batch.get_array_memory_size() + keys)?;
        self.rows += batch.num_rows();
        self.batches.push(batch);
        match self.rows - self.places.len() > self.places.len().max(USELESS_ROWS) {
            true => self.compact(),
            false => Ok(()),
        }
    }

    /// The rows that are left, in the order in which they came.
    pub(super) fn finish(mut self) -> Result<Vec<RecordBatch>> {
        self.compact()?;
        Ok(self.batches)
    }

    /// Only the rows that are of use, in the order in which they came.
    fn compact(&mut self) -> Result<()> {
        let mut places: Vec<_> = self.places.values_mut().collect();
        places.sort_unstable();
        let rows: Vec<(usize, usize)> = places.iter().map(|place| **place).collect();
        for (row, place) in places.into_iter().enumerate() {
            *place = (0, row);
        }
        if let Some(schema) = self.batches.first().map(RecordBatch::schema) {
            let batches: Vec<_> = self.batches.iter().collect();
            let batch = match rows.is_empty() {
                true => RecordBatch::new_empty(schema),
                false => interleave_record_batch(&batches, &rows)?,
            };
            self.memory.try_resize(2 * batch.get_array_memory_size())?;
            self.batches = vec![batch];
        }
        self.rows = rows.len();
        Ok(())
    }
}
