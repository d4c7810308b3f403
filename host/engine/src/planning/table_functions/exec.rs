//! Lists made rows in a physical plan.

use std::{fmt, iter, sync::Arc};

use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, UInt32Array,
        },
        compute::take,
        datatypes::{DataType, FieldRef, Schema, SchemaRef},
    },
    common::{Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr, expressions::Column},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::planning::node::plan_node;

/// Bytes that a batch may be made of rows that are repeated: where rows are wide, batches have fewer.
const PIECE_BYTES: usize = 64 << 20;

/// The columns of its input but the list, and behind them those of the list's items: a row each.
pub(in crate::planning) struct ExpandedRows {
    input: Arc<dyn ExecutionPlan>,
    list: Arc<dyn PhysicalExpr>,
    /// Where the list stands in the input; nowhere if it is a call without columns.
    place: Option<usize>,
    /// Of the items.
    fields: Vec<FieldRef>,
    /// A row without items gives one with NULLs.
    outer: bool,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl ExpandedRows {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        list: Arc<dyn PhysicalExpr>,
        fields: Vec<FieldRef>,
        outer: bool,
    ) -> Result<Self> {
        let own = input.schema();
        let column = (list.as_ref() as &dyn std::any::Any).downcast_ref::<Column>();
        let place = column.map(Column::index);
        let kept = without(own.fields(), place).cloned();
        let all: Vec<_> = kept.chain(fields.iter().cloned()).collect();
        let schema = Arc::new(Schema::new_with_metadata(all, own.metadata().clone()));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Ok(ExpandedRows {
            input,
            list,
            place,
            fields,
            outer,
            schema,
            properties: Arc::new(properties),
        })
    }

    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let (list, fields) = (Arc::clone(&self.list), self.fields.clone());
        ExpandedRows::new(input, list, fields, self.outer)
    }
}

/// All but the one in this place.
fn without<T>(all: &[T], place: Option<usize>) -> impl Iterator<Item = &T> {
    let all = all.iter().enumerate();
    all.filter(move |(index, _)| Some(*index) != place)
        .map(|(_, one)| one)
}

/// What is left to be given of a batch, in batches of a bounded size.
struct Pieces {
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
    lists: ListArray,
    rows: usize,
    /// All rows have the first list.
    same: bool,
    outer: bool,
    /// Rows that a batch may have.
    most: usize,
    /// The row that is to be given next, and which of its items.
    row: usize,
    item: usize,
}

impl Pieces {
    fn new(
        batch: &RecordBatch,
        lists: ListArray,
        plan: (&SchemaRef, Option<usize>, bool),
        batch_rows: usize,
    ) -> Self {
        let (schema, place, outer) = plan;
        let columns: Vec<_> = without(batch.columns(), place).cloned().collect();
        let mut widest: usize = columns.iter().map(|column| widest(column)).sum();
        if place.is_none() {
            widest += self::widest(lists.values());
        }
        Pieces {
            schema: Arc::clone(schema),
            columns,
            lists,
            rows: batch.num_rows(),
            same: place.is_none(),
            outer,
            most: (PIECE_BYTES / widest.max(1)).clamp(1, batch_rows.max(1)),
            row: 0,
            item: 0,
        }
    }

    /// The items of a row: the first, and how many.
    fn items(&self, row: usize) -> (usize, usize) {
        let row = if self.same { 0 } else { row };
        if row >= self.lists.len() || self.lists.is_null(row) {
            return (0, 0);
        }
        let offsets = self.lists.value_offsets();
        let (start, end) = (offsets[row].unsigned_abs(), offsets[row + 1].unsigned_abs());
        (start as usize, (end - start) as usize)
    }

    /// The rows and items of the next batch.
    fn places(&mut self) -> (Vec<u32>, Vec<Option<u32>>) {
        let (mut rows, mut items) = (Vec::new(), Vec::new());
        while self.row < self.rows && rows.len() < self.most {
            let (start, count) = self.items(self.row);
            let row = self.row as u32;
            let taken = (count - self.item).min(self.most - rows.len());
            if count == 0 && self.outer {
                rows.push(row);
                items.push(None);
            }
            let first = start + self.item;
            rows.extend(iter::repeat_n(row, taken));
            items.extend((first..first + taken).map(|item| Some(item as u32)));
            self.item += taken;
            if self.item == count {
                self.row += 1;
                self.item = 0;
            }
        }
        (rows, items)
    }

