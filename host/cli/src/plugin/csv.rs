//! Files of CSV, as RFC 4180 has them: fields in quotes hold commas, quotes and line ends.

/// A file with a header.
#[derive(Debug, PartialEq)]
pub struct Csv {
    pub header: Vec<String>,
    pub records: Vec<Record>,
}

/// As many fields as the header has.
#[derive(Debug, PartialEq)]
pub struct Record {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// None: nothing between two commas, which is NULL.
    pub fields: Vec<Option<String>>,
}

/// Takes a file apart. An error names the line.
pub fn parse(text: &str) -> Result<Csv, String> {
    let mut records = Records {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 1,
    };
    let Some(header) = records.next().transpose()? else {
        return Err("it is empty, but its first line has the columns' names".to_owned());
    };
    let header: Vec<_> = header
        .fields
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect();
    let records = records
        .map(|record| match record? {
            record if record.fields.len() != header.len() => Err(format!(
                "line {} has {} fields, the header has {}",
                record.line,
                record.fields.len(),
                header.len()
            )),
            record => Ok(record),
        })
        .collect::<Result<_, _>>()?;
    Ok(Csv { header, records })
}

/// What is left of a text.
struct Records<'a> {
    rest: &'a str,
    line: usize,
}

impl Iterator for Records<'_> {
    type Item = Result<Record, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        let mut fields = Vec::new();
        loop {
            match self.field() {
                Ok(field) => fields.push(field),
                Err(reason) => {
                    self.rest = "";
                    return Some(Err(format!("line {line}: {reason}")));
                }
            }
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest,
                None => break,
            }
        }
        let rest = self.rest.strip_prefix('\r').unwrap_or(self.rest);
        self.rest = rest.strip_prefix('\n').unwrap_or(rest);
        self.line += 1;
        Some(Ok(Record { line, fields }))
    }
}

impl Records<'_> {
    /// Up to a comma or a line's end.
    fn field(&mut self) -> Result<Option<String>, &'static str> {
        let Some(mut quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            let field = match rest.starts_with(',') {
                true => field,
                false => field.strip_suffix('\r').unwrap_or(field),
            };
            self.rest = rest;
            return Ok((!field.is_empty()).then(|| field.to_owned()));
        };
        let mut field = String::new();
        loop {
            let Some((part, rest)) = quoted.split_once('"') else {
                return Err("a `\"` is never closed");
            };
            field.push_str(part);
            match rest.strip_prefix('"') {
                Some(rest) => {
                    field.push('"');
                    quoted = rest;
                }
                None => {
                    self.line += field.matches('\n').count();
                    self.rest = rest;
                    return match rest.is_empty() || rest.starts_with([',', '\n', '\r']) {
                        true => Ok(Some(field)),
                        false => Err("text stands behind a field in quotes"),
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_in_quotes_hold_anything() {
        let csv = parse("a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n,\"\"\n3,c").unwrap();
        let told: Vec<_> = csv
            .records
            .iter()
            .map(|record| (record.line, &record.fields))
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(csv.header, ["a", "b"]);
        assert_eq!(
            told,
            [
                (2, &vec![text("1"), text("x, \"y\"\nz")]),
                (4, &vec![None, text("")]),
                (5, &vec![text("3"), text("c")]),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line() {
        let wrong = ["", "a,b\n1,2\n3\n", "a\n\"x", "a\n\"x\"y\n"];
        let told = wrong.map(|text| parse(text).unwrap_err());
        assert_eq!(
            told,
            [
                "it is empty, but its first line has the columns' names",
                "line 3 has 1 fields, the header has 2",
                "line 2: a `\"` is never closed",
                "line 2: text stands behind a field in quotes",
            ]
        );
    }
}
