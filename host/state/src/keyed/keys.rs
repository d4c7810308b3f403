//! The keys of one partition, by numbers that are given again once a key is forgotten.

use std::hash::{BuildHasher, Hasher};

use arrow::{
    array::{Array, ArrayRef, UInt32Array},
    compute::take,
    datatypes::Fields,
    error::ArrowError,
};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::{calls::CallKeys, encoding::Encoding, invalid};

/// No key, chunk or number.
pub(super) const NONE: u32 = u32::MAX;

/// Bytes of a key that lie in its entry.
const SHORT: usize = 22;

/// The keys that something is held of, or that a call is about.
pub(super) struct Keys {
    encoding: Encoding,
    hasher: DefaultHashBuilder,
    /// Hashes and ids.
    table: HashTable<(u32, u32)>,
    /// By id.
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Bytes of keys that do not lie in their entries.
    long: usize,
}

struct Entry {
    key: Key,
    /// By slots that have something of it, and by calls. One that nobody uses is free.
    uses: u32,
    /// In the call that is being numbered.
    number: u32,
}

enum Key {
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

impl Key {
    fn new(bytes: &[u8]) -> Self {
        match (u8::try_from(bytes.len()), bytes.len() <= SHORT) {
            (Ok(length), true) => {
                let mut short = [0; SHORT];
                short[..bytes.len()].copy_from_slice(bytes);
                Key::Short(length, short)
            }
            _ => Key::Long(bytes.into()),
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Key::Short(length, bytes) => &bytes[..usize::from(*length).min(SHORT)],
            Key::Long(bytes) => bytes,
        }
    }

    fn long(&self) -> usize {
        match self {
            Key::Short(..) => 0,
            Key::Long(bytes) => bytes.len(),
        }
    }
}

impl Keys {
    pub(super) fn new(columns: &Fields) -> Result<Self, ArrowError> {
        let types = columns.iter().map(|field| field.data_type().clone());
        Ok(Keys {
            encoding: Encoding::new(types.collect())?,
            hasher: DefaultHashBuilder::default(),
            table: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            long: 0,
        })
    }

    pub(super) fn clear(&mut self) {
        self.table = HashTable::new();
        self.entries = Vec::new();
        self.free = Vec::new();
        self.long = 0;
    }

    /// Ids are lower.
    pub(super) fn limit(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn count(&self) -> usize {
        self.table.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let entries = self.entries.capacity() * size_of::<Entry>();
        let free = self.free.capacity() * size_of::<u32>();
        self.table.allocation_size() + entries + free + self.long
    }

    /// Numbers the keys of rows, and holds each once.
    pub(super) fn begin(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
    ) -> Result<CallKeys, ArrowError> {
        self.check(columns, rows)?;
        if u32::try_from(self.entries.len().saturating_add(rows)).is_err() {
            return Err(invalid("there are too many keys"));
        }
        let encoded = self.encoding.encode(columns)?;
        let mut numbers = Vec::with_capacity(rows);
        let (mut ids, mut firsts) = (Vec::new(), Vec::new());
        for row in 0..rows {
            let id = self.find_or_insert(encoded.row(row));
            let entry = &mut self.entries[id as usize];
            if entry.number == NONE {
                entry.number = ids.len() as u32;
                entry.uses += 1;
                ids.push(id);
                firsts.push(row as u32);
            }
            numbers.push(entry.number);
        }
        for id in &ids {
            self.entries[*id as usize].number = NONE;
        }
        let columns = match firsts.len() == rows {
            true => Ok(columns.to_vec()),
            false => {
                let firsts = UInt32Array::from(firsts);
                let columns = columns.iter();
                columns.map(|column| take(column, &firsts, None)).collect()
            }
        };
        let keys = CallKeys {
            numbers,
            count: ids.len(),
            columns: Vec::new(),
            ids,
        };
        match columns {
            Ok(columns) => Ok(CallKeys { columns, ..keys }),
            Err(error) => {
                self.end(&keys);
                Err(error)
            }
        }
    }

    /// Numbers keys by their ids, one a row, and holds each once.
    pub(super) fn begin_again(&mut self, of_rows: &[u32]) -> Result<CallKeys, ArrowError> {
        let mut numbers = Vec::with_capacity(of_rows.len());
        let mut ids = Vec::new();
        for id in of_rows {
            let entry = &mut self.entries[*id as usize];
            if entry.number == NONE {
                entry.number = ids.len() as u32;
                ids.push(*id);
            }
            numbers.push(entry.number);
        }
        for id in &ids {
            self.entries[*id as usize].number = NONE;
        }
        let keys = ids.iter().map(|id| self.entries[*id as usize].key.bytes());
        let columns = self.encoding.decode(keys)?;
        ids.iter().for_each(|id| self.hold(*id));
        Ok(CallKeys {
            numbers,
            count: ids.len(),
            columns,
            ids,
        })
    }

    /// A call is over.
    pub(super) fn end(&mut self, keys: &CallKeys) {
        keys.ids.iter().for_each(|id| self.release(*id));
    }

    /// One id a row; [`NONE`] of keys that are not there.
    pub(super) fn find(&self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>, ArrowError> {
        self.check(columns, rows)?;
        let encoded = self.encoding.encode(columns)?;
        let ids = (0..rows).map(|row| {
            let key = encoded.row(row);
            let (hash, entries) = (self.hash(key), &self.entries);
            let found = self.table.find(spread(hash), |(of_key, id)| {
                *of_key == hash && entries[*id as usize].key.bytes() == key
            });
            found.map_or(NONE, |(_, id)| *id)
        });
        Ok(ids.collect())
    }

    /// Somebody has something of it.
    #[inline]
    pub(super) fn hold(&mut self, id: u32) {
        if let Some(entry) = self.entries.get_mut(id as usize) {
            entry.uses += 1;
        }
    }

    /// Who held it does no more.
    pub(super) fn release(&mut self, id: u32) {
        let Some(entry) = self.entries.get_mut(id as usize) else {
            return;
        };
        entry.uses = entry.uses.saturating_sub(1);
        if entry.uses > 0 {
            return;
        }
        let key = std::mem::replace(&mut entry.key, Key::new(&[]));
        let hash = self.hash(key.bytes());
        let found = self
            .table
            .find_entry(spread(hash), |(_, found)| *found == id);
        if let Ok(found) = found {
            found.remove();
        }
        self.long -= key.long();
        self.free.push(id);
    }

    fn check(&self, columns: &[ArrayRef], rows: usize) -> Result<(), ArrowError> {
        if columns.len() != self.encoding.columns() || columns.iter().any(|c| c.len() != rows) {
            return Err(invalid("the columns are not those of the keys of the rows"));
        }
        Ok(())
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish() as u32
    }

    #[inline]
    fn find_or_insert(&mut self, key: &[u8]) -> u32 {
        let (hash, entries) = (self.hash(key), &mut self.entries);
        let same =
            |(of_key, id): &(u32, u32)| *of_key == hash && entries[*id as usize].key.bytes() == key;
        let found = self.table.find(spread(hash), same);
        if let Some((_, id)) = found {
            return *id;
        }
        let entry = Entry {
            key: Key::new(key),
            uses: 0,
            number: NONE,
        };
        self.long += entry.key.long();
        let id = match self.free.pop() {
            Some(id) => {
                entries[id as usize] = entry;
                id
            }
            None => {
                entries.push(entry);
                entries.len() as u32 - 1
            }
        };
        let hash_of = |(hash, _): &(u32, u32)| spread(*hash);
        self.table.insert_unique(spread(hash), (hash, id), hash_of);
        id
    }
}

/// The table wants its highest bits as well.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
