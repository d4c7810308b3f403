//! Any text is a job file or an error that points into the text; a type is read as it is written.

#![no_main]

use std::thread;

use libfuzzer_sys::fuzz_target;
use wasmill_sql::{
    Location, Script, SqlError, flink_type, parse, parse_duration, parse_memory_size,
    parse_type_text,
};

/// As the program gives its threads: a long chain of operators is a deep tree.
const STACK: usize = 64 << 20;

fuzz_target!(|text: &str| {
    thread::scope(|scope| {
        let parsing = thread::Builder::new().stack_size(STACK);
        let parsing = parsing.spawn_scoped(scope, || read(text));
        parsing.expect("a thread starts");
    });
});

fn read(text: &str) {
    let script = Script::new("job.sql", text);
    match parse(&script) {
        Ok((statements, _)) => {
            for parsed in &statements {
                let place = script.location(parsed.span);
                check_place(text, &place.expect("a statement has a place"));
            }
        }
        Err(error) => check_error(text, &error),
    }
    if let Some(declared) = parse_type_text(text) {
        let again = parse_type_text(&declared.text).expect("a type's own text is a type");
        assert_eq!(again.data_type, declared.data_type, "{}", declared.text);
        let name = flink_type(&declared.data_type);
        let again = parse_type_text(&name).expect("the name of a type is a type");
        assert_eq!(flink_type(&again.data_type), name);
    }
    let _ = (parse_duration(text), parse_memory_size(text));
}

fn check_error(text: &str, error: &SqlError) {
    let place = error.location.as_deref();
    check_place(text, place.expect("an error of a job file has a place"));
    let unprintable = error
        .message
        .chars()
        .find(|character| character.is_control());
    assert_eq!(unprintable, None, "in {:?}", error.message);
    assert!(error.to_string().starts_with(&error.message));
}

/// A place is in the text, or just behind a line of it.
fn check_place(text: &str, place: &Location) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text.split('\n').nth(place.line - 1);
    let line = line.map(|line| line.trim_end_matches('\r'));
    assert_eq!(line, Some(place.source_line.as_str()), "{place:?}");
    let columns = place.source_line.chars().count() + 1;
    assert!((1..=columns).contains(&place.column), "{place:?}");
    assert!(place.length >= 1, "{place:?}");
}
