//! Side outputs of typed rows.

use std::any::Any;
use std::marker::PhantomData;

use crate::result::{PushInRoom as _, WithRoom};
use crate::{Built, Error, Field, SideRows, TableRow};

/// Rows beside the result of a `#[process]` function: values, or tuples of them.
///
/// ```
/// use wasmill_sdk::SideOutput;
///
/// static LATE: SideOutput<(String, i64)> = SideOutput::new("late", ["reason", "at"]);
/// ```
pub struct SideOutput<R> {
    name: &'static str,
    columns: [&'static str; 8],
    rows: PhantomData<fn(R)>,
}

impl<R: TableRow> SideOutput<R> {
    /// Called so, with a name for each column.
    pub const fn new<const COLUMNS: usize>(
        name: &'static str,
        columns: [&'static str; COLUMNS],
    ) -> Self {
        const {
            assert!(
                COLUMNS == R::COLUMNS,
                "a side output has a name for each column of its rows"
            );
        }
        let mut names = [""; 8];
        let mut column = 0;
        while column < COLUMNS {
            names[column] = columns[column];
            column += 1;
        }
        Self {
            name,
            columns: names,
            rows: PhantomData,
        }
    }

    /// What the function says of it.
    pub fn declared(&self) -> SideRows {
        let columns = self.columns.iter().zip(R::data_types());
        let columns = columns.map(|(name, data_type)| Field::new(*name, data_type));
        SideRows::new(self.name, columns.collect())
    }
}

/// Gathers the rows that a call gives, each with the row or timer that it comes of.
pub struct Gathered<B> {
    builders: B,
    origins: Vec<u32>,
    /// Of the row or timer at hand.
    pub(crate) origin: u32,
    /// Known from the first row on.
    finish: Option<Finish<B>>,
}

type Finish<B> = fn(B) -> Result<Vec<Built>, Error>;

impl<B: WithRoom> WithRoom for Gathered<B> {
    /// For a row of each of so many.
    fn with_room(rows: usize) -> Self {
        Self {
            builders: B::with_room(rows),
            origins: Vec::with_capacity(rows),
            origin: 0,
            finish: None,
        }
    }
}

impl<B: WithRoom> Default for Gathered<B> {
    fn default() -> Self {
        Self::with_room(0)
    }
}

impl<B> Gathered<B> {
    /// The rows of the row or timer at hand; or why it failed.
    #[inline(always)]
    pub fn add<I, E>(&mut self, given: Result<I, E>) -> Result<(), String>
    where
        I: IntoIterator<Item: TableRow<Builders = B>>,
        E: std::fmt::Display,
    {
        let given = given.map_err(|error| error.to_string())?;
        // Faster than a loop, where it is one row or none.
        given.into_iter().try_for_each(|row| self.push(row))
    }

    /// The same of what gives no more than one.
    #[inline(always)]
    pub fn add_one<R: TableRow<Builders = B>>(&mut self, given: Option<R>) -> Result<(), String> {
        let Some(row) = given else {
            return Ok(());
        };
        self.finish = Some(R::finish);
        row.add_in_room(&mut self.builders)?;
        self.origins.push_in_room(self.origin);
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn push<R: TableRow<Builders = B>>(&mut self, row: R) -> Result<(), String> {
        self.finish = Some(R::finish);
        row.add_to(&mut self.builders)?;
        self.origins.push(self.origin);
        Ok(())
    }

    pub(crate) fn finish(self, side: Option<u32>) -> Result<Option<Given>, Error> {
        let Some(finish) = self.finish else {
            return Ok(None);
        };
        Ok(Some(Given {
            side,
            columns: finish(self.builders)?,
            origins: self.origins,
        }))
    }
}

/// Rows that were gathered in the guest.
#[derive(Debug)]
pub struct Given {
    /// Which side output; none = the result.
    pub side: Option<u32>,
    pub columns: Vec<Built>,
    pub origins: Vec<u32>,
}

/// Rows of a side output of whatever type.
trait AnyRows: Any {
    fn finish(self: Box<Self>, side: u32) -> Result<Option<Given>, Error>;
}

impl<B: 'static> AnyRows for Gathered<B> {
    fn finish(self: Box<Self>, side: u32) -> Result<Option<Given>, Error> {
        (*self).finish(Some(side))
    }
}

/// The side outputs of a call.
pub struct Sides<'a> {
    declared: &'a [SideRows],
    /// Those that have rows.
    gathered: Vec<Side>,
}

struct Side {
    name: &'static str,
    place: u32,
    rows: Box<dyn AnyRows>,
}

impl<'a> Sides<'a> {
    pub(crate) fn new(declared: &'a [SideRows]) -> Self {
        Self {
            declared,
            gathered: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn give<R: TableRow<Builders: 'static>>(
        &mut self,
        output: &SideOutput<R>,
        origin: u32,
        row: R,
    ) -> Result<(), String> {
        let is = |side: &Side| std::ptr::eq(side.name, output.name) || side.name == output.name;
        let place = match self.gathered.iter().position(is) {
            Some(place) => place,
            None => self.start(output)?,
        };
        let rows: &mut dyn Any = &mut *self.gathered[place].rows;
        let Some(rows) = rows.downcast_mut::<Gathered<R::Builders>>() else {
            return Err(format!("'{}' has rows of another type", output.name));
        };
        rows.origin = origin;
        rows.push(row)
    }

    #[cold]
    fn start<R: TableRow<Builders: 'static>>(
        &mut self,
        output: &SideOutput<R>,
    ) -> Result<usize, String> {
        let mut declared = self.declared.iter();
        let place = declared.position(|side| side.name == output.name);
        let Some(place) = place else {
            let name = output.name;
            return Err(format!("the function names no side output '{name}'"));
        };
        self.gathered.push(Side {
            name: output.name,
            place: place as u32,
            rows: Box::new(Gathered::<R::Builders>::default()),
        });
        Ok(self.gathered.len() - 1)
    }

    pub(crate) fn finish(mut self) -> Result<Vec<Given>, Error> {
        self.gathered.sort_by_key(|side| side.place);
        let sides = self.gathered.into_iter();
        let given = sides.map(|side| side.rows.finish(side.place));
        given.filter_map(Result::transpose).collect()
    }
}
