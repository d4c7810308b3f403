//! `user_sessions(…)`: by hand, because it has a parameter.

use wasmill_sdk::{
    Arguments, Batch, Clock, Column, DataType, Error, Field, Keyed, OpenContext, OutputRows,
    Parameter, ProcessFunction, Signature, Slot, TimeUnit, Timers, Timestamp,
};

/// The rows of a key between two pauses.
struct UserSessions {
    /// milliseconds
    gap: i64,
}

/// A session that has not ended: its first and last time, and how many rows it has.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Session {
    started: i64,
    last: i64,
    rows: i64,
}

const TIMER: &str = "gap";

impl Session {
    fn row(self) -> (Timestamp, Timestamp, i64) {
        let time = |milliseconds: i64| Timestamp(milliseconds.saturating_mul(1000));
        (time(self.started), time(self.last), self.rows)
    }
}

impl UserSessions {
    /// Adds a row of a time, and gives the session that it does not belong to, if there is one.
    fn add(&self, open: &mut Option<Session>, time: i64) -> Option<Session> {
        let new = Session {
            started: time,
            last: time,
            rows: 1,
        };
        match open {
            Some(session) if time > session.last.saturating_add(self.gap) => {
                std::mem::replace(session, new).into()
            }
            // One that is too early is a session of its own.
            Some(session) if time < session.started.saturating_sub(self.gap) => Some(new),
            Some(session) => {
                session.started = session.started.min(time);
                session.last = session.last.max(time);
                session.rows += 1;
                None
            }
            None => {
                *open = Some(new);
                None
            }
        }
    }
}

/// What the slots have of each key.
fn read(keyed: &Keyed) -> Result<Vec<Option<Session>>, Error> {
    let slot = |slot| keyed.read(slot).numbers::<i64>();
    let (started, last, rows) = (slot(0)?, slot(1)?, slot(2)?);
    let sessions = started.iter().zip(last.items()).zip(rows.items());
    let sessions = sessions.map(|((started, last), rows)| {
        Some(Session {
            started: started?,
            last: *last,
            rows: *rows,
        })
    });
    Ok(sessions.collect())
}

/// All slots of these keys.
fn write(keyed: &Keyed, keys: &[u32], sessions: &[Option<Session>]) -> Result<(), Error> {
    let column = |of: fn(&Session) -> i64| {
        Column::from_values(sessions.iter().map(|session| session.as_ref().map(of)))
    };
    keyed.write(0, keys, &column(|session| session.started)?);
    keyed.write(1, keys, &column(|session| session.last)?);
    keyed.write(2, keys, &column(|session| session.rows)?);
    Ok(())
}

const COLUMNS: [&str; 3] = ["started", "ended", "rows"];

impl ProcessFunction for UserSessions {
    fn signature() -> Signature {
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        let types = [time.clone(), time, DataType::Int64];
        let columns = COLUMNS.into_iter().zip(types);
        Signature::new("user_sessions")
            .description(
                "The rows of a key between two pauses, once a pause is over: the first and the last \
                 time, and how many rows.",
            )
            .arguments(Arguments::Exact(vec![]))
            .columns(columns.map(|(name, of)| Field::new(name, of)).collect())
            .parameter(
                Parameter::optional("gap", "the longest pause within a session, in milliseconds").default("600000"),
            )
    }

    fn open(context: &OpenContext) -> Result<Self, Error> {
        match context.parsed("gap")?.unwrap_or(600_000) {
            gap @ 1.. => Ok(Self { gap }),
            gap => Err(Error::invalid(format!(
                "the parameter 'gap' is above 0, not {gap}"
            ))),
        }
    }

    fn slots(&self) -> Vec<Slot> {
        let slot = |name| Slot::value(name, DataType::Int64);
        vec![slot("started"), slot("last"), slot("rows")]
    }

    fn batch_eval(&mut self, _rows: &Batch, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        let Some(times) = keyed.times() else {
            return Err(Error::invalid("user_sessions needs the rows' time"));
        };
        let times = times.numbers::<i64>()?;
        let mut open = read(keyed)?;
        let mut ended = Vec::new();
        for ((row, key), time) in (0..).zip(keyed.numbers()).zip(times.items()) {
            let session = self.add(&mut open[key as usize], *time);
            ended.extend(session.map(|session| (row, session.row())));
        }
        let keys: Vec<u32> = (0..open.len() as u32).collect();
        write(keyed, &keys, &open)?;
        let ends = keys.iter().zip(&open);
        let ends = ends.filter_map(|(key, open)| {
            let end = open.as_ref()?.last.saturating_add(self.gap);
            Some((*key, end))
        });
        let (keys, at): (Vec<u32>, Vec<i64>) = ends.unzip();
        keyed.set_timers(Clock::Event, TIMER, &keys, &at);
        Ok(vec![OutputRows::collect(&COLUMNS, ended)?])
    }

    fn on_timers(&mut self, _timers: &Timers, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        let open = read(keyed)?;
        let keys = keyed.numbers();
        let ended = (0..).zip(&keys);
        let ended = ended.filter_map(|(timer, key)| Some((timer, open[*key as usize]?.row())));
        let output = OutputRows::collect(&COLUMNS, ended)?;
        write(keyed, &keys, &vec![None; keys.len()])?;
        Ok(vec![output])
    }
}

wasmill_sdk::plugin!(UserSessions);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_a_session() {
        let sessions = UserSessions { gap: 10 };
        let mut open = None;
        for time in [100, 105, 98] {
            assert_eq!(sessions.add(&mut open, time), None);
        }
        let ended = Session {
            started: 98,
            last: 105,
            rows: 3,
        };
        assert_eq!(open, Some(ended));
        // A pause of 10 is within the session, and one of 11 ends it.
        assert_eq!(sessions.add(&mut open, 116), Some(ended));
        let early = sessions.add(&mut open, 90).unwrap();
        assert_eq!((early.started, early.rows), (90, 1));
        assert_eq!(open.unwrap().started, 116);
    }
}
