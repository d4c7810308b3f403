//! Rows are added to the windows of their times; a window that is over is read back and removed.

use crate::{
    Result, Size,
    measured::{Held, Measured, Worked},
    rows::{Columns, EPOCH, Random, in_order, key, schema, times},
    stores::Store,
};

/// Windows that are open at a time; the times of an epoch's rows are spread over all of them.
const OPEN: i64 = 60;

/// Milliseconds of a window.
const LENGTH: i64 = 60_000;

/// Epochs from one window's end to the next.
const STEP: usize = 280;

/// Windows that end.
const ENDING: i64 = 10;

/// Fills the windows, 16.8 million rows or nearly 1 GiB, and then lets ten of them end while others
/// begin.
pub fn work(store: &mut dyn Store, size: Size) -> Result<Worked> {
    let schema = schema();
    let mut measured = Measured::new(store, size);
    let mut random = Random(1);
    let mut held = vec![Held::default(); (OPEN + ENDING) as usize];
    let step = (STEP / size.divide).max(1);
    let filling = std::iter::repeat_n(0, step * OPEN as usize);
    let ending = (0..ENDING).flat_map(|ended| std::iter::repeat_n(ended, step));
    let mut first = 0;
    for ended in filling.chain(ending) {
        if ended > first {
            let window = first;
            let rows = measured.waiting(|store| in_order(&schema, &store.take(window)?))?;
            let mut taken = Held::default();
            taken.add(&rows);
            if taken != std::mem::take(&mut held[window as usize]) {
                return Err(format!("the window {window} has other rows than it got").into());
            }
            if !times(&rows).values().is_sorted() {
                return Err(format!("the window {window} is in no order").into());
            }
            first = ended;
        }
        let mut parts: Vec<Columns> = (0..OPEN).map(|_| Columns::default()).collect();
        for _ in 0..EPOCH {
            let place = random.below(OPEN as u64);
            let start = (first + place as i64) * LENGTH;
            let time = start + random.below(LENGTH as u64) as i64;
            let key = key(random.below(1_000_000));
            parts[place as usize].push(&key, time, random.values());
        }
        let mut batches = Vec::new();
        for (window, part) in (first..).zip(&mut parts) {
            if part.rows() > 0 {
                let batch = part.finish(&schema)?;
                held[window as usize].add(&batch);
                batches.push((window, batch));
            }
        }
        measured.waiting(|store| {
            let mut batches = batches.into_iter();
            batches.try_for_each(|(window, batch)| store.append(window, batch))
        })?;
        if !measured.end_epoch(EPOCH)? {
            break;
        }
    }
    let mut all = Held::default();
    for window in held {
        all.rows += window.rows;
        all.times += window.times;
    }
    measured.finish(all)
}
