//! Which line of its source a guest's instruction is of: what the line tables in its debug information
//! (DWARF's `.debug_line`) say.
//!
//! A stranger wrote them, so they are read by code of our own, once, when a guest first traps: there is
//! only so much of them, of the steps that it takes, and of what is kept. What cannot be read is left
//! out. Functions' names need none of this: the compiler has those of the module's `name` section.
//!
//! A call of Rust's standard library is often replaced by the function itself (`Option::unwrap`), and
//! its author cares for the line of the call: [`inlined`] has those.

mod bytes;
mod inlined;
mod program;

use std::ops::Range;
use std::sync::OnceLock;

use crate::error::escape;
use inlined::{Inlined, read_inlined};
use program::{Text, read_programs};

/// Bytes of debug information that are kept of a component. What is more is not read.
const MOST_BYTES: usize = 16 << 20;
/// Lines of a module that are replaced by those of calls.
const MOST_REPLACED: usize = 16 << 20;
/// Where Rust's standard library lay when it was built, by how its path begins.
const STANDARD_LIBRARY: [&str; 5] = [
    "/rustc/",
    "/usr/src/rustc-",
    "library/alloc/src/",
    "library/core/src/",
    "library/std/src/",
];
/// Bytes of a path that are told.
const PATH_BYTES: usize = 200;

/// The line tables of a component's modules.
#[derive(Debug, Default)]
pub(crate) struct LineTables {
    modules: Vec<ModuleTables>,
    bytes: usize,
    read: OnceLock<Vec<Lines>>,
}

/// Those of a module, as they stand in it.
#[derive(Debug, Default)]
pub(crate) struct ModuleTables {
    /// Where its code lies in the component's file. Line tables count from its beginning.
    pub code: Range<usize>,
    pub line: Vec<u8>,
    pub line_str: Vec<u8>,
    pub info: Vec<u8>,
    pub abbrev: Vec<u8>,
    pub ranges: Vec<u8>,
    pub rnglists: Vec<u8>,
    pub addr: Vec<u8>,
}

impl ModuleTables {
    /// Keeps a custom section if it is needed.
    pub fn keep(&mut self, name: &str, data: &[u8]) {
        let section = match name {
            ".debug_line" => &mut self.line,
            ".debug_line_str" => &mut self.line_str,
            ".debug_info" => &mut self.info,
            ".debug_abbrev" => &mut self.abbrev,
            ".debug_ranges" => &mut self.ranges,
            ".debug_rnglists" => &mut self.rnglists,
            ".debug_addr" => &mut self.addr,
            _ => return,
        };
        if data.len() <= MOST_BYTES {
            *section = data.to_vec();
        }
    }

    fn bytes(&self) -> usize {
        let calls = [
            &self.info,
            &self.abbrev,
            &self.ranges,
            &self.rnglists,
            &self.addr,
        ];
        let calls: usize = calls.into_iter().map(Vec::len).sum();
        self.line.len() + self.line_str.len() + calls
    }

    /// Without what says which calls were replaced.
    fn without_inlined(self) -> Self {
        Self {
            code: self.code,
            line: self.line,
            line_str: self.line_str,
            ..Self::default()
        }
    }
}

/// Where an instruction is from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `src/lib.rs:12`. Escaped.
    Line(String),
    /// Its function is one of Rust's standard library.
    StandardLibrary,
    Unknown,
}

impl LineTables {
    pub fn add(&mut self, mut module: ModuleTables) {
        if self.bytes + module.bytes() > MOST_BYTES {
            module = module.without_inlined();
        }
        if !module.line.is_empty() && self.bytes + module.bytes() <= MOST_BYTES {
            self.bytes += module.bytes();
            self.modules.push(module);
        }
    }

    /// The source of the instruction at this place of the component's file, in the function that begins
    /// at that one.
    pub fn find(&self, instruction: usize, function: usize) -> Source {
        let read = || self.modules.iter().map(Lines::read).collect();
        let lines = self.read.get_or_init(read);
        let mut modules = self.modules.iter().zip(lines);
        let Some((module, lines)) = modules.find(|(module, _)| module.code.contains(&instruction))
        else {
            return Source::Unknown;
        };
        let address = |offset: usize| offset.checked_sub(module.code.start);
        let places = address(function).zip(address(instruction));
        if places
            .is_some_and(|(function, instruction)| lines.begins_in_library(function, instruction))
        {
            return Source::StandardLibrary;
        }
        let line = address(instruction).and_then(|address| lines.find(module, address));
        line.map_or(Source::Unknown, Source::Line)
    }
}

/// From here to the next one, instructions are of this line.
#[derive(Clone, Copy, Debug)]
struct Row {
    address: u32,
    /// 0: of none.
    line: u32,
    /// Index into [`Lines::files`].
    file: u32,
}

#[derive(Clone, Copy, Debug)]
struct File {
    folder: Option<Text>,
    name: Text,
    in_library: bool,
}

/// The files of a line table.
#[derive(Clone, Copy, Debug)]
struct Table {
    /// Where it begins in its section.
    offset: u64,
    /// Where they begin in [`Lines::files`].
    files: usize,
    /// The number of the first one.
    first: u64,
}

