//! What can go wrong with a plugin, by whose fault.

use std::fmt::{self, Display, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use crate::account::Excess;

/// Why a plugin could not be loaded, opened or called.
///
/// `Display` is the message; what to do about it is in [`PluginError::hint`]. `function` and
/// `plugin` name what the job names: `predict (predict.wasm#predict)`, `predict.wasm`. Everything
/// that a guest wrote is cut and has its control characters escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    // The job's fault, or of whoever gave it this file.
    #[error("cannot read the plugin `{}`: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{plugin}` is not a WebAssembly component: {reason}")]
    NotAComponent { plugin: String, reason: String },
    #[error("`{plugin}` is a core WebAssembly module, not a component")]
    CoreModule { plugin: String },
    #[error("`{plugin}` has the sha256 {found}, not the one that the job wants")]
    OtherBytes { plugin: String, found: String },
    #[error("`{plugin}` is too large: {size} bytes, of at most {limit}")]
    TooLarge {
        plugin: String,
        size: u64,
        limit: u64,
    },
    #[error("`{plugin}` has {found} {what}, of at most {limit}")]
    TooMuch {
        plugin: String,
        what: &'static str,
        found: u64,
        limit: u64,
    },
    #[error(
        "`{plugin}` wants the contract wasmill:udf@{wanted}; this wasmill speaks wasmill:udf@{spoken}"
    )]
    OtherContract {
        plugin: String,
        wanted: String,
        spoken: String,
        newer: bool,
    },
    #[error("`{plugin}` does not export `{export}`, so it has no functions")]
    MissingExport { plugin: String, export: String },
    #[error("`{plugin}` imports `{import}`, which is not granted")]
    UngrantedImport {
        plugin: String,
        import: String,
        /// The import's package: `wasi:http`.
        capability: String,
    },
    #[error("`{plugin}` does not fit the contract: {reason}")]
    Mismatch { plugin: String, reason: String },
    #[error("`{plugin}` has no function `{function}`")]
    UnknownFunction {
        plugin: String,
        function: String,
        offered: Vec<String>,
    },
    #[error("function {function} has no parameter `{parameter}`")]
    UnknownParameter {
        function: String,
        parameter: String,
        declared: Vec<String>,
    },
    #[error("function {function} needs the parameter `{parameter}`: {description}")]
    MissingParameter {
        function: String,
        parameter: String,
        description: String,
    },
    #[error("function {function} takes {expected}, not ({got})")]
    WrongArguments {
        function: String,
        expected: String,
        got: String,
    },
    #[error("function {function} cannot take an argument of type {data_type}")]
    UnsupportedArgument { function: String, data_type: String },
    #[error("function {function} wants the model `{model}`, which the job does not grant")]
    UngrantedModel {
        function: String,
        model: String,
        granted: Vec<String>,
    },
    #[error("function {function} imports `{import}`, which the job does not grant")]
    UngrantedHttp { function: String, import: String },
    #[error("function {function}: '{option}' is {asked}, but this host allows {ceiling} at most")]
    AboveCeiling {
        function: String,
        /// Which limit: `limit.memory`.
        option: &'static str,
        asked: String,
        ceiling: String,
    },
    #[error("function {function} needs another instance, beside the {limit} that it may have")]
    TooManyInstances { function: String, limit: usize },
    #[error("function {function} refuses to open: {message}{}", Log(log))]
    Refused {
        function: String,
        message: String,
        log: Vec<String>,
    },

    // The data's fault, as the function sees it.
    #[error("function {function} failed on {} of {of} rows: {}", rows.len(), FirstRows(rows))]
    Rows {
        function: String,
        /// In the order that the guest gave, one a row; each is below `of`.
        rows: Vec<RowError>,
        of: usize,
    },

    // The plugin's fault.
    #[error("`{plugin}` describes its functions wrongly: {reason}")]
    BadSignature { plugin: String, reason: String },
    #[error(
        "{who} trapped in `{call}`: {reason}{}{}",
        Backtrace(backtrace),
        Log(log)
    )]
    Trap {
        who: String,
        call: &'static str,
        reason: String,
        /// Innermost first.
        backtrace: Vec<String>,
        log: Vec<String>,
    },
    #[error(
        "{who} ran over its {} limit of {} in `{call}`{}",
        option.trim_start_matches("limit."),
        Seconds(*limit),
        Log(log)
    )]
    Timeout {
        who: String,
        call: &'static str,
        /// `limit.time` or `limit.wall-time`.
        option: &'static str,
        limit: Duration,
        log: Vec<String>,
    },
    #[error(
        "{who} ran over its memory limit of {} in `{call}`: it wanted {}{}",
        Size(*limit),
        Size(*asked),
        Log(log)
    )]
    Memory {
        who: String,
        call: &'static str,
        limit: usize,
        /// All its memories and tables together, had the growth been allowed.
        asked: usize,
        log: Vec<String>,
    },
    #[error("{who} ran over its limit of {limit} in `{call}`: {asked}{}", Log(log))]
    Limit {
        who: String,
        call: &'static str,
        /// Which one: `limit.handles`.
        option: &'static str,
        /// With what it is of: `65536 handles`.
        limit: Box<str>,
        /// As a sentence.
        asked: Box<str>,
        log: Vec<String>,
    },
    /// Not this function, but all of a level together would run over what they may use: all
    /// instances of the function, all functions of the job or of the tenant.
    #[error("{who} cannot go on in `{call}`: {sum}{}", Log(log))]
    Sum {
        who: String,
        call: &'static str,
        sum: Sum,
        log: Vec<String>,
    },
    #[error("{who} handed bad data to its host in `{call}`: {reason}{}", Log(log))]
    BadData {
        who: String,
        call: &'static str,
        reason: String,
        log: Vec<String>,
    },
    #[error("function {function} gave a wrong result: {reason}{}", Log(log))]
    WrongResult {
        function: String,
        reason: String,
        log: Vec<String>,
    },
    #[error("function {function} failed: {message}{}", Log(log))]
    Failed {
        function: String,
        message: String,
        log: Vec<String>,
    },

    // The environment's.
    #[error("no room for another instance of {who}: {limit} run already")]
    NoRoom { who: String, limit: u64 },
    #[error("cannot start the WebAssembly engine: {0}")]
    Engine(String),
}

