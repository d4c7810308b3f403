//! Timers, which lie in a log like a slot of maps: a key has one of a name.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray, StructArray},
    datatypes::{DataType, Fields, Int64Type},
    error::ArrowError,
};

use super::{
    calls::Fired,
    invalid,
    items::offsets,
    keys::Keys,
    log::Log,
    rewriting::{Kept, Run},
    slot::{Appended, Index, NewRows, Place},
    spec::TimerClock,
};

/// When, and after how many others it was set.
type Order = (i64, u64);

/// The keys' ids and the timers' names.
type Waiting = BTreeMap<Order, (u32, Arc<str>)>;

/// Bytes of a timer in the order, beside those of its name; nodes of a tree are not full.
const WAITING: usize = 2 * (size_of::<Order>() + size_of::<(u32, Arc<str>)>());

/// The timers of the keys, by their ids, and in the order in which they will be due.
pub(super) struct Timers {
    fields: Fields,
    /// In the order of their names.
    of_keys: Vec<Vec<Timer>>,
    /// Room for timers.
    room: usize,
    event: Waiting,
    processing: Waiting,
    /// How many have been set.
    set: u64,
    names: HashSet<Arc<str>>,
    /// So many names are kept, whether or not there are timers of them.
    names_room: usize,
}

struct Timer {
    name: Arc<str>,
    clock: TimerClock,
    order: Order,
    place: Place,
}

/// A timer whose time has come.
#[derive(Debug)]
pub(super) struct Due {
    pub id: u32,
    pub name: Arc<str>,
    order: Order,
}

impl Due {
    pub(super) fn at(&self) -> i64 {
        self.order.0
    }
}

/// A change of timers, of keys by their numbers.
pub(super) enum TimerChange {
    Set(TimerClock, String, Vec<u32>, Vec<i64>),
    Clear(String, Vec<u32>),
}

impl Timers {
    /// `timer`: the type of its items.
    pub(super) fn new(timer: &DataType) -> Result<Self, ArrowError> {
        let DataType::Struct(fields) = timer else {
            return Err(invalid("timers are structs"));
        };
        Ok(Timers {
            fields: fields.clone(),
            of_keys: Vec::new(),
            room: 0,
            event: Waiting::new(),
            processing: Waiting::new(),
            set: 0,
            names: HashSet::new(),
            names_room: 64,
        })
    }

    /// How many items remove a timer.
    pub(super) fn removals(items: &ArrayRef) -> usize {
        read_timers(items).map_or(0, |(_, at, _)| at.null_count())
    }

    pub(super) fn next(&self, clock: TimerClock) -> Option<i64> {
        let waiting = match clock {
            TimerClock::Event => &self.event,
            TimerClock::Processing => &self.processing,
        };
        waiting.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.event.len() + self.processing.len()
    }

    pub(super) fn is_due(&self, watermark: i64, now: i64) -> bool {
        let event = self
            .next(TimerClock::Event)
            .is_some_and(|at| at <= watermark);
        event
            || self
                .next(TimerClock::Processing)
                .is_some_and(|at| at <= now)
    }

    /// The first timers that are due, at most `most`.
    pub(super) fn due(&self, watermark: i64, now: i64, most: usize) -> Vec<Due> {
        let event = self.event.range(..=(watermark, u64::MAX)).take(most);
        let processing = self.processing.range(..=(now, u64::MAX)).take(most);
        let mut due: Vec<_> = event
            .chain(processing)
            .map(|(order, (id, name))| Due {
                id: *id,
                name: Arc::clone(name),
                order: *order,
            })
            .collect();
        due.sort_unstable_by_key(|due| due.order);
        due.truncate(most);
        due
    }

    fn get(&self, id: u32, name: &str) -> Option<&Timer> {
        let timers = self.of_keys.get(id as usize)?;
        let found = timers.binary_search_by(|timer| (*timer.name).cmp(name));
        found.ok().and_then(|found| timers.get(found))
    }