impl Table {
    fn file(&self, number: u64) -> u32 {
        let place = number.checked_sub(self.first);
        let place = place.and_then(|place| place.checked_add(self.files as u64));
        place
            .and_then(|place| u32::try_from(place).ok())
            .unwrap_or(u32::MAX)
    }
}

/// What the tables of a module say, by address.
#[derive(Debug, Default)]
struct Lines {
    rows: Vec<Row>,
    files: Vec<File>,
    tables: Vec<Table>,
}

impl Lines {
    fn read(module: &ModuleTables) -> Self {
        let mut lines = read_programs(module);
        // Where one function ends another may begin: 0 goes before its lines.
        lines.rows.sort_by_key(|row| (row.address, row.line != 0));
        for file in &mut lines.files {
            let path = file.path(module);
            file.in_library = STANDARD_LIBRARY.iter().any(|start| path.starts_with(start));
        }
        lines.replace(&read_inlined(module));
        lines
    }

    /// Gives what stands in the place of a call of the standard library the line of the call; of calls
    /// within each other that of the innermost that is not of the library itself.
    fn replace(&mut self, calls: &[Inlined]) {
        let mut left = MOST_REPLACED;
        for call in calls.iter().rev() {
            let table = self
                .tables
                .binary_search_by_key(&call.table, |table| table.offset);
            let Ok(table) = table.map(|place| self.tables[place]) else {
                continue;
            };
            let file = table.file(call.file);
            let Range { start, end } = call.addresses;
            let first = self.rows.partition_point(|row| row.address < start);
            let rows = self.rows[first..].iter_mut();
            for row in rows.take_while(|row| row.address < end) {
                let Some(rest) = left.checked_sub(1) else {
                    return;
                };
                left = rest;
                let in_library = self
                    .files
                    .get(row.file as usize)
                    .is_some_and(|file| file.in_library);
                if row.line != 0 && in_library {
                    (row.file, row.line) = (file, call.line);
                }
            }
        }
    }

    /// Whether a function's first line, of those up to an instruction of it, is of the standard library.
    fn begins_in_library(&self, function: usize, instruction: usize) -> bool {
        let place = |row: &Row| row.address as usize;
        let first = self.rows.partition_point(|row| place(row) < function);
        let mut rows = self.rows[first..].iter();
        let first = rows.find(|row| row.line != 0 || place(row) > instruction);
        let first = first.filter(|row| place(row) <= instruction);
        let file = first.and_then(|row| self.files.get(row.file as usize));
        file.is_some_and(|file| file.in_library)
    }

    fn find(&self, module: &ModuleTables, address: usize) -> Option<String> {
        let address = u32::try_from(address).ok()?;
        let next = self.rows.partition_point(|row| row.address <= address);
        let row = self.rows.get(next.checked_sub(1)?)?;
        let file = self.files.get(row.file as usize)?;
        if row.line == 0 || file.in_library {
            return None;
        }
        let path = escape(&file.path(module), PATH_BYTES);
        Some(format!("{path}:{}", row.line))
    }
}