/// What a level of accounts has no room for.
#[derive(Debug)]
pub struct Sum(Box<Excess>);

impl Sum {
    pub(crate) fn new(excess: Excess) -> Self {
        Self(Box::new(excess))
    }

    /// Whether it was used up by others than the job: by the tenant's other jobs, by other tenants.
    pub fn is_outside_of_the_job(&self) -> bool {
        self.0.is_outside_of_the_job()
    }
}

impl Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a function says about one row of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    pub row: usize,
    pub message: String,
}

impl PluginError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "paths in a job are relative to the job's file; was the plugin built?".to_owned()
            }
            Self::NotAComponent { .. } => {
                "a plugin is a `.wasm` file built as a component, for example with the Rust SDK"
                    .to_owned()
            }
            Self::OtherBytes { .. } => {
                "the file is another one; `wasmill plugin inspect` shows what it is, and if that is \
                 meant, write its sha256 into the job"
                    .to_owned()
            }
            Self::CoreModule { .. } => {
                "turn it into a component: `wasm-tools component new module.wasm -o plugin.wasm`"
                    .to_owned()
            }
            Self::OtherContract { newer: true, .. } => {
                "use a newer wasmill, or build the plugin with an older SDK".to_owned()
            }
            Self::OtherContract { newer: false, .. } => {
                "build the plugin again with the SDK of this wasmill".to_owned()
            }
            Self::TooMuch { .. } => {
                "build it without what it does not use, or as several plugins".to_owned()
            }
            Self::MissingExport { .. } => {
                "build it for the world `wasmill:udf/scalar-plugin`".to_owned()
            }
            Self::UngrantedImport { capability, .. } if capability.starts_with("wasi:") => {
                "of WASI 0.2 there are cli, clocks, filesystem, http (requests), io, random and sockets"
                    .to_owned()
            }
            Self::UngrantedImport { .. } => {
                "a plugin may import the interfaces of wasmill:udf and of WASI 0.2 only".to_owned()
            }
            Self::UnknownFunction {
                function, offered, ..
            } => did_you_mean(function, offered).unwrap_or_else(|| offers("it offers", offered)),
            Self::UnknownParameter {
                parameter,
                declared,
                ..
            } => did_you_mean(parameter, declared)
                .unwrap_or_else(|| offers("its parameters are", declared)),
            Self::MissingParameter { parameter, .. } => {
                format!("add '{parameter}' = '…' to the function's WITH")
            }
            Self::WrongArguments { .. } => {
                "CAST the arguments to the types that the function takes".to_owned()
            }
            Self::UnsupportedArgument { .. } => "CAST it to a type that plugins know".to_owned(),
            Self::UngrantedModel { model, granted, .. } => match did_you_mean(model, granted) {
                Some(meant) if !granted.contains(model) => meant,
                _ => format!("add 'grant.models' = '{model}' to the function's WITH"),
            },
            Self::UngrantedHttp { .. } => {
                "name the hosts that it may ask, 'grant.http' = 'api.example.com:443', in the \
                 function's WITH, or build the plugin without HTTP"
                    .to_owned()
            }
            Self::AboveCeiling { .. } => {
                "ask for less, or have whoever runs this host raise its ceiling".to_owned()
            }
            Self::TooManyInstances { .. } => {
                "it has one for each partition of a job: give it a higher 'limit.instances' in the \
                 function's WITH, or the job a lower 'parallelism.default'"
                    .to_owned()
            }
            Self::Timeout { call, .. } | Self::Memory { call, .. } | Self::Limit { call, .. }
                if *call == "functions" =>
            {
                DEFECT.to_owned()
            }
            Self::Timeout { option, .. } => {
                format!("a longer limit can be given with '{option}' in the function's WITH")
            }
            Self::Memory { .. } => {
                "a higher limit can be given with 'limit.memory' in the function's WITH".to_owned()
            }
            Self::Limit { option, .. } => {
                format!("a higher limit can be given with '{option}' in the function's WITH")
            }
            Self::BadSignature { .. }
            | Self::Mismatch { .. }
            | Self::Trap { .. }
            | Self::BadData { .. }
            | Self::WrongResult { .. } => DEFECT.to_owned(),
            Self::Sum { sum, .. } => sum.0.hint(),
            Self::NoRoom { .. } => "use fewer functions or a lower parallelism".to_owned(),
            _ => return None,
        })
    }
}

