//! `#[process]`'s functions: a batch's state is read, the function is called row by row, and what has
//! changed is written.

use std::any::Any;
use std::marker::PhantomData;

use crate::call::Call;
use crate::kept::State;
use crate::result::WithRoom;
use crate::side_output::{Gathered, Given};
use crate::store::Store;
use crate::typed::checked_views;
use crate::{
    ArgumentList, Batch, Error, Field, Keyed, OpenContext, OutputRows, ProcessFunction, RowError,
    SideRows, Signature, Slot, Timers,
};

/// A type that is what is kept of a key, as `#[process]` writes it.
pub trait Process: State {
    fn signature() -> Signature;
    fn side_outputs() -> Vec<SideRows>;
    fn broadcast() -> Option<Vec<Field>>;
    fn eval(rows: &Batch, given: Function<'_>) -> Result<Vec<Given>, Error>;
    fn on_timers(timers: &Timers, given: Function<'_>) -> Result<Vec<Given>, Error>;
}

/// The function of a [`Process`], opened.
pub struct RowByRow<S> {
    returns: Vec<Field>,
    side_outputs: Vec<SideRows>,
    broadcast: Broadcast,
    state: PhantomData<fn(S)>,
}

/// What was made of the rows of the broadcast table that have this number.
type Broadcast = Option<(u64, Box<dyn Any>)>;

/// What a call has beside its rows.
pub struct Function<'a> {
    keyed: &'a Keyed,
    side_outputs: &'a [SideRows],
    broadcast: &'a mut Broadcast,
}

impl<S: Process> ProcessFunction for RowByRow<S> {
    fn signature() -> Signature {
        S::signature()
    }

    fn open(_context: &OpenContext) -> Result<Self, Error> {
        Ok(Self {
            returns: S::signature().returns.unwrap_or_default(),
            side_outputs: S::side_outputs(),
            broadcast: None,
            state: PhantomData,
        })
    }

    fn slots(&self) -> Vec<Slot> {
        S::slots()
    }

    fn side_outputs(&self) -> Vec<SideRows> {
        self.side_outputs.clone()
    }

    fn broadcast(&self) -> Option<Vec<Field>> {
        S::broadcast()
    }

    fn batch_eval(&mut self, rows: &Batch, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        let given = S::eval(rows, self.function(keyed))?;
        self.outputs(given)
    }

    fn on_timers(&mut self, timers: &Timers, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        let given = S::on_timers(timers, self.function(keyed))?;
        self.outputs(given)
    }
}

impl<S> RowByRow<S> {
    fn function<'a>(&'a mut self, keyed: &'a Keyed) -> Function<'a> {
        Function {
            keyed,
            side_outputs: &self.side_outputs,
            broadcast: &mut self.broadcast,
        }
    }

    fn outputs(&self, given: Vec<Given>) -> Result<Vec<OutputRows>, Error> {
        let outputs = given.into_iter().map(|given| {
            let fields = match given.side {
                Some(side) => &self.side_outputs[side as usize].columns,
                None => &self.returns,
            };
            let types = given.columns.iter().map(|column| column.data_type());
            if !types.eq(fields.iter().map(|field| &field.data_type)) {
                return Err(Error::failed(
                    "`on_timer` gives rows of other columns than `eval`",
                ));
            }
            let rows = OutputRows::of(fields, given.columns, given.origins)?;
            Ok(OutputRows {
                side: given.side,
                ..rows
            })
        });
        outputs.collect()
    }
}

impl<'a> Function<'a> {
    /// The same, with what `parse` makes of each row of the broadcast table that has no NULL where none
    /// may be: anew only where there are other rows.
    pub fn with_broadcast<A, C, B, R>(
        self,
        mut parse: impl FnMut(A) -> R,
    ) -> Result<With<'a, B>, Error>
    where
        A: for<'b> ArgumentList<'b, Columns = C>,
        B: FromIterator<R> + 'static,
    {
        let version = self.keyed.broadcast_version();
        let fresh = matches!(
            self.broadcast,
            Some((known, made)) if *known == version && made.is::<B>()
        );
        if !fresh {
            let rows = self.keyed.broadcast();
            let columns = A::read(&rows)?;
            let count = A::rows(&columns, &rows);
            let views = checked_views::<A>(&columns, count)?;
            let present = A::present(&columns);
            let rows = (0..count).filter(|row| present.as_ref().is_none_or(|bits| bits.get(*row)));
            let made: B = rows.map(|row| parse(A::get(views, row))).collect();
            *self.broadcast = Some((version, Box::new(made)));
        }
        let made = self
            .broadcast
            .as_ref()
            .and_then(|(_, made)| made.downcast_ref());
        Ok(With {
            keyed: self.keyed,
            side_outputs: self.side_outputs,
            broadcast: made.ok_or_else(|| Error::failed("there is no broadcast table"))?,
        })
    }

    /// The same, without a broadcast table.
    pub fn without_broadcast(self) -> With<'a, ()> {
        With {
            keyed: self.keyed,
            side_outputs: self.side_outputs,
            broadcast: &(),
        }
    }
}

/// What a call has beside its rows: `H` is the host, or a test.
pub struct With<'a, B, H = Keyed> {
    pub(crate) keyed: &'a H,
    pub(crate) side_outputs: &'a [SideRows],
    pub(crate) broadcast: &'a B,
}

