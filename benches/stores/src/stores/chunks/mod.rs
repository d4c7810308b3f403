//! Our own store: chunks of rows that do not change. What there is to know of rows is known to who holds
//! the chunks, as the engine's nodes do.

mod keys;
mod windows;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::array::RecordBatch;
use tokio::runtime::Runtime;
use wasmill_state::{Chunk, Keeper, Place, StateStore, places, read_batches};

use self::{keys::Keys, windows::Windows};
use crate::{Result, rows::schema, stores::Store};

/// Checkpoints that are kept.
const KEPT: u64 = 2;

/// What a checkpoint notes: the chunks of each window, or of all keys, in their order.
type Noted = BTreeMap<i64, Vec<Place>>;

pub struct Chunks {
    runtime: Runtime,
    store: Arc<StateStore>,
    keeper: Keeper,
    held: Held,
    folder: PathBuf,
    /// The last.
    checkpoint: u64,
}

enum Held {
    Windows(Windows),
    Keys(Keys),
}

impl Held {
    fn chunks(&self) -> BTreeMap<i64, Vec<Chunk>> {
        match self {
            Held::Windows(windows) => windows.chunks(),
            Held::Keys(keys) => BTreeMap::from([(0, keys.chunks())]),
        }
    }
}

impl Chunks {
    /// As the engine opens it beside a job's checkpoints.
    pub fn open(folder: &Path, memory: usize, keyed: bool) -> Result<Self> {
        let mut kept = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".json"));
            if let Some(number) = number {
                kept.insert(number.parse()?, segments(&read(&entry.path())?));
            }
        }
        let checkpoint = kept.keys().next_back().copied().unwrap_or(0);
        let (runtime, store) = (Runtime::new()?, Arc::new(StateStore::new(memory)));
        let writer = format!("{checkpoint}");
        runtime.block_on(store.open_beside(&folder.join("shared"), &writer, kept))?;
        Ok(Chunks {
            runtime,
            keeper: Keeper::new(&store, schema()),
            store,
            held: match keyed {
                true => Held::Keys(Keys::default()),
                false => Held::Windows(Windows::default()),
            },
            folder: folder.to_owned(),
            checkpoint,
        })
    }

    fn path(&self, checkpoint: u64) -> PathBuf {
        self.folder.join(format!("{checkpoint}.json"))
    }

    fn note(&self, noted: &Noted) -> Result<()> {
        let unfinished = self.folder.join("unfinished");
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec(noted)?)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.path(self.checkpoint))?;
        Ok(File::open(&self.folder)?.sync_all()?)
    }
}

fn read(path: &Path) -> Result<Noted> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn segments(noted: &Noted) -> BTreeSet<String> {
    let places = noted.values().flatten();
    places.map(|place| place.segment.clone()).collect()
}

impl Store for Chunks {
    fn append(&mut self, window: i64, rows: RecordBatch) -> Result<()> {
        match &mut self.held {
            Held::Windows(windows) => windows.append(window, rows, &self.keeper),
            Held::Keys(_) => Err("there are no windows".into()),
        }
    }

    fn take(&mut self, window: i64) -> Result<Vec<RecordBatch>> {
        match &mut self.held {
            Held::Windows(windows) => windows.take(window),
            Held::Keys(_) => Err("there are no windows".into()),
        }
    }

    fn replace(&mut self, rows: &RecordBatch) -> Result<RecordBatch> {
        match &mut self.held {
            Held::Keys(keys) => keys.replace(rows, &self.keeper),
            Held::Windows(_) => Err("there are no keys".into()),
        }
    }

    fn end_epoch(&mut self) -> Result<()> {
        Ok(self.runtime.block_on(self.store.relieve())?)
    }

    fn checkpoint(&mut self) -> Result<bool> {
        if !self.runtime.block_on(self.store.is_ready())? {
            return Ok(false);
        }
        self.runtime.block_on(self.store.write_all())?;
        let mut noted = Noted::new();
        for (window, chunks) in self.held.chunks() {
            let written = places(&chunks).ok_or("a chunk was not written")?;
            noted.insert(window, written);
        }
        self.checkpoint += 1;
        self.note(&noted)?;
        let oldest = (self.checkpoint + 1).saturating_sub(KEPT);
        if let Some(old) = oldest.checked_sub(1)
            && self.path(old).exists()
        {
            fs::remove_file(self.path(old))?;
        }
        self.store
            .retain(self.checkpoint, segments(&noted), oldest)?;
        Ok(true)
    }

    fn restore(&mut self, rows: &mut dyn FnMut(RecordBatch)) -> Result<()> {
        let schema = self.keeper.schema();
        for (window, places) in read(&self.path(self.checkpoint))? {
            for place in places {
                for batch in read_batches(&self.folder.join("shared"), &place, &schema)? {
                    match &mut self.held {
                        Held::Windows(windows) => windows.append(window, batch?, &self.keeper)?,
                        Held::Keys(keys) => keys.restore(&batch?, &self.keeper)?,
                    }
                    self.runtime.block_on(self.store.relieve())?;
                }
            }
        }
        match &self.held {
            Held::Windows(windows) => {
                for chunk in windows.chunks().into_values().flatten() {
                    rows(chunk.load()?);
                }
                Ok(())
            }
            Held::Keys(keys) => keys.read(rows),
        }
    }
}
