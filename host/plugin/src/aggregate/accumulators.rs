//! What is done to groups, and asked of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, new_empty_array};
use arrow::datatypes::Fields;

use super::{Accumulators, KEPT_MEMORY, Seat, call, gone};
use crate::arrays::adopt;
use crate::error::PluginError;
use crate::function::Function;
use crate::instance::{Adds, Instance};
use crate::state::Batch;

impl Accumulators {
    pub(super) fn open(function: &Arc<Function>, seat: Arc<Seat>) -> Result<Self, PluginError> {
        let opened = Self::join(function, seat)?;
        opened.ok_or_else(|| gone(function))
    }

    /// None if the guest is gone.
    pub(super) fn join(
        function: &Arc<Function>,
        seat: Arc<Seat>,
    ) -> Result<Option<Self>, PluginError> {
        let accumulators = {
            let mut instance = seat.instance.lock();
            if instance.is_none() {
                return Ok(None);
            }
            seat.live.fetch_add(1, Ordering::Relaxed);
            let opened = call(function, &mut instance, |instance| {
                instance.accumulators(&function.plugin.host)
            });
            match opened {
                Ok(accumulators) => accumulators,
                Err(error) => {
                    seat.live.fetch_sub(1, Ordering::Relaxed);
                    return Err(error);
                }
            }
        };
        Ok(Some(Self {
            function: function.clone(),
            seat,
            accumulators,
            count: 0,
        }))
    }

    /// How many groups there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of the guest's memory, with all that live in it.
    pub fn memory(&self) -> usize {
        let instance = self.seat.instance.lock();
        instance
            .as_ref()
            .map_or(0, |instance| instance.state().memory.used())
    }

    /// Adds each row to the group whose number `groups` has for it; there are `count` groups from then
    /// on. `columns` are of the types that the function was opened with.
    pub fn update(
        &mut self,
        columns: &[ArrayRef],
        groups: Vec<u32>,
        count: u32,
    ) -> Result<(), PluginError> {
        let rows = self.function.check_columns(columns, groups.len())?;
        let batch = Batch {
            fields: self.function.arguments().clone(),
            columns: columns.to_vec(),
            rows,
        };
        self.add(Adds::Rows, batch, groups, count)
    }

    /// Adds states, columns as [`Accumulators::state`] gives them, each to its group, as
    /// [`Accumulators::update`] does rows.
    pub fn merge(
        &mut self,
        states: &[ArrayRef],
        groups: Vec<u32>,
        count: u32,
    ) -> Result<(), PluginError> {
        let fields = self.function.state().clone();
        let fits = states.len() == fields.len()
            && states.iter().zip(&fields).all(|(column, field)| {
                column.len() == groups.len() && column.data_type() == field.data_type()
            });
        let rows = match u32::try_from(groups.len()) {
            Ok(rows) if fits => rows,
            _ => {
                let types = |types: Vec<String>| types.join(", ");
                return Err(PluginError::WrongArguments {
                    function: self.function.label().to_owned(),
                    expected: format!(
                        "states of ({})",
                        types(fields.iter().map(|f| f.data_type().to_string()).collect())
                    ),
                    got: types(states.iter().map(|s| s.data_type().to_string()).collect()),
                });
            }
        };
        let batch = Batch {
            fields,
            columns: states.to_vec(),
            rows,
        };
        self.add(Adds::States, batch, groups, count)
    }

    /// Takes back rows that were added, of the same groups. The function must
    /// [retract](Function::retracts).
    pub fn retract(&mut self, columns: &[ArrayRef], groups: Vec<u32>) -> Result<(), PluginError> {
        let rows = self.function.check_columns(columns, groups.len())?;
        if rows == 0 {
            return Ok(());
        }
        let batch = Batch {
            fields: self.function.arguments().clone(),
            columns: columns.to_vec(),
            rows,
        };
        let accumulators = self.accumulators;
        self.call(rows as usize, |instance, function| {
            instance.retract(&function.plugin.host, accumulators, batch, groups)
        })
    }

    /// The states of the first `count` groups: [`Function::state`]'s columns, a row a group.
    pub fn state(&mut self, count: u32) -> Result<Vec<ArrayRef>, PluginError> {
        let fields = self.function.state().clone();
        if count == 0 {
            let empty = fields
                .iter()
                .map(|field| new_empty_array(field.data_type()));
            return Ok(empty.collect());
        }
        self.grow(count)?;
        let accumulators = self.accumulators;
        self.call(0, |instance, function| {
            let given = instance.group_states(&function.plugin.host, accumulators, count)?;
            let checked = states(&given, &fields, count);
            checked.map_err(|reason| instance.state().wrong_result(&reason))
        })
    }

