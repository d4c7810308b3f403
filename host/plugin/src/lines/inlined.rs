//! Which calls a compiler has replaced by the functions that they call: of the instructions between two
//! addresses, the line of the call. From `.debug_info`, versions 4 and 5 of DWARF.
//!
//! Parts of it refer to others, so that a small section could mean any amount of work: every attribute
//! and every range that is read is counted, and there is an end to that.

use std::collections::HashMap;
use std::ops::Range;

use super::ModuleTables;
use super::bytes::Bytes;

/// A call whose function stands in its place. Those of an outer one come behind it.
#[derive(Debug)]
pub(super) struct Inlined {
    pub addresses: Range<u32>,
    /// Where its unit's line table begins, and which of the table's files it is.
    pub table: u64,
    pub file: u64,
    pub line: u32,
}

/// What is read of a module.
const MOST_STEPS: u32 = 8 << 20;
/// Calls of a module, and attributes that a unit's kinds of entries have.
const MOST_CALLS: usize = 1 << 18;
const MOST_ATTRIBUTES: usize = 1 << 16;

/// Reads all units; what cannot be read is left out, with all behind it.
pub(super) fn read_inlined(module: &ModuleTables) -> Vec<Inlined> {
    let mut reading = Reading {
        module,
        steps: MOST_STEPS,
        found: Vec::new(),
    };
    let mut section = Bytes(&module.info);
    while !section.is_empty() && reading.unit(&mut section).is_some() {}
    reading.found
}

struct Reading<'a> {
    module: &'a ModuleTables,
    steps: u32,
    found: Vec<Inlined>,
}

/// How the numbers of a unit are written.
#[derive(Clone, Copy)]
struct Encoding {
    version: u64,
    word: usize,
}

/// What an entry of a kind has: names of attributes, their forms, and numbers that stand for all.
struct Kind {
    tag: u64,
    attributes: Vec<(u64, u64, u64)>,
}

const COMPILE_UNIT: u64 = 0x11;
const INLINED_SUBROUTINE: u64 = 0x1d;

/// What is known of a unit.
#[derive(Default)]
struct Unit {
    line_table: u64,
    low: u64,
    ranges_base: u64,
    addresses_base: u64,
}

/// What an entry says of itself, as far as it matters here.
#[derive(Default)]
struct Entry {
    low: Option<Address>,
    high: Option<(u64, bool)>,
    ranges: Option<(u64, bool)>,
    line_table: u64,
    ranges_base: u64,
    addresses_base: u64,
    file: u64,
    line: u64,
}

#[derive(Clone, Copy)]
enum Address {
    At(u64),
    /// In `.debug_addr`.
    Index(u64),
}

