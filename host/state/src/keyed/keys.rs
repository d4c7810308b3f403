//! The keys of one partition, by numbers that are given again once a key is forgotten.

use std::hash::{BuildHasher, Hasher};

use arrow::{
    array::{Array, ArrayRef, UInt32Array},
    compute::take,
    datatypes::Fields,
    error::ArrowError,
};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::{calls::CallKeys, encoding::Encoding, invalid, numbers::Numbers};

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
    Number(Option<u64>),
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

impl Key {
    fn bytes(&self) -> &[u8] {
        match self {
            Key::Number(_) => &[],
            Key::Short(length, bytes) => &bytes[..usize::from(*length).min(SHORT)],
            Key::Long(bytes) => bytes,
        }
    }

    fn long(&self) -> usize {
        match self {
            Key::Number(_) | Key::Short(..) => 0,
            Key::Long(bytes) => bytes.len(),
        }
    }
}

/// A key of a row.
trait Probe: Copy {
    fn hash(self, hasher: &DefaultHashBuilder) -> u32;

    fn is(self, key: &Key) -> bool;

    fn key(self) -> Key;
}

impl Probe for Option<u64> {
    #[inline]
    fn hash(self, hasher: &DefaultHashBuilder) -> u32 {
        let mut hasher = hasher.build_hasher();
        match self {
            Some(number) => hasher.write_u64(number),
            None => hasher.write_u8(0),
        }
        hasher.finish() as u32
    }

    #[inline]
    fn is(self, key: &Key) -> bool {
        matches!(key, Key::Number(number) if *number == self)
    }

    fn key(self) -> Key {
        Key::Number(self)
    }
}

impl Probe for &[u8] {
    #[inline]
    fn hash(self, hasher: &DefaultHashBuilder) -> u32 {
        let mut hasher = hasher.build_hasher();
        hasher.write(self);
        hasher.finish() as u32
    }

    #[inline]
    fn is(self, key: &Key) -> bool {
        key.bytes() == self
    }