impl File {
    fn path(&self, module: &ModuleTables) -> String {
        let text = |text: Text| String::from_utf8_lossy(text.of(module)).into_owned();
        let name = text(self.name);
        match self.folder.map(text) {
            Some(folder) if !folder.is_empty() && !name.starts_with('/') => {
                format!("{folder}/{name}")
            }
            _ => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of version 4: lines 7 and 9 of `src/lib.rs` at 10 and 12, of `b.rs` line 1 at 30; each
    /// function has 20 bytes.
    fn table() -> Vec<u8> {
        table_with("b.rs")
    }

    fn table_with(second: &str) -> Vec<u8> {
        let header = [
            &[1, 1, 1, 0xfb, 14, 13][..],
            &[0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1],
            b"src\0\0",
            b"lib.rs\0\x01\0\0",
            second.as_bytes(),
            b"\0\0\0\0",
            b"\0",
        ]
        .concat();
        let program = [
            // The address 10, 6 lines on, a row.
            &[0, 5, 2, 10, 0, 0, 0, 3, 6, 1][..],
            // 2 bytes and 2 lines on by a special opcode, a row.
            &[13 + (2 + 5) + 14 * 2],
            // 18 bytes on, the end.
            &[2, 18, 0, 1, 1],
            // The second function.
            &[0, 5, 2, 30, 0, 0, 0, 4, 2, 1, 2, 20, 0, 1, 1],
            // One that the linker has left out.
            &[0, 5, 2, 0, 0, 0, 0, 1, 2, 100, 0, 1, 1],
        ]
        .concat();
        let mut table = vec![4, 0];
        table.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
        table.extend(header);
        table.extend(program);
        let mut with_length = u32::try_from(table.len()).unwrap().to_le_bytes().to_vec();
        with_length.extend(table);
        with_length
    }

    fn tables(line: Vec<u8>, line_str: &[u8]) -> LineTables {
        let mut tables = LineTables::default();
        tables.add(ModuleTables {
            code: 1000..1100,
            line,
            line_str: line_str.to_vec(),
            ..ModuleTables::default()
        });
        tables
    }

    fn found(tables: &LineTables, addresses: &[usize]) -> String {
        let lines =
            addresses.iter().map(
                |address| match tables.find(1000 + address, 1000 + address) {
                    Source::Line(line) => format!("{address} {line}\n"),
                    Source::StandardLibrary => format!("{address} library\n"),
                    Source::Unknown => format!("{address} -\n"),
                },
            );
        lines.collect()
    }

    #[test]
    fn an_instruction_has_the_line_of_the_row_before_it() {
        let tables = tables(table(), b"");
        expect_test::expect![[r#"
            9 -
            10 src/lib.rs:7
            11 src/lib.rs:7
            12 src/lib.rs:9
            29 src/lib.rs:9
            30 b.rs:1
            49 b.rs:1
            50 -
            99 -
            200 -
        "#]]
        .assert_eq(&found(&tables, &[9, 10, 11, 12, 29, 30, 49, 50, 99, 200]));
    }

    /// Version 5 has names elsewhere, and says in which form they are.
    #[test]
    fn tables_of_version_5() {
        let header = [
            &[1, 1, 1, 0xfb, 14, 13][..],
            &[0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1],
            // Folders: paths as offsets into the other section.
            &[1, 1, 0x1f, 1, 0, 0, 0, 0],
            // Files: a path, the number of its folder, an MD5.
            &[3, 1, 0x1f, 2, 0x0b, 5, 0x1e, 1, 3, 0, 0, 0, 0],
            &[0xab; 16],
        ]
        .concat();
        let program = [0, 5, 2, 10, 0, 0, 0, 4, 0, 3, 2, 1, 2, 20, 0, 1, 1];
        let mut table = vec![5, 0, 4, 0];
        table.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
        table.extend(header);
        table.extend(program);
        let mut line = u32::try_from(table.len()).unwrap().to_le_bytes().to_vec();
        line.extend(table);
        let tables = tables(line, b"/x\0a\x1b.zig\0");
        expect_test::expect![[r#"
            9 -
            10 /x/a\x1b.zig:3
        "#]]
        .assert_eq(&found(&tables, &[9, 10]));
    }

    /// A format whose entries take no bytes would have any number of them.
    #[test]
    fn names_without_bytes_are_not_read() {
        let mut table = vec![5, 0, 4, 0];
        let header = [
            &[1, 1, 1, 0xfb, 14, 1, 1, 1, 0x19][..],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0],
        ]
        .concat();
        table.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
        table.extend(header);
        let mut line = u32::try_from(table.len()).unwrap().to_le_bytes().to_vec();
        line.extend(table);
        assert_eq!(found(&tables(line, b""), &[10]), "10 -\n");
    }

    /// A unit of version 4 with one call, on line 42 of the file 1, between 30 and 50.
    fn with_call(abbrev: &[u8], info: &[u8]) -> LineTables {
        let mut tables = LineTables::default();
        tables.add(ModuleTables {
            code: 1000..1100,
            line: table_with("library/core/src/option.rs"),
            abbrev: abbrev.to_vec(),
            info: info.to_vec(),
            ..ModuleTables::default()
        });
        tables
    }

    const ABBREV: [u8; 23] = [
        1, 0x11, 1, 0x10, 0x17, 0x11, 0x01, 0, 0, //
        2, 0x1d, 0, 0x11, 0x01, 0x12, 0x06, 0x58, 0x0b, 0x59, 0x0b, 0, 0, 0,
    ];
    const INFO: [u8; 32] = [
        28, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4, //
        1, 0, 0, 0, 0, 0, 0, 0, 0, //
        2, 30, 0, 0, 0, 20, 0, 0, 0, 1, 42, 0,
    ];

    #[test]
    fn a_call_of_the_standard_library_has_the_line_of_its_caller() {
        assert_eq!(
            found(&with_call(&[], &[]), &[12, 30]),
            "12 src/lib.rs:9\n30 library\n"
        );
        let tables = with_call(&ABBREV, &INFO);
        assert_eq!(
            found(&tables, &[12, 30, 49]),
            "12 src/lib.rs:9\n30 src/lib.rs:42\n49 src/lib.rs:42\n"
        );
    }

    #[test]
    fn whatever_is_said_of_calls_it_is_read_to_an_end() {
        for value in [0, 1, 0x55, 0x7f, 0x80, 0xff] {
            for place in 0..INFO.len() {
                let mut changed = INFO;
                changed[place] = value;
                let _ = found(&with_call(&ABBREV, &changed), &[0, 10, 30]);
            }
            for place in 0..ABBREV.len() {
                let mut changed = ABBREV;
                changed[place] = value;
                let _ = found(&with_call(&changed, &INFO), &[0, 10, 30]);
            }
        }
    }

    #[test]
    fn whatever_a_table_says_it_is_read_to_an_end() {
        let table = table();
        for place in 0..table.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = table.clone();
                changed[place] = value;
                let _ = found(&tables(changed, b""), &[0, 10, 30]);
            }
            let _ = found(&tables(table[..place].to_vec(), b""), &[0, 10, 30]);
        }
    }
}