impl Reading<'_> {
    fn step(&mut self) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        Some(())
    }

    /// Reads a unit. None if no other can be found behind it.
    fn unit(&mut self, section: &mut Bytes<'_>) -> Option<()> {
        let (mut unit, word) = section.part()?;
        let version = unit.number(2)?;
        let encoding = Encoding { version, word };
        let (abbreviations, address_size) = match version {
            4 => (unit.number(word)?, unit.u8()?),
            5 => {
                let (kind, address_size) = (unit.u8()?, unit.u8()?);
                // Only what stands in the module itself.
                if kind != 1 {
                    return Some(());
                }
                (unit.number(word)?, address_size)
            }
            _ => return Some(()),
        };
        if address_size == 4 {
            let kinds = self.kinds(abbreviations)?;
            self.entries(encoding, &kinds, unit);
        }
        (self.steps > 0 && self.found.len() < MOST_CALLS).then_some(())
    }

    fn kinds(&mut self, offset: u64) -> Option<HashMap<u64, Kind>> {
        let section = self.module.abbrev.get(usize::try_from(offset).ok()?..)?;
        let mut bytes = Bytes(section);
        let mut kinds = HashMap::new();
        let mut left = MOST_ATTRIBUTES;
        loop {
            self.step()?;
            let number = bytes.unsigned()?;
            if number == 0 {
                return Some(kinds);
            }
            let tag = bytes.unsigned()?;
            bytes.u8()?;
            let mut attributes = Vec::new();
            loop {
                self.step()?;
                left = left.checked_sub(1)?;
                let (name, form) = (bytes.unsigned()?, bytes.unsigned()?);
                let implicit = match form {
                    0x21 => bytes.signed()?.cast_unsigned(),
                    _ => 0,
                };
                if (name, form) == (0, 0) {
                    break;
                }
                attributes.push((name, form, implicit));
            }
            kinds.insert(number, Kind { tag, attributes });
        }
    }

    /// None where they cannot be read on.
    fn entries(
        &mut self,
        encoding: Encoding,
        kinds: &HashMap<u64, Kind>,
        mut bytes: Bytes<'_>,
    ) -> Option<()> {
        let mut unit = Unit::default();
        while !bytes.is_empty() {
            self.step()?;
            let number = bytes.unsigned()?;
            if number == 0 {
                continue;
            }
            let kind = kinds.get(&number)?;
            let mut entry = Entry::default();
            for (name, form, implicit) in &kind.attributes {
                self.step()?;
                let value = value(&mut bytes, encoding, *form, *implicit)?;
                entry.set(*name, *form, value);
            }
            match kind.tag {
                COMPILE_UNIT => {
                    unit = Unit {
                        line_table: entry.line_table,
                        low: 0,
                        ranges_base: entry.ranges_base,
                        addresses_base: entry.addresses_base,
                    };
                    unit.low = self.address(&unit, entry.low).unwrap_or(0);
                }
                INLINED_SUBROUTINE => {
                    self.inlined(encoding, &unit, &entry)?;
                }
                _ => {}
            }
        }
        Some(())
    }

    fn address(&self, unit: &Unit, address: Option<Address>) -> Option<u64> {
        match address? {
            Address::At(address) => Some(address),
            Address::Index(index) => {
                let place = unit.addresses_base.checked_add(index.checked_mul(4)?)?;
                let section = self.module.addr.get(usize::try_from(place).ok()?..)?;
                Bytes(section).number(4)
            }
        }
    }

    fn inlined(&mut self, encoding: Encoding, unit: &Unit, entry: &Entry) -> Option<()> {
        let add = |found: &mut Vec<Inlined>, start: u64, end: u64| {
            let (start, end) = (u32::try_from(start), u32::try_from(end));
            // Of a function that the linker has left out the address says nothing.
            let line = u32::try_from(entry.line);
            if let (Ok(start @ 1..), Ok(end), Ok(line), ..MOST_CALLS) =
                (start, end, line, found.len())
            {
                found.push(Inlined {
                    addresses: start..end,
                    table: unit.line_table,
                    file: entry.file,
                    line,
                });
            }
        };
        if let (Some(low), Some((high, is_address))) = (self.address(unit, entry.low), entry.high) {
            let end = if is_address {
                high
            } else {
                low.saturating_add(high)
            };
            add(&mut self.found, low, end);
        }
        let Some((ranges, is_index)) = entry.ranges else {
            return Some(());
        };
        let mut base = unit.low;
        if encoding.version == 4 {
            let section = self.module.ranges.get(usize::try_from(ranges).ok()?..)?;
            let mut bytes = Bytes(section);
            loop {
                self.step()?;
                match (bytes.number(4)?, bytes.number(4)?) {
                    (0, 0) => return Some(()),
                    (0xffff_ffff, address) => base = address,
                    (start, end) => add(&mut self.found, base + start, base + end),
                }
            }
        }
        let lists = &self.module.rnglists;
        let mut place = usize::try_from(ranges).ok()?;
        if is_index {
            let table = usize::try_from(unit.ranges_base).ok()?;
            let index = table.checked_add(place.checked_mul(encoding.word)?)?;
            let offset = Bytes(lists.get(index..)?).number(encoding.word)?;
            place = table.checked_add(usize::try_from(offset).ok()?)?;
        }
        let mut bytes = Bytes(lists.get(place..)?);
        loop {
            self.step()?;
            let kind = bytes.u8()?;
            let mut indexed = || {
                let index = Address::Index(bytes.unsigned()?);
                self.address(unit, Some(index))
            };
            let (start, end) = match kind {
                0 => return Some(()),
                1 => {
                    base = indexed()?;
                    continue;
                }
                2 => (indexed()?, indexed()?),
                3 => {
                    let start = indexed()?;
                    (start, start.saturating_add(bytes.unsigned()?))
                }
                4 => {
                    let (start, end) = (bytes.unsigned()?, bytes.unsigned()?);
                    (base.saturating_add(start), base.saturating_add(end))
                }
                5 => {
                    base = bytes.number(4)?;
                    continue;
                }
                6 => (bytes.number(4)?, bytes.number(4)?),
                7 => {
                    let start = bytes.number(4)?;
                    (start, start.saturating_add(bytes.unsigned()?))
                }
                _ => return None,
            };
            add(&mut self.found, start, end);
        }
    }
}