    fn key(self) -> Key {
        match (u8::try_from(self.len()), self.len() <= SHORT) {
            (Ok(length), true) => {
                let mut short = [0; SHORT];
                short[..self.len()].copy_from_slice(self);
                Key::Short(length, short)
            }
            _ => Key::Long(self.into()),
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
        let (numbers, ids, firsts) = match self.numbers(columns) {
            Some(numbers) => self.number(rows, |row| numbers.get(row)),
            None => {
                let encoded = self.encoding.encode(columns)?;
                self.number(rows, |row| encoded.row(row))
            }
        };
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

    /// The numbers that are the keys; none if they are no numbers.
    fn numbers(&self, columns: &[ArrayRef]) -> Option<Numbers> {
        let of_type = self.encoding.only_type()?;
        let column = columns
            .first()
            .filter(|column| column.data_type() == of_type);
        column.and_then(Numbers::new)
    }

    /// Of each row the number of its key; of each key its id and its first row.
    fn number<P: Probe>(
        &mut self,
        rows: usize,
        probe: impl Fn(usize) -> P,
    ) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
        let mut numbers = self.candidates(rows, &probe);
        let (mut ids, mut firsts) = (Vec::new(), Vec::new());
        for (row, number) in numbers.iter_mut().enumerate() {
            let probe = probe(row);
            // Until then it is the id.
            let id = match self.entries.get(*number as usize) {
                Some(entry) if probe.is(&entry.key) => *number,
                _ => self.find_or_insert(probe),
            };
            let entry = &mut self.entries[id as usize];
            if entry.number == NONE {
                entry.number = ids.len() as u32;
                entry.uses += 1;
                ids.push(id);
                firsts.push(row as u32);
            }
            *number = entry.number;
        }
        for id in &ids {
            self.entries[*id as usize].number = NONE;
        }
        (numbers, ids, firsts)
    }

    /// Of each row the id that its hash stands for, which is nearly always that of its key. Such short
    /// loops wait for memory at several rows at a time.
    fn candidates<P: Probe>(&self, rows: usize, probe: impl Fn(usize) -> P) -> Vec<u32> {
        let mut found: Vec<_> = (0..rows).map(|row| probe(row).hash(&self.hasher)).collect();
        for hash in &mut found {
            let id = self.table.find(spread(*hash), |(other, _)| other == hash);
            *hash = id.map_or(NONE, |(_, id)| *id);
        }
        found
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
        let columns = self.columns(&ids)?;
        ids.iter().for_each(|id| self.hold(*id));
        Ok(CallKeys {
            numbers,
            count: ids.len(),
            columns,
            ids,
        })
    }

    fn columns(&self, ids: &[u32]) -> Result<Vec<ArrayRef>, ArrowError> {
        let keys = ids.iter().map(|id| &self.entries[*id as usize].key);
        match self.encoding.only_type().filter(|only| Numbers::are(only)) {
            Some(only) => {
                let numbers = keys.map(|key| match key {
                    Key::Number(number) => *number,
                    Key::Short(..) | Key::Long(_) => None,
                });
                let numbers: Vec<_> = numbers.collect();
                Ok(vec![Numbers::column(only, &numbers)?])
            }
            None => self.encoding.decode(keys.map(Key::bytes)),
        }
    }

    /// A call is over.
    pub(super) fn end(&mut self, keys: &CallKeys) {
        keys.ids.iter().for_each(|id| self.release(*id));
    }

    /// One id a row; [`NONE`] of keys that are not there.
    pub(super) fn find(&self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>, ArrowError> {
        self.check(columns, rows)?;
        if let Some(numbers) = self.numbers(columns) {
            return Ok(self.find_rows(rows, |row| numbers.get(row)));
        }
        let encoded = self.encoding.encode(columns)?;
        Ok(self.find_rows(rows, |row| encoded.row(row)))
    }

    fn find_rows<P: Probe>(&self, rows: usize, probe: impl Fn(usize) -> P) -> Vec<u32> {
        let ids = (0..rows).map(|row| self.get(probe(row)).unwrap_or(NONE));
        ids.collect()
    }

    #[inline]
    fn get<P: Probe>(&self, probe: P) -> Option<u32> {
        let hash = probe.hash(&self.hasher);
        let found = self.table.find(spread(hash), |(other, id)| {
            *other == hash && probe.is(&self.entries[*id as usize].key)
        });
        found.map(|(_, id)| *id)
    }

    /// Somebody has something of it.
    #[inline]
    pub(super) fn hold(&mut self, id: u32) {
        if let Some(entry) = self.entries.get_mut(id as usize) {
            entry.uses += 1;
        }
    }

    /// A slot had something of it, and has now.
    pub(super) fn note(&mut self, id: u32, had: bool, has: bool) {
        match (had, has) {
            (false, true) => self.hold(id),
            (true, false) => self.release(id),
            _ => {}
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
        let key = std::mem::replace(&mut entry.key, Key::Number(None));
        let hash = match &key {
            Key::Number(number) => number.hash(&self.hasher),
            key => key.bytes().hash(&self.hasher),
        };
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

    fn find_or_insert<P: Probe>(&mut self, probe: P) -> u32 {
        if let Some(id) = self.get(probe) {
            return id;
        }
        let entry = Entry {
            key: probe.key(),
            uses: 0,
            number: NONE,
        };
        self.long += entry.key.long();
        let id = match self.free.pop() {
            Some(id) => {
                self.entries[id as usize] = entry;
                id
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        let hash_of = |(hash, _): &(u32, u32)| spread(*hash);
        let hash = probe.hash(&self.hasher);
        self.table.insert_unique(spread(hash), (hash, id), hash_of);
        id
    }
}

/// The table wants its highest bits as well.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
