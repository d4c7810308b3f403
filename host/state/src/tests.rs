//! Chunks, the files that they are in, and what is left of both.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, AsArray, Int64Array, RecordBatch},
    datatypes::Int64Type,
};

use super::{Chunk, Chunks, Keeper, Place, StateStore, places, read_batches};

fn batch(rows: std::ops::Range<i64>) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(rows));
    RecordBatch::try_from_iter([("x", column)]).unwrap()
}

fn rows(batch: &RecordBatch) -> Vec<i64> {
    batch
        .column(0)
        .as_primitive::<Int64Type>()
        .values()
        .to_vec()
}

fn read(folder: &Path, places: &[Place]) -> Vec<i64> {
    let schema = batch(0..0).schema();
    let batches = places
        .iter()
        .flat_map(|place| read_batches(folder, place, &schema).unwrap());
    batches.flat_map(|batch| rows(&batch.unwrap())).collect()
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

fn segments(places: &[Place]) -> BTreeSet<String> {
    places.iter().map(|place| place.segment.clone()).collect()
}

async fn store(memory: usize, folder: &Path) -> (Arc<StateStore>, Keeper) {
    let store = Arc::new(StateStore::new(memory));
    store
        .open_beside(folder, "a", BTreeMap::new())
        .await
        .unwrap();
    let keeper = Keeper::new(&store, batch(0..0).schema());
    (store, keeper)
}

#[tokio::test]
async fn rows_that_do_not_fit_into_memory_are_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keeper) = store(100_000, folder.path()).await;
    let mut chunks = Vec::new();
    for place in 0..50 {
        let rows = batch(place * 1000..(place + 1) * 1000);
        chunks.push(keeper.chunk(rows, place).unwrap());
        store.relieve().await.unwrap();
        assert!(store.in_memory() <= 100_000);
    }
    assert!(files(folder.path()).len() > 2);
    let loaded = chunks.iter().flat_map(|chunk| rows(&chunk.load().unwrap()));
    assert!(loaded.eq(0..50_000));
    // What is needed first is what stays.
    assert!(chunks[0].is_in_memory() && !chunks[40].is_in_memory());
    drop(chunks);
    assert_eq!(store.in_memory(), 0);
}

#[tokio::test]
async fn a_chunk_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keeper) = store(usize::MAX, folder.path()).await;
    let mut chunks: Vec<Chunk> = Vec::new();
    assert_eq!(places(&chunks), Some(vec![]));
    let mut before = Vec::new();
    for checkpoint in 0..3 {
        chunks.push(
            keeper
                .chunk(batch(checkpoint * 10..checkpoint * 10 + 10), 0)
                .unwrap(),
        );
        assert_eq!(places(&chunks), None);
        store.write_all().await.unwrap();
        let written = places(&chunks).unwrap();
        assert!(written.starts_with(&before));
        before = written;
    }
    assert_eq!(files(folder.path()).len(), 3);
    assert_eq!(read(folder.path(), &before), (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_file_goes_once_nothing_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keeper) = store(usize::MAX, folder.path()).await;
    let chunks: Vec<_> = (0..4)
        .map(|place| keeper.chunk(batch(place * 10..place * 10 + 10), 0).unwrap())
        .collect();
    store.write_all().await.unwrap();
    let first = segments(&places(&chunks).unwrap());
    store.retain(1, first.clone(), 1).unwrap();
    // Three of four chunks are of no use any more: the fourth moves.
    let last = chunks[3..].to_vec();
    drop(chunks);
    while !store.is_ready().await.unwrap() {
        tokio::task::yield_now().await;
    }
    let second = places(&last).unwrap();
    assert!(segments(&second).is_disjoint(&first));
    // The first checkpoint is kept, and so is what it needs.
    store.retain(2, segments(&second), 1).unwrap();
    assert_eq!(files(folder.path()), &first | &segments(&second));
    store.retain(3, segments(&second), 2).unwrap();
    assert_eq!(files(folder.path()), segments(&second));
    assert_eq!(read(folder.path(), &second), (30..40).collect::<Vec<_>>());
    drop(last);
    store.retain(4, BTreeSet::new(), 4).unwrap();
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn what_no_checkpoint_needs_is_removed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (before, keeper) = store(usize::MAX, folder.path()).await;
    let mut kept = Vec::new();
    for place in 0..3 {
        kept.push(keeper.chunk(batch(place..place + 1), 0).unwrap());
        before.write_all().await.unwrap();
    }
    let wanted = segments(&places(&kept[1..2]).unwrap());
    let after = StateStore::new(usize::MAX);
    let of_checkpoint = BTreeMap::from([(7, wanted.clone())]);
    after
        .open_beside(folder.path(), "b", of_checkpoint)
        .await
        .unwrap();
    assert_eq!(files(folder.path()), wanted);
}

#[tokio::test]
async fn a_file_of_other_columns_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keeper) = store(usize::MAX, folder.path()).await;
    let chunk = keeper.chunk(batch(0..3), 0).unwrap();
    store.write_all().await.unwrap();
    let [place] = <[Place; 1]>::try_from(places(&[chunk]).unwrap()).unwrap();
    let text: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["a"]));
    let other = RecordBatch::try_from_iter([("x", text)]).unwrap().schema();
    let refused = read_batches(folder.path(), &place, &other).err().unwrap();
    assert_eq!(refused.to_string(), "its columns are of other types");
    let beyond = Place {
        batches: vec![1],
        ..place
    };
    let mut read = read_batches(folder.path(), &beyond, &batch(0..0).schema()).unwrap();
    let missing = read.next().unwrap().unwrap_err();
    assert_eq!(missing.to_string(), "there is no batch 1");
}

#[tokio::test]
async fn without_checkpoints_files_go_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(StateStore::new(10_000));
    store.open_scratch(folder.path()).await.unwrap();
    let keeper = Keeper::new(&store, batch(0..0).schema());
    let mut held = std::collections::VecDeque::new();
    for place in 0..100 {
        held.push_back(keeper.chunk(batch(0..1000), place).unwrap());
        store.relieve().await.unwrap();
        if held.len() > 3 {
            held.pop_front();
        }
    }
    assert!(files(folder.path()).len() < 10);
}

#[test]
fn small_pieces_are_put_together() {
    let keeper = Keeper::new(&Arc::new(StateStore::new(usize::MAX)), batch(0..0).schema());
    for sizes in [&[1][..], &[17], &[255], &[256], &[5000, 1], &[300, 7, 2000]] {
        let mut chunks = Chunks::default();
        let (mut next, mut most) = (0, 0);
        for size in sizes.iter().cycle().take(3000) {
            chunks.push(batch(next..next + size), 0, &keeper).unwrap();
            next += size;
            let small = chunks.iter().filter(|chunk| chunk.rows() < 8192);
            most = most.max(small.count());
        }
        assert!(most < 64, "{most} small chunks of pieces of {sizes:?} rows");
        let batches = chunks.iter().map(|chunk| chunk.load().unwrap());
        let held: Vec<_> = batches.flat_map(|batch| rows(&batch)).collect();
        assert!(held.into_iter().eq(0..next), "{sizes:?}");
    }
}
