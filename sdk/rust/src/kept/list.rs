//! A list of a key.

use std::ops::Deref;

use super::{Kept, Place, StateValue};
use crate::expansion::ColumnBuilder;
use crate::store::Store;
use crate::{Built, Error, Lists, Read, Slot};

/// Items of a key, in the order in which they were appended; read as a slice. The host is handed what
/// was appended, or all of them where something else was done.
#[derive(Debug)]
pub struct List<T> {
    items: Vec<T>,
    /// Where the first `kept` of them come from.
    of: Option<Place>,
    kept: usize,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self {
            items,
            of: None,
            kept: 0,
        }
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T> Extend<T> for List<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        self.items.extend(items);
    }
}

impl<T> List<T> {
    /// Appends an item.
    #[inline]
    pub fn push(&mut self, item: T) {
        self.items.push(item);
    }

    /// Removes all items.
    pub fn clear(&mut self) {
        self.edit().clear();
    }

    /// Removes all items and gives them.
    pub fn take(&mut self) -> Vec<T> {
        std::mem::take(self.edit())
    }

    /// The items, for anything else than to append: all of them are written anew.
    pub fn edit(&mut self) -> &mut Vec<T> {
        self.of = None;
        &mut self.items
    }
}

impl<T: StateValue> Kept for List<T> {
    type Before = Lists<T::Column>;

    fn slot(name: &str) -> Slot {
        Slot::list(name, T::data_type())
    }

    fn load(&mut self, before: &Self::Before, of: Place) {
        let items = before.range(of.key as usize);
        self.kept = items.len();
        self.of = Some(of);
        self.items.clear();
        let items = items.filter(|item| before.items().is_present(*item));
        self.items
            .extend(items.map(|item| T::get(before.items(), item)));
    }

    fn copy(&self) -> Self {
        Self {
            items: self.items.iter().map(T::copy).collect(),
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
        let (mut appended, mut to) = (ColumnBuilder::default(), Vec::new());
        let (mut written, mut keys, mut ends) = (ColumnBuilder::default(), Vec::new(), Vec::new());
        let mut count = 0;
        for (key, list) in (0..).zip(fields) {
            let had = before.range(key as usize).len();
            // All that is there was appended to what there was.
            let kept = match list.of == Some(Place { slot, key }) && list.kept == had {
                true => Some(had),
                false => (had == 0).then_some(0),
            };
            match kept {
                Some(kept) => {
                    for item in &list.items[kept..] {
                        to.push(key);
                        T::push(Some(item), &mut appended);
                    }
                }
                None => {
                    keys.push(key);
                    for item in &list.items {
                        T::push(Some(item), &mut written);
                    }
                    count += list.items.len();
                    ends.push(count);
                }
            }
        }
        if !keys.is_empty() {
            let values = Built::lists(&ends, T::finish(written)?)?;
            host.write(slot, &keys, values);
        }
        if !to.is_empty() {
            host.append(slot, &to, T::finish(appended)?);
        }
        Ok(())
    }
}