    /// What the changes of a call come to, after the timers that it is for.
    pub(super) fn fold(
        &self,
        ids: &[u32],
        numbers: &[u32],
        fired: Option<Fired>,
        changes: Vec<TimerChange>,
    ) -> Result<Option<NewRows>, ArrowError> {
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut by_name: HashMap<Arc<str>, u32> = HashMap::new();
        let mut number_of = |name: Arc<str>| {
            *by_name.entry(name).or_insert_with_key(|name| {
                names.push(Arc::clone(name));
                names.len() as u32 - 1
            })
        };
        let mut new: HashMap<(u32, u32), Option<(TimerClock, i64)>, _> =
            HashMap::with_hasher(hashbrown::DefaultHashBuilder::default());
        let fired = fired.map_or(Vec::new(), |fired| fired.0);
        for (due, number) in fired.into_iter().zip(numbers) {
            if ids.get(*number as usize) != Some(&due.id) {
                return Err(invalid("the timers are those of another call"));
            }
            let same = |timer: &&Timer| timer.order == due.order;
            if self.get(due.id, &due.name).filter(same).is_some() {
                new.insert((*number, number_of(due.name)), None);
            }
        }
        for change in changes {
            match change {
                TimerChange::Set(clock, name, keys, at) => {
                    let name = number_of(name.into());
                    let timers = keys.into_iter().zip(at);
                    new.extend(timers.map(|(key, at)| ((key, name), Some((clock, at)))));
                }
                TimerChange::Clear(name, keys) => {
                    let name = number_of(name.into());
                    new.extend(keys.into_iter().map(|key| ((key, name), None)));
                }
            }
        }
        // Nothing is to be removed where nothing is.
        let had = |number: u32, name: u32| {
            let name = names.get(name as usize);
            name.and_then(|name| self.get(ids[number as usize], name))
                .is_some()
        };
        let mut new: Vec<_> = new.into_iter().collect();
        new.retain(|((number, name), timer)| timer.is_some() || had(*number, *name));
        if new.is_empty() {
            return Ok(None);
        }
        new.sort_unstable_by_key(|(key, _)| *key);
        let (mut numbers, mut ends) = (Vec::new(), Vec::new());
        for of_key in new.chunk_by(|((one, _), _), ((other, _), _)| one == other) {
            numbers.extend(of_key.first().map(|((number, _), _)| *number));
            ends.push(ends.last().copied().unwrap_or(0) + of_key.len());
        }
        let of_items = new
            .iter()
            .filter_map(|((_, name), _)| names.get(*name as usize));
        let at: Int64Array = new
            .iter()
            .map(|(_, timer)| timer.map(|(_, at)| at))
            .collect();
        let processing = new
            .iter()
            .map(|(_, timer)| timer.is_some_and(|(clock, _)| clock == TimerClock::Processing));
        let processing = BooleanArray::from(processing.collect::<Vec<_>>());
        let items: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(of_items)),
            Arc::new(at),
            Arc::new(processing),
        ];
        Ok(Some(NewRows {
            replaces: BooleanArray::from(vec![false; numbers.len()]),
            numbers,
            offsets: offsets(ends.into_iter())?,
            items: Arc::new(StructArray::try_new(self.fields.clone(), items, None)?),
        }))
    }

    fn waiting(&mut self, clock: TimerClock) -> &mut Waiting {
        match clock {
            TimerClock::Event => &mut self.event,
            TimerClock::Processing => &mut self.processing,
        }
    }

    /// The name, which timers share.
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(name) = self.names.get(name) {
            return Arc::clone(name);
        }
        if self.names.len() >= self.names_room {
            self.names.retain(|name| Arc::strong_count(name) > 1);
            self.names_room = 64.max(2 * self.names.len());
        }
        let name: Arc<str> = name.into();
        self.names.insert(Arc::clone(&name));
        name
    }

    fn remove(&mut self, id: u32, name: &str, log: &mut Log) {
        let timers = &mut self.of_keys[id as usize];
        if let Ok(place) = timers.binary_search_by(|timer| (*timer.name).cmp(name)) {
            let timer = timers.remove(place);
            if timers.is_empty() {
                self.room -= timers.capacity();
                *timers = Vec::new();
            }
            log.leave(timer.place.chunk, 1);
            self.waiting(timer.clock).remove(&timer.order);
        }
    }

    fn insert(&mut self, id: u32, timer: Timer) {
        let waiting = (id, Arc::clone(&timer.name));
        self.waiting(timer.clock).insert(timer.order, waiting);
        let timers = &mut self.of_keys[id as usize];
        let room = timers.capacity();
        let place = timers.partition_point(|other| other.name < timer.name);
        if timers.is_empty() {
            timers.reserve_exact(1);
        }
        timers.insert(place, timer);
        self.room += timers.capacity() - room;
    }
}

