//! What `#[process]` makes of types.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use expect_test::expect;
use wasmill_sdk::private::RowByRow;
use wasmill_sdk::{
    Arguments, At, Call, Field, List, Map, OpenContext, ProcessFunction, SideOutput, State, process,
};

#[derive(Default, State)]
struct Visits {
    count: i64,
    last: Option<i64>,
    #[state(ttl = "1 h")]
    pages: Map<String, i64>,
    recent: List<String>,
}

/// A row for each visit,
/// and one when nobody has come for ten minutes.
#[process(columns(event, count))]
impl Visits {
    fn eval(&mut self, call: &mut Call, page: &str, at: Option<i64>) -> Option<(String, i64)> {
        self.count += 1;
        self.last = at;
        *self.pages.or_default(page.to_owned()) += 1;
        self.recent.push(page.to_owned());
        call.set_timer("idle", call.time().unwrap_or_default() + 600_000);
        Some((page.to_owned(), self.count))
    }

    fn on_timer(&mut self, call: &mut Call, timer: &str) -> Vec<(String, i64)> {
        call.clear_timer("other");
        let row = (timer.to_owned(), self.count);
        *self = Self::default();
        vec![row]
    }
}

static UNKNOWN: SideOutput<(String, f64)> = SideOutput::new("unknown", ["name", "amount"]);

#[derive(Default, State)]
struct Above {
    seen: bool,
}

#[process(
    name = "above_limit",
    description = "Above.",
    side_outputs(UNKNOWN),
    volatile
)]
impl Above {
    fn broadcast(name: String, limit: f64) -> (String, f64) {
        (name, limit)
    }

    fn eval(
        &mut self,
        call: &mut Call<HashMap<String, f64>>,
        name: &str,
        amount: f64,
    ) -> Result<Option<f64>, String> {
        if amount < 0.0 {
            return Err(format!("{amount} is negative"));
        }
        let Some(limit) = call.broadcast().get(name) else {
            call.give(&UNKNOWN, (name.to_owned(), amount));
            return Ok(None);
        };
        self.seen = true;
        Ok((amount > *limit).then_some(amount))
    }
}

#[derive(Default, State)]
struct Borrowing {
    texts: List<String>,
}

/// Rows may borrow of the state and of the arguments.
#[process(columns(text, length))]
impl Borrowing {
    fn eval<'a>(&'a mut self, text: &'a str) -> impl Iterator<Item = (&'a str, i64)> {
        self.texts.push(text.to_owned());
        let kept = self.texts.iter().map(String::as_str);
        kept.chain([text]).map(|text| (text, text.len() as i64))
    }
}

#[derive(Default, State)]
struct Late {
    count: u64,
}

#[process]
impl Late {
    fn eval(&mut self, call: &mut Call) {
        self.count += 1;
        call.set_processing_timer("tick", call.now() + 1);
    }

    fn on_timer(&mut self) -> Option<u64> {
        Some(self.count)
    }
}

fn shown<S>() -> String
where
    RowByRow<S>: ProcessFunction,
{
    let signature = RowByRow::<S>::signature();
    let function = RowByRow::<S>::open(&OpenContext::default()).unwrap();
    let types = |fields: &[Field]| {
        let fields = fields.iter();
        let fields = fields.map(|field| format!("{} {:?}", field.name, field.data_type));
        fields.collect::<Vec<_>>().join(", ")
    };
    let Arguments::Exact(arguments) = &signature.arguments else {
        panic!("a typed function has exact arguments");
    };
    let sides = function.side_outputs();
    let sides = sides
        .iter()
        .map(|side| format!("{}({})", side.name, types(&side.columns)));
    let slots = function.slots().into_iter();
    let slots = slots.map(|slot| format!("\n  {} {:?}, ttl {:?}", slot.name, slot.kind, slot.ttl));
    format!(
        "{}({}) → ({}), {}, '{}', beside {:?}, broadcast {:?}{}",
        signature.name,
        types(arguments),
        types(&signature.returns.unwrap()),
        signature.deterministic,
        signature.description,
        sides.collect::<Vec<_>>(),
        function.broadcast().map(|fields| types(&fields)),
        slots.collect::<String>(),
    )
}

#[test]
fn a_signature_is_what_the_methods_say() {
    let signatures = [
        shown::<Visits>(),
        shown::<Above>(),
        shown::<Borrowing>(),
        shown::<Late>(),
    ];
    expect![[r#"
        visits(page Utf8, at Int64) → (event Utf8, count Int64), true, 'A row for each visit, and one when nobody has come for ten minutes.', beside [], broadcast None
          count Value(Int64), ttl None
          last Value(Int64), ttl None
          pages Map(Utf8, Int64), ttl Some(3600s)
          recent List(Utf8), ttl None
        above_limit(name Utf8, amount Float64) → (above_limit Float64), false, 'Above.', beside ["unknown(name Utf8, amount Float64)"], broadcast Some("name Utf8, limit Float64")
          seen Value(Boolean), ttl None
        borrowing(text Utf8) → (text Utf8, length Int64), true, 'Rows may borrow of the state and of the arguments.', beside [], broadcast None
          texts List(Utf8), ttl None
        late() → (late UInt64), true, '', beside [], broadcast None
          count Value(UInt64), ttl None"#]].assert_eq(&signatures.join("\n"));
}

#[test]
fn the_methods_keep_working() {
    let at = At::time(5);
    let mut call = Call::of(&at, &());
    let mut visits = Visits::default();
    assert_eq!(
        visits.eval(&mut call, "/", Some(1)),
        Some(("/".to_owned(), 1))
    );
    assert_eq!(call.timer("idle"), Some(600_005));
    assert_eq!(visits.on_timer(&mut call, "idle"), [("idle".to_owned(), 1)]);
    assert_eq!(
        (visits.count, visits.pages.len(), visits.recent.len()),
        (0, 0, 0)
    );

    let limits = HashMap::from([("a".to_owned(), 2.0)]);
    let at = At {
        side_outputs: vec![UNKNOWN.declared()],
        ..At::default()
    };
    let mut call = Call::of(&at, &limits);
    let mut above = Above::default();
    assert_eq!(above.eval(&mut call, "a", 3.0), Ok(Some(3.0)));
    assert_eq!(above.eval(&mut call, "b", 3.0), Ok(None));
    assert_eq!(
        above.eval(&mut call, "a", -1.0),
        Err("-1 is negative".to_owned())
    );
}
