//! How far time has come in a table: `WATERMARK FOR`, for each split by itself.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, RecordBatch, TimestampMillisecondArray},
    compute::max,
};
use datafusion::physical_expr::PhysicalExpr;
use parking_lot::Mutex;
use wasmill_connectors::{ConnectorError, SourceRows, SplitId};

use super::clock::BEGINNING;
use crate::planning::milliseconds;

/// What `WATERMARK FOR` says.
#[derive(Debug, Clone)]
pub(crate) struct WatermarkRule {
    /// Over the columns that are read: the time up to which rows have come, once this row has.
    pub expr: Arc<dyn PhysicalExpr>,
    /// A split without rows for so long does not hold the others back.
    pub idle: Option<Duration>,
}

/// The time of a table that is being read.
#[derive(Debug)]
pub(crate) struct TableTime {
    rule: WatermarkRule,
    splits: Mutex<BTreeMap<SplitId, SplitTime>>,
}

#[derive(Debug, Clone, Copy)]
struct SplitTime {
    watermark: i64,
    /// When its last rows came, or when it was first looked for.
    last: Instant,
}

impl SplitTime {
    fn new(watermark: i64) -> Self {
        SplitTime {
            watermark,
            last: Instant::now(),
        }
    }
}

impl TableTime {
    pub(crate) fn new(rule: WatermarkRule, saved: &BTreeMap<String, i64>) -> Self {
        let splits = saved.iter().map(|(split, watermark)| {
            let split = SplitId::from(split.as_str());
            (split, SplitTime::new(*watermark))
        });
        TableTime {
            rule,
            splits: Mutex::new(splits.collect()),
        }
    }

    /// Rows have come.
    pub(crate) fn observe(&self, rows: &SourceRows) -> Result<(), ConnectorError> {
        let times = self.times(&rows.batch).map_err(|error| {
            // The expression of the job over the table's own rows.
            ConnectorError::Data {
                message: format!("the watermark cannot be computed: {error}"),
                hint: None,
            }
        })?;
        let mut splits = self.splits.lock();
        let mut observe = |split: &SplitId, times: &TimestampMillisecondArray| {
            let time = match splits.get_mut(split) {
                Some(time) => time,
                None => splits
                    .entry(Arc::clone(split))
                    .or_insert_with(|| SplitTime::new(BEGINNING)),
            };
            time.last = Instant::now();
            time.watermark = max(times).unwrap_or(BEGINNING).max(time.watermark);
        };
        if rows.runs.is_empty() {
            observe(&SplitId::from(""), &times);
            return Ok(());
        }
        let mut first = 0;
        for run in &rows.runs {
            let length = run.rows.min(times.len().saturating_sub(first));
            observe(&run.split, &times.slice(first, length));
            first += length;
        }
        Ok(())
    }

    fn times(&self, batch: &RecordBatch) -> datafusion::common::Result<TimestampMillisecondArray> {
        let times: ArrayRef = self
            .rule
            .expr
            .evaluate(batch)?
            .into_array(batch.num_rows())?;
        milliseconds(&times)
    }

    /// The time up to which the rows of all these splits have come.
    pub(crate) fn watermark(&self, splits: &[SplitId]) -> i64 {
        let mut times = self.splits.lock();
        let mut lowest: Option<i64> = None;
        let mut latest: Option<SplitTime> = None;
        for split in splits {
            let time = times
                .entry(Arc::clone(split))
                .or_insert_with(|| SplitTime::new(BEGINNING));
            let idle = self
                .rule
                .idle
                .is_some_and(|idle| time.last.elapsed() >= idle);
            // One that has never had a row says nothing.
            let has_time = time.watermark > BEGINNING;
            if has_time && latest.is_none_or(|latest| latest.last < time.last) {
                latest = Some(*time);
            }
            if !idle {
                lowest = Some(lowest.map_or(time.watermark, |lowest| lowest.min(time.watermark)));
            }
        }
        // All are idle: time stands where the last of them left it.
        lowest.unwrap_or_else(|| latest.map_or(BEGINNING, |latest| latest.watermark))
    }