    /// The values of the first `count` groups, of the type of [`Function::returns`].
    pub fn evaluate(&mut self, count: u32) -> Result<ArrayRef, PluginError> {
        if count == 0 {
            return Ok(new_empty_array(self.function.returns().data_type()));
        }
        self.grow(count)?;
        let accumulators = self.accumulators;
        self.call(0, |instance, function| {
            let values = instance.group_values(&function.plugin.host, accumulators, count)?;
            let checked = match values.len() {
                given if given != count as usize => {
                    Err(format!("{given} values for {count} groups"))
                }
                _ => adopt(&values, function.returns()),
            };
            checked.map_err(|reason| instance.state().wrong_result(&reason))
        })
    }

    /// Forgets the first `count` groups; the others are numbered from 0 again.
    pub fn forget(&mut self, count: u32) -> Result<(), PluginError> {
        let count = count.min(self.count);
        if count == 0 {
            return Ok(());
        }
        let accumulators = self.accumulators;
        self.call(0, |instance, function| {
            instance.forget(&function.plugin.host, accumulators, count)
        })?;
        self.count -= count;
        Ok(())
    }

    /// The guest has so many groups, or more.
    fn grow(&mut self, count: u32) -> Result<(), PluginError> {
        if count <= self.count {
            return Ok(());
        }
        let arguments = self.function.arguments().clone();
        let none: Vec<_> = arguments
            .iter()
            .map(|field| new_empty_array(field.data_type()))
            .collect();
        self.update(&none, Vec::new(), count)
    }

    fn add(
        &mut self,
        adds: Adds,
        batch: Batch,
        groups: Vec<u32>,
        count: u32,
    ) -> Result<(), PluginError> {
        let count = count.max(self.count);
        if batch.rows == 0 && count == self.count {
            return Ok(());
        }
        // Faster than `max`, which the compiler does not make vector instructions of.
        let group = groups.iter().copied().fold(0, u32::max);
        if group >= count && !groups.is_empty() {
            return Err(PluginError::WrongArguments {
                function: self.function.label().to_owned(),
                expected: format!("groups below {count}"),
                got: format!("the group {group}"),
            });
        }
        let rows = batch.rows as usize;
        let accumulators = self.accumulators;
        self.call(rows, |instance, function| {
            let host = &function.plugin.host;
            if matches!(adds, Adds::Rows) && rows > 0 {
                instance.about(function.next_rows(rows));
            }
            instance.add(host, adds, accumulators, batch, groups, count)
        })?;
        self.count = count;
        Ok(())
    }

    fn call<T>(
        &self,
        rows: usize,
        run: impl FnOnce(&mut Instance, &Function) -> Result<T, PluginError>,
    ) -> Result<T, PluginError> {
        let function = &self.function;
        let mut instance = self.seat.instance.lock();
        call(function, &mut instance, |instance| {
            let given = run(instance, function);
            function.count(instance, rows);
            given
        })
    }
}

/// What a guest gave as states, if it is what it said.
fn states(given: &Batch, fields: &Fields, count: u32) -> Result<Vec<ArrayRef>, String> {
    if given.rows != count {
        return Err(format!("{} states for {count} groups", given.rows));
    }
    if given.fields.len() != fields.len() {
        let (given, wanted) = (given.fields.len(), fields.len());
        return Err(format!("states of {given} columns, not of {wanted}"));
    }
    let columns = given.columns.iter().zip(fields).enumerate();
    columns
        .map(|(index, (column, field))| {
            adopt(column, field).map_err(|reason| format!("column {index} of its states: {reason}"))
        })
        .collect()
}

impl std::fmt::Debug for Accumulators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accumulators")
            .field("function", &self.function.label())
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Drop for Accumulators {
    fn drop(&mut self) {
        let mut place = self.seat.instance.lock();
        let function = &self.function;
        // What the guest says to that is not wanted any more: it is ended, or it goes on.
        let dropped = call(function, &mut place, |instance| {
            instance.drop_accumulators(&function.plugin.host, self.accumulators)
        });
        if let Err(error) = dropped {
            tracing::debug!("groups of {} were not dropped: {error}", function.label());
        }
        if self.seat.live.fetch_sub(1, Ordering::Relaxed) > 1 {
            return;
        }
        if let Some(mut instance) = place.take() {
            match instance.may_go_on() && instance.state().memory.used() <= KEPT_MEMORY {
                true => function.idle.push(instance),
                false => function.plugin.host.retirement.retire(instance, None),
            }
        }
    }
}