    fn batch(&self, rows: Vec<u32>, items: &[Option<u32>]) -> Result<RecordBatch> {
        let count = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let rows = UInt32Array::from(rows);
        let own = self.columns.iter().map(|column| take(column, &rows, None));
        let values = self.lists.values();
        let Some(structs) = values.as_struct_opt() else {
            return internal_err!("{} is no row", values.data_type());
        };
        // Items stand one behind another, but where all rows have the same. A copy keeps no more than
        // itself.
        let together = match items {
            [Some(first), .., Some(last)]
                if (last.wrapping_sub(*first)) as usize + 1 == items.len() =>
            {
                (values.len() <= 2 * items.len()).then_some(*first as usize)
            }
            _ => None,
        };
        let places = UInt32Array::from(items.to_vec());
        let added = structs.columns().iter().map(|column| match together {
            Some(first) => Ok(column.slice(first, items.len())),
            None => take(column, &places, None),
        });
        let columns = own.chain(added).collect::<Result<Vec<_>, _>>()?;
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(schema, columns, &count)?)
    }
}

impl Iterator for Pieces {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let (rows, items) = self.places();
        (!rows.is_empty()).then(|| self.batch(rows, &items))
    }
}

/// Bytes that no value of a column has more of.
fn widest(column: &dyn Array) -> usize {
    fn longest(offsets: &[i32]) -> usize {
        let lengths = offsets.windows(2).map(|pair| pair[1].abs_diff(pair[0]));
        lengths.max().unwrap_or(0) as usize
    }
    let own = match column.data_type() {
        DataType::Utf8 => longest(column.as_string::<i32>().value_offsets()),
        DataType::Binary => longest(column.as_binary::<i32>().value_offsets()),
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            longest(lists.value_offsets()).saturating_mul(widest(lists.values()))
        }
        DataType::FixedSizeList(_, size) => {
            let items = widest(column.as_fixed_size_list().values());
            items.saturating_mul(size.unsigned_abs() as usize)
        }
        DataType::Struct(_) => {
            let columns = column.as_struct().columns().iter();
            columns.fold(0_usize, |sum, column| sum.saturating_add(widest(column)))
        }
        other => match other.primitive_width() {
            Some(width) => width,
            None if *other == DataType::Boolean => 1,
            None => column.get_array_memory_size(),
        },
    };
    own.saturating_add(4)
}

impl fmt::Debug for ExpandedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpandedRows").finish_non_exhaustive()
    }
}

impl DisplayAs for ExpandedRows {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let names: Vec<_> = self
            .fields
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let join = if self.outer { "LeftOuter" } else { "Inner" };
        let (list, names) = (&self.list, names.join(", "));
        write!(f, "ExpandedRows: {list} as [{names}], join={join}")
    }
}

