//! The line number programs of a `.debug_line` section, versions 2 to 5 of DWARF.

use super::bytes::Bytes;
use super::{File, Lines, ModuleTables, Row, Table};

/// Of a module. Its other rows, and files, are left out.
const MOST_ROWS: usize = 1 << 20;
const MOST_FILES: usize = 1 << 18;
/// Bytes of a text that are looked at.
const LONGEST_TEXT: usize = 1 << 10;

/// Where a text begins, which ends with a byte 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    section: Section,
    start: u32,
}

#[derive(Clone, Copy, Debug)]
enum Section {
    Line,
    LineStr,
}

impl Text {
    pub fn of(self, module: &ModuleTables) -> &[u8] {
        let section = match self.section {
            Section::Line => &module.line,
            Section::LineStr => &module.line_str,
        };
        let text = section.get(self.start as usize..).unwrap_or_default();
        let text = &text[..text.len().min(LONGEST_TEXT)];
        text.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

/// Reads all programs; one that cannot be read has the rows before that place.
pub(super) fn read_programs(module: &ModuleTables) -> Lines {
    let mut reading = Reading {
        section: module.line.len(),
        lines: Lines::default(),
    };
    let mut section = Bytes(&module.line);
    while !section.is_empty() && reading.next(&mut section).is_some() {}
    reading.lines
}

struct Reading {
    /// Bytes of the whole section.
    section: usize,
    lines: Lines,
}

/// What a program's header says of the program.
struct Header {
    minimum_length: u64,
    line_base: i8,
    line_range: u8,
    /// Operands of each standard opcode, from 1.
    operands: Vec<u8>,
    table: Table,
}

/// The kinds of what version 5 says of a file.
const PATH: u64 = 1;
const FOLDER: u64 = 2;

impl Reading {
    /// Reads a program. None if it does not say where it ends.
    fn next(&mut self, section: &mut Bytes<'_>) -> Option<()> {
        let offset = (self.section - section.0.len()) as u64;
        let (mut program, word) = section.part()?;
        let rest = section.0.len();
        if let Some(header) = self.header(&mut program, word, rest, offset) {
            self.lines.tables.push(header.table);
            self.run(&header, program);
        }
        Some(())
    }

    /// What is left of `program` is the program itself. `behind` are the section's bytes behind it.
    fn header(
        &mut self,
        program: &mut Bytes<'_>,
        word: usize,
        behind: usize,
        offset: u64,
    ) -> Option<Header> {
        let version = program.number(2)?;
        if !(2..=5).contains(&version) {
            return None;
        }
        if version == 5 {
            program.take(2)?;
        }
        let length = program.number(word)?;
        let mut header = program.split(length)?;
        let behind = behind + program.0.len();
        let minimum_length = u64::from(header.u8()?);
        if version >= 4 {
            header.u8()?;
        }
        header.u8()?;
        let (line_base, line_range) = (header.u8()?.cast_signed(), header.u8()?);
        let opcodes = header.u8()?;
        let operands = header.take(usize::from(opcodes).checked_sub(1)?)?.to_vec();
        if line_range == 0 {
            return None;
        }
        let files = self.lines.files.len();
        let first = match version {
            5 => {
                let folders = self.entries(&mut header, word, behind)?;
                for (name, folder) in self.entries(&mut header, word, behind)? {
                    let folder = usize::try_from(folder).ok();
                    let folder = folder.and_then(|index| folders.get(index));
                    self.lines.files.push(File {
                        folder: folder.map(|(folder, _)| *folder),
                        name,
                        in_library: false,
                    });
                }
                0
            }
            _ => {
                self.files(&mut header, behind)?;
                1
            }
        };
        Some(Header {
            minimum_length,
            line_base,
            line_range,
            operands,
            table: Table {
                offset,
                files,
                first,
            },
        })
    }

    /// The next text of a header.
    fn text(&self, header: &mut Bytes<'_>, behind: usize) -> Option<(Text, bool)> {
        let start = self.section - behind - header.0.len();
        let text = header.text()?;
        let text_at = Text {
            section: Section::Line,
            start: u32::try_from(start).ok()?,
        };
        Some((text_at, text.is_empty()))
    }

    /// Folders and files, before version 5. The folder 0 is that of the compilation.
    fn files(&mut self, header: &mut Bytes<'_>, behind: usize) -> Option<()> {
        let mut folders = Vec::new();
        loop {
            match self.text(header, behind)? {
                (_, true) => break,
                (folder, false) => folders.push(folder),
            }
        }
        loop {
            let (name, is_end) = self.text(header, behind)?;
            if is_end {
                return Some(());
            }
            let folder = usize::try_from(header.unsigned()?).ok()?;
            header.unsigned()?;
            header.unsigned()?;
            let folder = folder.checked_sub(1).and_then(|index| folders.get(index));
            if self.lines.files.len() >= MOST_FILES {
                return None;
            }
            self.lines.files.push(File {
                folder: folder.copied(),
                name,
                in_library: false,
            });
        }
    }

    /// Folders or files of version 5: their paths, and the numbers of their folders.
    fn entries(
        &self,
        header: &mut Bytes<'_>,
        word: usize,
        behind: usize,
    ) -> Option<Vec<(Text, u64)>> {
        let mut format = Vec::new();
        for _ in 0..header.u8()? {
            format.push((header.unsigned()?, header.unsigned()?));
        }
        let count = header.unsigned()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let (mut path, mut folder) = (None, 0);
            for (kind, form) in &format {
                // Each takes up bytes, so there are no more entries than bytes.
                match form {
                    0x08 => path = Some(self.text(header, behind)?.0),
                    0x1f => {
                        let start = u32::try_from(header.number(word)?).ok()?;
                        if *kind == PATH {
                            let section = Section::LineStr;
                            path = Some(Text { section, start });
                        }
                    }
                    0x0b | 0x05 | 0x06 | 0x07 | 0x0f => {
                        let number = match form {
                            0x0b => header.number(1)?,
                            0x05 => header.number(2)?,
                            0x06 => header.number(4)?,
                            0x07 => header.number(8)?,
                            _ => header.unsigned()?,
                        };
                        if *kind == FOLDER {
                            folder = number;
                        }
                    }
                    0x1e => drop(header.take(16)?),
                    _ => return None,
                }
            }
            if self.lines.files.len() + entries.len() >= MOST_FILES {
                return None;
            }
            entries.push((path?, folder));
        }
        Some(entries)
    }

    /// Adds the rows of a program, up to the first thing in it that is wrong.
    fn run(&mut self, header: &Header, mut program: Bytes<'_>) {
        let mut machine = Machine::new(header);
        while !program.is_empty() && self.lines.rows.len() < MOST_ROWS {
            let step = machine.step(&mut program, &mut self.lines.rows);
            if step.is_none() {
                return;
            }
        }
    }
}

/// The registers of DWARF's line number machine that matter here.
struct Machine<'a> {
    header: &'a Header,
    address: u64,
    file: u64,
    line: u64,
    /// Of a function that the linker has left out: its address says nothing.
    is_gone: bool,
}

