//! Flink's functions of URLs.

use datafusion::common::{Result, exec_err};
use regex::Regex;
use url::form_urlencoded::byte_serialize;

use super::function::{Function, Parameter::*, gives};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("url_encode", &[Text], gives::text, |rows| {
        rows.to_texts(|row| {
            let encoded = byte_serialize(rows.text(0, row).as_bytes());
            Ok(Some(encoded.collect::<String>()))
        })
    }),
    Function::new("url_decode", &[Text], gives::text, |rows| {
        rows.to_texts(|row| Ok(decoded(rows.text(0, row))))
    }),
    Function::new("parse_url", &[Text, Text, Text], gives::text, |rows| {
        let parts = parts()?;
        let key = |row| (rows.given() > 2).then(|| rows.text(2, row));
        rows.to_texts(|row| Ok(part(&parts, rows.text(0, row), rows.text(1, row), key(row))))
    })
    .required(2),
];

/// NULL where the text is not URL-encoded.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// RFC 3986, appendix B: the parts as they are written.
fn parts() -> Result<Regex> {
    match Regex::new(r"^(?:([^:/?#]+):)(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$") {
        Ok(parts) => Ok(parts),
        Err(error) => exec_err!("{error}"),
    }
}

fn part(parts: &Regex, url: &str, wanted: &str, key: Option<&str>) -> Option<String> {
    let found = parts.captures(url)?;
    let group = |place| found.get(place).map(|part| part.as_str());
    let authority = group(2);
    let query = group(4);
    if let Some(key) = key {
        if wanted != "QUERY" {
            return None;
        }
        let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
        return pairs
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.to_owned());
    }
    let part = match wanted {
        "PROTOCOL" => group(1)?,
        "AUTHORITY" => authority?,
        "USERINFO" => authority?.rsplit_once('@')?.0,
        "HOST" => {
            let host = authority?;
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            match host.rsplit_once(':') {
                Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
                _ => host,
            }
        }
        "PATH" => group(3)?,
        "QUERY" => query?,
        "REF" => group(5)?,
        "FILE" => {
            let path = group(3).unwrap_or_default();
            return Some(match query {
                Some(query) => format!("{path}?{query}"),
                None => path.to_owned(),
            });
        }
        _ => return None,
    };
    Some(part.to_owned())
}