impl<B, H: Store> With<'_, B, H> {
    /// Calls `eval` for each row of columns that were read; not where an argument is NULL that must not
    /// be.
    #[inline]
    pub fn rows<'c, A, S, G>(
        &self,
        columns: &'c A::Columns,
        eval: impl FnMut(&mut S, &mut Call<'_, B>, &mut Gathered<G>, A) -> Result<(), String>,
    ) -> Result<Vec<Given>, Error>
    where
        A: ArgumentList<'c>,
        S: State,
        G: WithRoom,
    {
        let numbers = self.keyed.numbers();
        let views = checked_views::<A>(columns, numbers.len())?;
        let present = A::present(columns);
        let present = present.as_ref();
        let get = move |row| {
            let is_present = present.is_none_or(|bits| bits.get(row));
            is_present.then(|| A::get(views, row))
        };
        self.run(&numbers, get, eval)
    }

    /// Calls `on_timer` with the name of each timer.
    pub fn timers<S, G>(
        &self,
        timers: &Timers,
        mut on_timer: impl FnMut(&mut S, &mut Call<'_, B>, &mut Gathered<G>, &str) -> Result<(), String>,
    ) -> Result<Vec<Given>, Error>
    where
        S: State,
        G: WithRoom,
    {
        let numbers = self.keyed.numbers();
        if numbers.len() != timers.len() {
            return Err(Error::failed("the host gave timers without keys"));
        }
        self.run(&numbers, Some, |state, call, gathered, timer| {
            on_timer(state, call, gathered, timers.name(timer))
        })
    }

    fn run<S, G, A>(
        &self,
        numbers: &[u32],
        get: impl Fn(usize) -> Option<A> + Copy,
        mut eval: impl FnMut(&mut S, &mut Call<'_, B>, &mut Gathered<G>, A) -> Result<(), String>,
    ) -> Result<Vec<Given>, Error>
    where
        S: State,
        G: WithRoom,
    {
        let keys = self.keyed.keys();
        let before = S::read(self.keyed, keys)?;
        let begin = || Attempt {
            states: loaded::<S>(&before, keys),
            call: Call::new(self.keyed, self.broadcast, self.side_outputs),
            gathered: Gathered::with_room(numbers.len()),
        };
        let mut attempt = begin();
        if !attempt.quickly(numbers, get, &mut eval)? {
            // Once more from the start: then what failed leaves the state as it was, as when the host
            // calls again without these rows, so that all that fail are found.
            attempt = begin();
            let errors = attempt.carefully(numbers, get, &mut eval)?;
            if attempt.call.failed.is_none() && !errors.is_empty() {
                return Err(Error::Rows(errors));
            }
        }
        let Attempt {
            states,
            call,
            gathered,
        } = attempt;
        if let Some(message) = call.failed {
            return Err(Error::failed(message));
        }
        S::write(self.keyed, &before, &states)?;
        call.pending.send(self.keyed, keys);
        let mut given = Vec::from_iter(gathered.finish(None)?);
        given.extend(call.sides.finish()?);
        Ok(given)
    }
}

/// What the rows of a call have made so far.
struct Attempt<'a, S, B, G> {
    states: Vec<S>,
    call: Call<'a, B>,
    gathered: Gathered<G>,
}

// Each has one loop, so that what is called in it is inlined there, and is a function of its own, so
// that the loop has the registers for itself.
impl<B, S: State, G> Attempt<'_, S, B, G> {
    /// Ends at the first row that fails; answers whether none has.
    #[inline(never)]
    fn quickly<A>(
        &mut self,
        numbers: &[u32],
        get: impl Fn(usize) -> Option<A> + Copy,
        eval: &mut impl FnMut(&mut S, &mut Call<'_, B>, &mut Gathered<G>, A) -> Result<(), String>,
    ) -> Result<bool, Error> {
        let Self {
            states,
            call,
            gathered,
        } = self;
        for (row, &number) in numbers.iter().enumerate() {
            let Some(state) = states.get_mut(number as usize) else {
                return Err(no_key(number));
            };
            call.row = row as u32;
            call.key = number;
            gathered.origin = row as u32;
            if let Some(arguments) = get(row)
                && eval(state, call, gathered, arguments).is_err()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives what fails; a row that does leaves no trace in the state.
    #[inline(never)]
    fn carefully<A>(
        &mut self,
        numbers: &[u32],
        get: impl Fn(usize) -> Option<A> + Copy,
        eval: &mut impl FnMut(&mut S, &mut Call<'_, B>, &mut Gathered<G>, A) -> Result<(), String>,
    ) -> Result<Vec<RowError>, Error> {
        let mut errors = Vec::new();
        for (row, &number) in numbers.iter().enumerate() {
            let Some(state) = self.states.get_mut(number as usize) else {
                return Err(no_key(number));
            };
            self.call.row = row as u32;
            self.call.key = number;
            self.gathered.origin = row as u32;
            let Some(arguments) = get(row) else {
                continue;
            };
            let saved = state.copy();
            if let Err(message) = eval(state, &mut self.call, &mut self.gathered, arguments) {
                *state = saved;
                errors.push(RowError::new(row, message));
            }
        }
        Ok(errors)
    }
}

#[cold]
fn no_key(number: u32) -> Error {
    Error::failed(format!("there is no key {number}"))
}

fn loaded<S: State>(before: &S::Before, keys: usize) -> Vec<S> {
    let states = (0..keys as u32).map(|key| {
        let mut state = S::default();
        state.load(before, key);
        state
    });
    states.collect()
}

#[cfg(test)]
mod tests;
