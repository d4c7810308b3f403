//! `docs/connectors.md` is made of what the connectors say of themselves.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;

use expect_test::expect_file;
use wasmill_connectors::{ConnectorOption, connectors, formats};

#[test]
fn the_page_is_up_to_date() {
    let mut page = String::from(
        "# Connectors and formats\n\n\
         Option keys and their meaning are Flink's; what is ours says so. An unknown key is an error \
         that names the nearest known one. This page is made by a test of `host/connectors`: \
         `UPDATE_EXPECT=1 cargo test -p wasmill-connectors --test reference` renews it.\n",
    );
    for connector in connectors() {
        let side = match (connector.source, connector.sink) {
            (true, true) => "source and sink",
            (true, false) => "source",
            _ => "sink",
        };
        write!(page, "\n## {}\n\nA {side}.", connector.name).unwrap();
        if !connector.formats.is_empty() {
            write!(page, " Formats: {}.", connector.formats.join(", ")).unwrap();
        }
        if !connector.metadata.is_empty() {
            let keys: Vec<_> = connector
                .metadata
                .iter()
                .map(|key| format!("`{key}`"))
                .collect();
            write!(page, " Metadata columns: {}.", keys.join(", ")).unwrap();
        }
        page.push('\n');
        table(&mut page, connector.options);
    }
    for format in formats() {
        write!(page, "\n## Format {}\n", format.name).unwrap();
        table(&mut page, format.options);
    }
    expect_file!["../../../docs/connectors.md"].assert_eq(&page);
}

fn table(page: &mut String, options: &[ConnectorOption]) {
    if options.is_empty() {
        page.push_str("\nNo options.\n");
        return;
    }
    page.push_str("\n| option | default | meaning |\n|---|---|---|\n");
    for option in options {
        let default = option
            .default
            .map_or("–".to_owned(), |default| format!("`{default}`"));
        writeln!(
            page,
            "| `{}` | {default} | {} |",
            option.key, option.description
        )
        .unwrap();
    }
}
