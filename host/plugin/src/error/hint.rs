//! What the user can do about an error.

use super::PluginError;

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
                "build it for the world `wasmill:udf/plugin`, or for that of one kind of function"
                    .to_owned()
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
            Self::NoTimes { .. } => {
                "name the column: on_time => DESCRIPTOR(column) in the query, --time in a test"
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
