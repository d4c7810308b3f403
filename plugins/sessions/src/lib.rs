//! `user_sessions(…)`, `running_total(amount)`, `new_items(item)` and `alerts(category, amount)`: what a
//! key's rows are one behind another.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod user_sessions;

use std::collections::HashMap;

use wasmill_sdk::{Call, Map, SideOutput, State, process};

#[derive(Default, State)]
struct RunningTotal {
    total: f64,
    rows: i64,
}

/// The sum and the number of the key's amounts so far.
#[process(columns(total, rows))]
impl RunningTotal {
    fn eval(&mut self, amount: f64) -> Option<(f64, i64)> {
        self.total += amount;
        self.rows += 1;
        Some((self.total, self.rows))
    }
}

#[derive(Default, State)]
struct NewItems {
    /// How often each was there.
    #[state(ttl = "1 d")]
    seen: Map<String, i64>,
}

/// The items that the key has not had for a day, by the machine's clock, with how many others it has
/// had.
#[process(columns(item, others))]
impl NewItems {
    fn eval(&mut self, item: &str) -> Option<(String, i64)> {
        if let Some(times) = self.seen.get_mut(item) {
            *times += 1;
            return None;
        }
        let others = self.seen.len() as i64;
        self.seen.insert(item.to_owned(), 1);
        Some((item.to_owned(), others))
    }
}

static UNKNOWN: SideOutput<(String, f64)> = SideOutput::new("unknown", ["category", "amount"]);

#[derive(Default, State)]
struct Alerts {
    alerts: i64,
}

/// The amounts that are above the highest of their category, numbered by key. The broadcast table says
/// the highest of each category, the last row of a category counts. Rows of another category go to the
/// side output `unknown`.
#[process(columns(category, amount, above, number), side_outputs(UNKNOWN))]
impl Alerts {
    fn broadcast(category: String, highest: f64) -> (String, f64) {
        (category, highest)
    }

    fn eval(
        &mut self,
        call: &mut Call<HashMap<String, f64>>,
        category: &str,
        amount: f64,
    ) -> Option<(String, f64, f64, i64)> {
        let Some(highest) = call.broadcast().get(category) else {
            call.give(&UNKNOWN, (category.to_owned(), amount));
            return None;
        };
        if amount <= *highest {
            return None;
        }
        self.alerts += 1;
        Some((category.to_owned(), amount, amount - highest, self.alerts))
    }
}

#[cfg(test)]
mod tests {
    use wasmill_sdk::At;

    use super::*;

    #[test]
    fn an_item_is_new_once() {
        let mut items = NewItems::default();
        assert_eq!(items.eval("a"), Some(("a".to_owned(), 0)));
        assert_eq!(items.eval("b"), Some(("b".to_owned(), 1)));
        assert_eq!(items.eval("a"), None);
    }

    #[test]
    fn amounts_are_measured_by_their_category() {
        let at = At {
            side_outputs: vec![UNKNOWN.declared()],
            ..At::default()
        };
        let highest = HashMap::from([("books".to_owned(), 50.0)]);
        let mut call = Call::of(&at, &highest);
        let mut alerts = Alerts::default();
        assert_eq!(alerts.eval(&mut call, "books", 50.0), None);
        assert_eq!(alerts.eval(&mut call, "cars", 5000.0), None);
        let alert = ("books".to_owned(), 80.0, 30.0, 1);
        assert_eq!(alerts.eval(&mut call, "books", 80.0), Some(alert));
    }
}
