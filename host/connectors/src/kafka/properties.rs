//! The options `properties.*`: Java's keys become librdkafka's.

use std::sync::LazyLock;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use regex::Regex;

use crate::error::did_you_mean;
use crate::options::Options;
use crate::{ConnectorError, TableDefinition};

const PREFIX: &str = "properties.";

/// Keys of Java's client that mean nothing to librdkafka and may stand in a job that Flink runs too.
const IGNORED: &[&str] = &[
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "default.api.timeout.ms",
    "enable.auto.commit",
    "key.deserializer",
    "key.serializer",
    "max.block.ms",
    "max.poll.records",
    "partition.assignment.strategy",
    "partition.discovery.interval.ms",
    "request.timeout.ms",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "value.deserializer",
    "value.serializer",
];

/// Java's name, librdkafka's name.
const RENAMED: &[(&str, &str)] = &[
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
    ("max.request.size", "message.max.bytes"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("sasl.mechanism", "sasl.mechanisms"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
    ("ssl.keystore.certificate.chain", "ssl.certificate.pem"),
    ("ssl.keystore.key", "ssl.key.pem"),
    ("ssl.truststore.certificates", "ssl.ca.pem"),
];

/// Keys that are often mistyped.
const USUAL: &[&str] = &[
    "acks",
    "batch.size",
    "bootstrap.servers",
    "client.id",
    "compression.type",
    "fetch.max.bytes",
    "fetch.min.bytes",
    "group.id",
    "isolation.level",
    "linger.ms",
    "max.partition.fetch.bytes",
    "sasl.jaas.config",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "transaction.timeout.ms",
];

/// The table's client as the job configures it; only what it says is set.
pub(super) fn config(definition: &TableDefinition) -> Result<ClientConfig, ConnectorError> {
    let options = Options::new(definition);
    options.required("properties.bootstrap.servers", "localhost:9092")?;
    let mut config = ClientConfig::new();
    for (option, value) in &definition.options {
        let Some(key) = option.strip_prefix(PREFIX) else {
            continue;
        };
        if IGNORED.contains(&key) {
            continue;
        }
        match key {
            "sasl.jaas.config" => {
                let (name, password) = credentials(value).ok_or_else(|| {
                    options
                        .unsupported(option, "names no user and password")
                        .with_hint(
                            "for PLAIN and SCRAM 'properties.sasl.username' and 'properties.sasl.password' say the same"
                                .to_owned(),
                        )
                })?;
                config.set("sasl.username", name);
                config.set("sasl.password", password);
            }
            "ssl.truststore.location" | "ssl.truststore.password" | "ssl.truststore.type" => {
                return Err(options
                    .unsupported(option, "is a key store of Java's, which cannot be read")
                    .with_hint(
                        "'properties.ssl.ca.location' names a PEM file with the authority's certificates"
                            .to_owned(),
                    ));
            }
            "ssl.endpoint.identification.algorithm" if value.is_empty() => {
                config.set(key, "none");
            }
            "buffer.memory" => {
                let bytes = options.number(option)?.unwrap_or_default();
                config.set(
                    "queue.buffering.max.kbytes",
                    (bytes / 1024).max(1).to_string(),
                );
            }
            _ => {
                let renamed = RENAMED.iter().find(|(java, _)| *java == key);
                let name = renamed.map_or(key, |(_, ours)| ours);
                check(&options, option, key, name, value)?;
                config.set(name, value);
            }
        }
    }
    Ok(config)
}

fn check(
    options: &Options<'_>,
    option: &str,
    key: &str,
    name: &str,
    value: &str,
) -> Result<(), ConnectorError> {
    let mut alone = ClientConfig::new();
    let known = match alone.set(name, value).create_native_config() {
        Ok(_) => return Ok(()),
        Err(KafkaError::ClientConfig(_, description, ..)) => description,
        Err(error) => error.to_string(),
    };
    match known.starts_with("No such configuration property") {
        true => Err(options
            .unsupported(option, "is none of the client's")
            .with_hint(did_you_mean(key, USUAL.iter().copied()).unwrap_or_else(|| {
                "the client is librdkafka: its CONFIGURATION.md lists the keys".to_owned()
            }))),
        false => Err(options.unsupported(option, &format!("is refused by the client: {known}"))),
    }
}

/// User and password of `…LoginModule required username="u" password="p";`.
fn credentials(jaas: &str) -> Option<(String, String)> {
    static ENTRY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"\b(username|password)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))"#).ok()
    });
    let mut found = (None, None);
    for entry in ENTRY.as_ref()?.captures_iter(jaas) {
        let quoted = entry.get(2).or_else(|| entry.get(3))?;
        let text = quoted.as_str().replace("\\\"", "\"").replace("\\\\", "\\");
        match entry.get(1)?.as_str() {
            "username" => found.0 = Some(text),
            _ => found.1 = Some(text),
        }
    }
    found.0.zip(found.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(options: &[(&str, &str)]) -> Result<ClientConfig, String> {
        let pairs = options.iter().chain(&[("bootstrap.servers", "b:9092")]);
        let definition = TableDefinition {
            name: "t".to_owned(),
            options: pairs
                .map(|(key, value)| (format!("{PREFIX}{key}"), (*value).to_owned()))
                .collect(),
            ..TableDefinition::default()
        };
        config(&definition)
            .map_err(|error| format!("{error} | {}", error.hint().unwrap_or_default()))
    }

    #[test]
    fn a_jaas_entry_is_a_user_and_a_password() {
        let scram = r#"org.apache.kafka.common.security.scram.ScramLoginModule required
            username="alice" password="se\"cret;";"#;
        let config = configured(&[("sasl.jaas.config", scram)]).unwrap();
        assert_eq!(config.get("sasl.username"), Some("alice"));
        assert_eq!(config.get("sasl.password"), Some("se\"cret;"));
        let kerberos = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true;";
        assert!(configured(&[("sasl.jaas.config", kerberos)]).is_err());
    }

    #[test]
    fn keys_of_java_are_translated_or_refused() {
        let config = configured(&[
            ("sasl.mechanism", "PLAIN"),
            ("fetch.max.wait.ms", "10"),
            ("max.poll.records", "500"),
            ("ssl.endpoint.identification.algorithm", ""),
        ])
        .unwrap();
        assert_eq!(config.get("sasl.mechanisms"), Some("PLAIN"));
        assert_eq!(config.get("fetch.wait.max.ms"), Some("10"));
        assert_eq!(config.get("max.poll.records"), None);
        assert_eq!(
            configured(&[("ssl.truststore.location", "x.jks")]).unwrap_err(),
            "table t: option 'properties.ssl.truststore.location' is a key store of Java's, which \
             cannot be read | 'properties.ssl.ca.location' names a PEM file with the authority's \
             certificates"
        );
        assert_eq!(
            configured(&[("isolation.levle", "x")]).unwrap_err(),
            "table t: option 'properties.isolation.levle' is none of the client's | did you mean \
             'isolation.level'?"
        );
    }
}