    /// When the next split turns idle.
    pub(crate) fn next_idle(&self) -> Option<Instant> {
        let idle = self.rule.idle?;
        let times = self.splits.lock();
        let due = times
            .values()
            .filter_map(|time| time.last.checked_add(idle));
        let now = Instant::now();
        due.filter(|due| *due > now).min()
    }

    /// For a checkpoint.
    pub(crate) fn save(&self) -> BTreeMap<String, i64> {
        let splits = self.splits.lock();
        let times = splits.iter();
        times
            .map(|(split, time)| (split.to_string(), time.watermark))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampMillisecondArray;
    use datafusion::physical_expr::expressions::Column;
    use wasmill_connectors::SplitRun;

    use super::*;

    fn time(idle: Option<Duration>) -> TableTime {
        let expr: Arc<dyn PhysicalExpr> = Arc::new(Column::new("ts", 0));
        TableTime::new(WatermarkRule { expr, idle }, &BTreeMap::new())
    }

    /// Rows of splits, one run each.
    fn rows(runs: &[(&str, &[i64])]) -> SourceRows {
        let times = runs.iter().flat_map(|(_, times)| times.iter().copied());
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(times));
        SourceRows {
            batch: RecordBatch::try_from_iter([("ts", times)]).unwrap(),
            runs: runs
                .iter()
                .map(|(split, times)| SplitRun {
                    split: SplitId::from(*split),
                    rows: times.len(),
                })
                .collect(),
            letters: Vec::new(),
        }
    }

    fn splits(names: &[&str]) -> Vec<SplitId> {
        names.iter().map(|name| SplitId::from(*name)).collect()
    }

    #[test]
    fn the_slowest_split_says_how_far_time_has_come() {
        let time = time(None);
        time.observe(&rows(&[("a", &[5, 9, 7]), ("b", &[3])]))
            .unwrap();
        assert_eq!(time.watermark(&splits(&["a", "b"])), 3);
        assert_eq!(time.watermark(&splits(&["a"])), 9);
        time.observe(&rows(&[("b", &[20]), ("a", &[1]), ("b", &[12])]))
            .unwrap();
        assert_eq!(time.watermark(&splits(&["a", "b"])), 9);
        // One that has given nothing yet holds all back, and so does none.
        assert_eq!(time.watermark(&splits(&["a", "b", "c"])), BEGINNING);
        assert_eq!(time.watermark(&[]), BEGINNING);
    }

    #[test]
    fn an_idle_split_holds_nobody_back() {
        let idle = Duration::from_millis(50);
        let time = time(Some(idle));
        time.observe(&rows(&[("a", &[5]), ("b", &[3])])).unwrap();
        assert_eq!(time.watermark(&splits(&["a", "b"])), 3);
        assert!(time.next_idle().is_some());
        std::thread::sleep(2 * idle);
        time.observe(&rows(&[("a", &[8])])).unwrap();
        assert_eq!(time.watermark(&splits(&["a", "b"])), 8);
        std::thread::sleep(2 * idle);
        // The last to turn idle says where time stands.
        assert_eq!(time.watermark(&splits(&["a", "b"])), 8);
        time.observe(&rows(&[("b", &[4])])).unwrap();
        assert_eq!(time.watermark(&splits(&["a", "b"])), 4);
    }

    #[test]
    fn a_checkpoint_has_the_time_of_every_split() {
        let before = time(None);
        before.observe(&rows(&[("a", &[5]), ("b", &[3])])).unwrap();
        let rule = WatermarkRule {
            expr: Arc::new(Column::new("ts", 0)),
            idle: None,
        };
        let after = TableTime::new(rule, &before.save());
        assert_eq!(after.watermark(&splits(&["a", "b"])), 3);
    }
}