impl<'a> Machine<'a> {
    fn new(header: &'a Header) -> Self {
        Self {
            header,
            address: 0,
            file: 1,
            line: 1,
            is_gone: false,
        }
    }

    fn step(&mut self, program: &mut Bytes<'_>, rows: &mut Vec<Row>) -> Option<()> {
        let opcode = program.u8()?;
        let standard = usize::from(opcode).checked_sub(1);
        match (
            opcode,
            standard.map(|index| self.header.operands.get(index)),
        ) {
            (_, None) => self.extended(program, rows)?,
            // Behind the standard ones.
            (_, Some(None)) => {
                let special = opcode - self.header.operands.len() as u8 - 1;
                self.advance(u64::from(special / self.header.line_range));
                let lines = i64::from(special % self.header.line_range);
                self.add_lines(i64::from(self.header.line_base) + lines);
                self.row(rows);
            }
            (1, _) => self.row(rows),
            (2, _) => self.advance(program.unsigned()?),
            (3, _) => self.add_lines(program.signed()?),
            (4, _) => self.file = program.unsigned()?,
            (8, _) => {
                let special = 255 - self.header.operands.len() as u8 - 1;
                self.advance(u64::from(special / self.header.line_range));
            }
            (9, _) => self.address = self.address.wrapping_add(program.number(2)?),
            (_, Some(Some(operands))) => {
                for _ in 0..*operands {
                    program.unsigned()?;
                }
            }
        }
        Some(())
    }

    fn extended(&mut self, program: &mut Bytes<'_>, rows: &mut Vec<Row>) -> Option<()> {
        let length = program.unsigned()?;
        let mut operation = program.split(length)?;
        match operation.u8()? {
            1 => {
                self.line = 0;
                self.row(rows);
                *self = Self::new(self.header);
            }
            2 => {
                self.address = operation.number(operation.0.len())?;
                self.is_gone = self.address == 0 || self.address >= u64::from(u32::MAX) - 1;
            }
            _ => {}
        }
        Some(())
    }

    fn advance(&mut self, instructions: u64) {
        let bytes = instructions.wrapping_mul(self.header.minimum_length);
        self.address = self.address.wrapping_add(bytes);
    }

    fn add_lines(&mut self, lines: i64) {
        self.line = self.line.wrapping_add_signed(lines);
    }

    fn row(&self, rows: &mut Vec<Row>) {
        let address = u32::try_from(self.address);
        if let (Ok(address), false) = (address, self.is_gone) {
            rows.push(Row {
                address,
                line: u32::try_from(self.line).unwrap_or(0),
                file: self.header.table.file(self.file),
            });
        }
    }
}