/// Names, times, and whether these are the machine's.
fn read_timers(items: &ArrayRef) -> Result<(&StringArray, &Int64Array, &BooleanArray), ArrowError> {
    let columns = items.as_struct_opt().map(StructArray::columns);
    if let Some([names, at, processing]) = columns
        && let Some(names) = names.as_string_opt::<i32>()
        && let Some(at) = at.as_primitive_opt::<Int64Type>()
        && let Some(processing) = processing.as_boolean_opt()
    {
        return Ok((names, at, processing));
    }
    Err(invalid("what is to be timers is none"))
}

impl Index for Timers {
    fn take(
        &mut self,
        new: &Appended<'_>,
        log: &mut Log,
        keys: &mut Keys,
    ) -> Result<(), ArrowError> {
        let limit = keys.limit().max(self.of_keys.len());
        self.of_keys.resize_with(limit, Vec::new);
        let (names, at, processing) = read_timers(&new.rows.items)?;
        for (row, id) in new.ids.iter().enumerate() {
            let had = !self.of_keys[*id as usize].is_empty();
            for item in new.rows.range(row) {
                self.remove(*id, names.value(item), log);
                if at.is_null(item) {
                    continue;
                }
                self.set += 1;
                let timer = Timer {
                    name: self.name(names.value(item)),
                    clock: match processing.value(item) {
                        true => TimerClock::Processing,
                        false => TimerClock::Event,
                    },
                    order: (at.value(item), self.set),
                    place: Place {
                        chunk: new.chunk,
                        item: item as u32,
                    },
                };
                self.insert(*id, timer);
            }
            keys.note(*id, had, !self.of_keys[*id as usize].is_empty());
        }
        Ok(())
    }

    fn keep(&mut self, run: &Run, _: &Log, kept: &mut Kept) -> Result<(), ArrowError> {
        for (number, part) in run.parts.iter().enumerate() {
            let (names, at, _) = read_timers(&part.rows.items)?;
            for (row, id) in part.ids.iter().enumerate() {
                let mut timers = self.of_keys.get_mut(*id as usize);
                for item in part.rows.range(row) {
                    let name = names.value(item);
                    let timer = timers.as_mut().and_then(|timers| {
                        let found = timers.binary_search_by(|timer| (*timer.name).cmp(name));
                        found.ok().and_then(|found| timers.get_mut(found))
                    });
                    let place = timer.map(|timer| &mut timer.place);
                    kept.item(run, (number, item), place, at.is_null(item));
                }
                kept.row_of_items((number, row), *id, part.rows.written.value(row));
            }
        }
        Ok(())
    }

    /// Timers stay.
    fn expire(&mut self, _: i64, _: &mut Log, _: &mut Keys) {}

    fn clear(&mut self) {
        self.of_keys = Vec::new();
        self.room = 0;
        self.event.clear();
        self.processing.clear();
        self.names.clear();
    }

    fn bytes(&self) -> usize {
        let keys = self.of_keys.capacity() * size_of::<Vec<Timer>>();
        let waiting = (self.event.len() + self.processing.len()) * WAITING;
        keys + self.room * size_of::<Timer>() + waiting
    }
}