const DEFECT: &str = "this is a defect of the plugin: tell its author";

fn offers(what: &str, names: &[String]) -> String {
    if names.is_empty() {
        return "it has none".to_owned();
    }
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{what} {}", names.join(", "))
}

fn did_you_mean(wanted: &str, known: &[String]) -> Option<String> {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

/// A guest's text made fit for a terminal: control characters, marks that turn the direction of
/// writing and characters that nobody sees are escaped, and what is longer than `limit` bytes is cut.
pub fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::with_capacity(text.len().min(limit));
    for (index, character) in text.char_indices() {
        if index >= limit {
            escaped.push('…');
            break;
        }
        match character {
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(escaped, "\\x{:02x}", u32::from(control));
            }
            unseen if is_unseen(unseen) => escaped.extend(unseen.escape_unicode()),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// Whether a text is shown as it is, and wholly.
pub(crate) fn is_plain(text: &str) -> bool {
    !text
        .chars()
        .any(|character| character.is_control() || is_unseen(character))
}

/// Characters that take no room, look like a space, or turn the direction of writing.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

struct Log<'a>(&'a [String]);

impl Display for Log<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        block(f, "its last log lines:", self.0)
    }
}

struct Backtrace<'a>(&'a [String]);

impl Display for Backtrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        block(f, "its backtrace:", self.0)
    }
}

fn block(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    if !lines.is_empty() {
        write!(f, "\n  {title}")?;
    }
    lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
}

struct FirstRows<'a>(&'a [RowError]);

impl Display for FirstRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        for (index, RowError { row, message }) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}row {row}: {message}")?;
        }
        if self.0.len() > SHOWN {
            f.write_str("; …")?;
        }
        Ok(())
    }
}

pub(crate) struct Size(pub usize);

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
            if bytes >= 1 << shift {
                let tenths = bytes / ((1 << shift) / 10).max(1);
                return if bytes.is_multiple_of(1 << shift) {
                    write!(f, "{} {unit}", bytes >> shift)
                } else {
                    write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
                };
            }
        }
        write!(f, "{bytes} bytes")
    }
}

pub(crate) struct Seconds(pub Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1000) {
            write!(f, "{} s", millis / 1000)
        } else {
            write!(f, "{millis} ms")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_text_cannot_speak_to_the_terminal() {
        assert_eq!(
            escape("\x1b[31mred\u{202e}\r\n\u{7f}é", 100),
            "\\x1b[31mred\\u{202e}\\x0d\\n\\x7fé"
        );
        assert_eq!(escape("ééé", 3), "éé…");
        assert_eq!(
            escape("a\u{200b}b\u{feff}\u{3164}\u{e0041}", 100),
            "a\\u{200b}b\\u{feff}\\u{3164}\\u{e0041}"
        );
        assert!(is_plain("naïve 数 🙂") && !is_plain("a\u{2066}b"));
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!(Size(64 << 20).to_string(), "64 MiB");
        assert_eq!(Size(3 << 19).to_string(), "1.5 MiB");
        assert_eq!(Size(12).to_string(), "12 bytes");
        assert_eq!(Seconds(Duration::from_millis(200)).to_string(), "200 ms");
        assert_eq!(Seconds(Duration::from_secs(2)).to_string(), "2 s");
    }
}
