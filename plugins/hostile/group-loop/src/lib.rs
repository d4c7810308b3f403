//! Loops in one of the calls of an aggregate function.

use attack::aggregate::{AggregateAttack, states, zeros};
use attack::columns::{Batch, Column};
use attack::types::Error;

struct Loop;

fn loop_in(call: &str, attack: &str) {
    while call == attack {
        std::hint::black_box(());
    }
}

impl AggregateAttack for Loop {
    fn accumulators(attack: &str) {
        loop_in("accumulators", attack);
    }

    fn update(attack: &str, _rows: &Batch) -> Result<(), Error> {
        loop_in("update", attack);
        Ok(())
    }

    fn state(attack: &str, count: u32) -> Result<Batch, Error> {
        loop_in("state", attack);
        Ok(states(zeros(count), count))
    }

    fn evaluate(attack: &str, count: u32) -> Result<Column, Error> {
        loop_in("evaluate", attack);
        Ok(zeros(count))
    }

    fn forget(attack: &str) {
        loop_in("forget", attack);
    }

    fn dropped(attack: &str) {
        loop_in("drop", attack);
    }
}

attack::aggregate::export!(Loop);