impl ExecutionPlan for ExpandedRows {
    plan_node!("ExpandedRows", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let batch_rows = context.session_config().batch_size();
        let input = self.input.execute(partition, context)?;
        let (list, schema) = (Arc::clone(&self.list), Arc::clone(&self.schema));
        let (place, outer) = (self.place, self.outer);
        // What all rows have is asked for once.
        let mut same: Option<ListArray> = None;
        let pieces = input.map(move |batch| {
            let batch = batch?;
            let lists = match (&same, batch.num_rows()) {
                (Some(lists), _) => lists.clone(),
                (None, 0) => return Ok(stream::iter(None.into_iter().flatten())),
                (None, _) => {
                    let asked = if place.is_some() { batch.num_rows() } else { 1 };
                    let lists = list.evaluate(&batch.slice(0, asked))?.into_array(asked)?;
                    let Some(lists) = lists.as_list_opt::<i32>() else {
                        return internal_err!("{} is no list", lists.data_type());
                    };
                    same = place.is_none().then(|| lists.clone());
                    lists.clone()
                }
            };
            let pieces = Pieces::new(&batch, lists, (&schema, place, outer), batch_rows);
            Ok(stream::iter(Some(pieces).into_iter().flatten()))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            pieces.try_flatten(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::{
        array::{Int64Array, StringArray, StructArray},
        buffer::{NullBuffer, OffsetBuffer},
        datatypes::{Field, Int64Type},
    };

    use super::*;

    /// Lists of these lengths, of numbers from 0 on; NULL where there is none.
    fn lists(lengths: &[Option<usize>]) -> ListArray {
        let all: usize = lengths.iter().flatten().sum();
        let numbers = Int64Array::from_iter_values(0..all as i64);
        let field = Arc::new(Field::new("number", DataType::Int64, true));
        let rows = StructArray::new(vec![field].into(), vec![Arc::new(numbers)], None);
        let item = Field::new_list_field(rows.data_type().clone(), true);
        let offsets = OffsetBuffer::from_lengths(lengths.iter().map(|found| found.unwrap_or(0)));
        let nulls = NullBuffer::from_iter(lengths.iter().map(Option::is_some));
        ListArray::new(Arc::new(item), offsets, Arc::new(rows), Some(nulls))
    }

    /// Which row has which number, batch by batch.
    fn given(
        texts: &[&str],
        lists: ListArray,
        place: Option<usize>,
        outer: bool,
        batch_rows: usize,
    ) -> Vec<Vec<(String, Option<i64>)>> {
        let text: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let batch = match place {
            Some(_) => RecordBatch::try_from_iter([
                ("text", text),
                ("list", Arc::new(lists.clone()) as ArrayRef),
            ]),
            None => RecordBatch::try_from_iter([("text", text)]),
        };
        let schema = Schema::new(vec![
            Field::new("text", DataType::Utf8, true),
            Field::new("number", DataType::Int64, true),
        ]);
        let plan = (&Arc::new(schema), place, outer);
        let pieces = Pieces::new(&batch.unwrap(), lists, plan, batch_rows);
        pieces
            .map(|piece| {
                let piece = piece.unwrap();
                let texts = piece.column(0).as_string::<i32>().iter();
                let numbers = piece.column(1).as_primitive::<Int64Type>().iter();
                texts
                    .zip(numbers)
                    .map(|(text, number)| (text.unwrap().to_owned(), number))
                    .collect()
            })
            .collect()
    }

    #[test]
    fn pieces_of_any_size_are_the_same_rows() {
        let lengths = [Some(3), Some(0), None, Some(7), Some(1)];
        let texts = ["a", "b", "c", "d", "e"];
        for outer in [false, true] {
            let whole = given(&texts, lists(&lengths), Some(1), outer, 100).concat();
            let rows: String = whole.iter().map(|(text, _)| text.as_str()).collect();
            let expected = if outer {
                "aaabcddddddde"
            } else {
                "aaaddddddde"
            };
            assert_eq!(rows, expected);
            let numbers: Vec<_> = whole.iter().filter_map(|(_, number)| *number).collect();
            assert_eq!(numbers, (0..11).collect::<Vec<_>>());
            for most in 1..14 {
                let pieces = given(&texts, lists(&lengths), Some(1), outer, most);
                assert!(pieces.iter().all(|piece| piece.len() <= most));
                assert_eq!(pieces.concat(), whole);
            }
        }
    }

    #[test]
    fn a_list_of_all_rows_is_each_rows() {
        for most in 1..8 {
            let pieces = given(&["a", "b"], lists(&[Some(3)]), None, false, most);
            let expected = ["a", "b"].into_iter().flat_map(|text| {
                let number = |number| (text.to_owned(), Some(number));
                (0..3).map(number)
            });
            assert_eq!(pieces.concat(), expected.collect::<Vec<_>>());
        }
        let none = given(&["a"], lists(&[None]), None, true, 10);
        assert_eq!(none, [[("a".to_owned(), None)]]);
    }

    #[test]
    fn wide_rows_come_in_small_batches() {
        let wide = "x".repeat(1 << 20);
        let pieces = given(&[&wide], lists(&[Some(1_000)]), Some(1), false, 8_192);
        assert!(pieces.iter().all(|piece| piece.len() <= 64));
        assert_eq!(pieces.concat().len(), 1_000);
    }
}