impl Entry {
    fn set(&mut self, name: u64, form: u64, value: u64) {
        let is_address = form == 0x01;
        let is_address_index = matches!(form, 0x1b | 0x29..=0x2c);
        match name {
            0x10 => self.line_table = value,
            0x11 if is_address_index => self.low = Some(Address::Index(value)),
            0x11 => self.low = Some(Address::At(value)),
            0x12 if !is_address_index => self.high = Some((value, is_address)),
            0x55 => self.ranges = Some((value, form == 0x23)),
            0x58 => self.file = value,
            0x59 => self.line = value,
            0x73 => self.addresses_base = value,
            0x74 => self.ranges_base = value,
            _ => {}
        }
    }
}

/// A number of an attribute, or 0 for what is none and is passed over.
fn value(bytes: &mut Bytes<'_>, encoding: Encoding, form: u64, implicit: u64) -> Option<u64> {
    let word = encoding.word;
    match form {
        // addr
        0x01 => bytes.number(4),
        // block2, block4, block, block1, exprloc
        0x03 => bytes
            .number(2)
            .and_then(|count| bytes.split(count))
            .map(|_| 0),
        0x04 => bytes
            .number(4)
            .and_then(|count| bytes.split(count))
            .map(|_| 0),
        0x09 | 0x18 => bytes
            .unsigned()
            .and_then(|count| bytes.split(count))
            .map(|_| 0),
        0x0a => bytes
            .number(1)
            .and_then(|count| bytes.split(count))
            .map(|_| 0),
        // string
        0x08 => bytes.text().map(|_| 0),
        // data1, flag, ref1, strx1, addrx1
        0x0b | 0x0c | 0x11 | 0x25 | 0x29 => bytes.number(1),
        // data2, ref2, strx2, addrx2
        0x05 | 0x12 | 0x26 | 0x2a => bytes.number(2),
        // strx3, addrx3
        0x27 | 0x2b => bytes.number(3),
        // data4, ref4, ref_sup4, strx4, addrx4
        0x06 | 0x13 | 0x1c | 0x28 | 0x2c => bytes.number(4),
        // data8, ref8, ref_sig8, ref_sup8
        0x07 | 0x14 | 0x20 | 0x24 => bytes.number(8),
        // sdata
        0x0d => bytes.signed().map(i64::cast_unsigned),
        // udata, ref_udata, strx, addrx, loclistx, rnglistx
        0x0f | 0x15 | 0x1a | 0x1b | 0x22 | 0x23 => bytes.unsigned(),
        // strp, ref_addr, sec_offset, strp_sup, line_strp
        0x0e | 0x10 | 0x17 | 0x1d | 0x1f => bytes.number(word),
        // flag_present, implicit_const
        0x19 => Some(1),
        0x21 => Some(implicit),
        // data16
        0x1e => bytes.take(16).map(|_| 0),
        _ => None,
    }
}
