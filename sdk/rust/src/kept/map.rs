//! A map of a key.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::{Kept, Place, StateValue};
use crate::expansion::ColumnBuilder;
use crate::read::Arrays;
use crate::store::Store;
use crate::{Bitmap, Built, DataType, Error, Lists, Read, Slot, Value};

/// Entries of a key, in the order of their own keys. The host is handed those that were put or removed.
#[derive(Debug)]
pub struct Map<K, V> {
    entries: BTreeMap<K, Entry<V>>,
    /// Those that have a value.
    len: usize,
    /// Where those come from that were not touched.
    of: Option<Place>,
}

#[derive(Debug)]
struct Entry<V> {
    /// None where it was removed.
    value: Option<V>,
    touched: bool,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            len: 0,
            of: None,
        }
    }
}

impl<K: Ord, V> Map<K, V> {
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key)?.value.as_ref()
    }

    #[inline]
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value to change, which counts as put anew.
    #[inline]
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let entry = self.entries.get_mut(key)?;
        let value = entry.value.as_mut()?;
        entry.touched = true;
        Some(value)
    }

    /// Puts a value, and gives the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let entry = self.entries.entry(key).or_insert(Entry::NONE);
        entry.touched = true;
        let before = entry.value.replace(value);
        self.len += usize::from(before.is_none());
        before
    }

    /// The value to change, or the default one where there was none; it counts as put anew.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let entry = self.entries.entry(key).or_insert(Entry::NONE);
        entry.touched = true;
        self.len += usize::from(entry.value.is_none());
        entry.value.get_or_insert_default()
    }

    /// Removes a value and gives it.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entry = self.entries.get_mut(key)?;
        let before = entry.value.take()?;
        entry.touched = true;
        self.len -= 1;
        Some(before)
    }

    /// Removes all of which this is not so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        for (key, entry) in &mut self.entries {
            if entry.value.as_ref().is_some_and(|value| !keep(key, value)) {
                entry.value = None;
                entry.touched = true;
                self.len -= 1;
            }
        }
    }

    /// Removes all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// In the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let entries = self.entries.iter();
        entries.filter_map(|(key, entry)| Some((key, entry.value.as_ref()?)))
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

impl<V> Entry<V> {
    const NONE: Self = Self {
        value: None,
        touched: false,
    };
}

/// Keys and values beside each other, as the structs of a map have them.
pub struct Pairs<K, V> {
    keys: K,
    values: V,
}

impl<K: Read, V: Read> Read for Pairs<K, V> {
    fn of<A: Arrays>(column: &A) -> Result<Self, Error> {
        let (keys, values) = (K::of(&column.child(0))?, V::of(&column.child(1))?);
        match keys.rows() == values.rows() {
            true => Ok(Self { keys, values }),
            false => Err(Error::failed("the host gave columns of different lengths")),
        }
    }

    fn from_value(_value: Value, _data_type: &DataType) -> Result<Self, Error> {
        Err(Error::failed("the entry of a map is no argument"))
    }

    fn rows(&self) -> usize {
        self.keys.rows()
    }

    fn validity(&self) -> Option<&Bitmap> {
        None
    }
}

impl<K: StateValue + Ord, V: StateValue> Kept for Map<K, V> {
    type Before = Lists<Pairs<K::Column, V::Column>>;

    fn slot(name: &str) -> Slot {
        Slot::map(name, K::data_type(), V::data_type())
    }

    fn load(&mut self, before: &Self::Before, of: Place) {
        let Pairs { keys, values } = before.items();
        let rows = before.range(of.key as usize);
        // They come in order, and so are not sorted again.
        let entries = rows.map(|row| {
            let value = values.is_present(row).then(|| V::get(values, row));
            let entry = Entry {
                value,
                touched: false,
            };
            (K::get(keys, row), entry)
        });
        self.entries = entries.collect();
        self.len = self.iter().count();
        self.of = Some(of);
    }

    fn copy(&self) -> Self {
        let entries = self.entries.iter().map(|(key, entry)| {
            let value = entry.value.as_ref().map(V::copy);
            (key.copy(), Entry { value, ..*entry })
        });
        Self {
            entries: entries.collect(),
            ..*self
        }
    }

    fn write<'a, H: Store>(
        host: &H,
        slot: u32,
        before: &Self::Before,
        _absent: &Self,
        fields: impl Iterator<Item = &'a Self>,
    ) -> Result<(), Error> {
        let mut put = Columns::<K, V>::default();
        let mut to = Vec::new();
        let mut written = Columns::<K, V>::default();
        let (mut keys, mut ends, mut count) = (Vec::new(), Vec::new(), 0);
        for (key, map) in (0..).zip(fields) {
            let here = map.of == Some(Place { slot, key });
            if here || before.range(key as usize).is_empty() {
                for (entry, value) in &map.entries {
                    // What came from elsewhere is put as a whole.
                    if value.touched || (!here && value.value.is_some()) {
                        to.push(key);
                        put.push(entry, value.value.as_ref());
                    }
                }
            } else {
                for (entry, value) in map.iter() {
                    written.push(entry, Some(value));
                }
                keys.push(key);
                count += map.len;
                ends.push(count);
            }
        }
        if !keys.is_empty() {
            let (entries, values) = written.finish()?;
            let pairs = Built::structs(&["key", "value"], vec![entries, values]);
            host.write(slot, &keys, Built::lists(&ends, pairs)?);
        }
        if !to.is_empty() {
            let (entries, values) = put.finish()?;
            host.put(slot, &to, entries, values);
        }
        Ok(())
    }
}

/// Gathers entries.
struct Columns<K: StateValue, V: StateValue> {
    keys: ColumnBuilder<K::Builder>,
    values: ColumnBuilder<V::Builder>,
}

impl<K: StateValue, V: StateValue> Default for Columns<K, V> {
    fn default() -> Self {
        Self {
            keys: ColumnBuilder::default(),
            values: ColumnBuilder::default(),
        }
    }
}

impl<K: StateValue, V: StateValue> Columns<K, V> {
    fn push(&mut self, key: &K, value: Option<&V>) {
        K::push(Some(key), &mut self.keys);
        V::push(value, &mut self.values);
    }

    fn finish(self) -> Result<(Built, Built), Error> {
        Ok((K::finish(self.keys)?, V::finish(self.values)?))
    }
}
