//! `oci://host[:port]/name[:tag][@sha256:…]`: where a plugin is.

use std::fmt::{self, Display, Write as _};

use sha2::{Digest as _, Sha256};
use url::Host;
use wasmill_plugin::escape;

use crate::error::RegistryError;

/// Longest reference that a message shows.
const SHOWN_BYTES: usize = 300;
/// As the specification of registries has it.
const LONGEST_TAG: usize = 128;
/// Host and name together, as most registries have it.
const LONGEST_NAME: usize = 255;

/// A SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest(String);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(bytes) {
            // A String takes everything.
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }

    /// Reads `sha256:` and 64 hexadecimal digits in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (hex.len() == 64 && hex.bytes().all(digits)).then(|| Self(hex.to_owned()))
    }

    /// The digits alone.
    pub fn hex(&self) -> &str {
        &self.0
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

/// A place in a registry. All parts are plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    host: Host<String>,
    port: Option<u16>,
    name: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// Whether a text means a registry, not a file.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("oci://")
    }

    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let wrong = |reason: &'static str| RegistryError::Reference {
            reference: escape(text, SHOWN_BYTES),
            reason,
        };
        let rest = text.strip_prefix("oci://");
        let rest = rest.ok_or_else(|| wrong("it does not begin with oci://"))?;
        let (authority, place) = rest
            .split_once('/')
            .ok_or_else(|| wrong("it names no plugin in the registry"))?;
        if authority.contains('@') {
            return Err(RegistryError::PasswordInReference);
        }
        let (host, port) = match authority.rsplit_once(':') {
            // Colons of an IPv6 address stand in brackets.
            Some((host, port)) if !port.ends_with(']') => {
                let port = port.parse().ok().filter(|port| *port != 0);
                (host, Some(port.ok_or_else(|| wrong("its port is none"))?))
            }
            _ => (authority, None),
        };
        let host = Host::parse(host).map_err(|_| wrong("its host is none"))?;
        let (place, digest) = match place.split_once('@') {
            Some((place, digest)) => {
                let digest = Digest::parse(digest);
                let reason = "its digest is not `sha256:` and 64 digits in lower case";
                (place, Some(digest.ok_or_else(|| wrong(reason))?))
            }
            None => (place, None),
        };
        let (name, tag) = match place.split_once(':') {
            Some((name, tag)) if is_tag(tag) => (name, Some(tag.to_owned())),
            Some(_) => return Err(wrong("its tag has other than letters, digits, _, . and -")),
            None => (place, None),
        };
        if !is_name(name) {
            return Err(wrong(
                "its name has other than lower-case letters and digits, with _, . and - between them",
            ));
        }
        Ok(Self {
            host,
            port,
            name: name.to_owned(),
            tag,
            digest,
        })
    }

    /// `host[:port]`.
    pub fn registry(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }

    /// The plugin's name in the registry, `folder/plugin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The last part of the name: what messages call the plugin.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Of the manifest, where it is pinned.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same plugin's manifest of this digest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// Whether the registry is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }

    /// The host and port that answer for the registry, and the name there: Docker's has its own.
    pub(crate) fn endpoint(&self) -> (String, String) {
        match self.registry().as_str() {
            "docker.io" if self.name.contains('/') => {
                ("registry-1.docker.io".to_owned(), self.name.clone())
            }
            "docker.io" => (
                "registry-1.docker.io".to_owned(),
                format!("library/{}", self.name),
            ),
            registry => (registry.to_owned(), self.name.clone()),
        }
    }

    /// What the registry calls the manifest: a digest, else a tag.
    pub(crate) fn manifest(&self) -> String {
        match &self.digest {
            Some(digest) => digest.to_string(),
            None => self.tag.clone().unwrap_or_else(|| "latest".to_owned()),
        }
    }
}

impl Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.registry(), self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= LONGEST_TAG
        && text.bytes().next().is_some_and(word)
        && text
            .bytes()
            .all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, several of them with `/` between.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && text.split('/').all(is_part)
}

fn is_part(text: &str) -> bool {
    let word = |character: char| matches!(character, 'a'..='z' | '0'..='9');
    let between = |separator: &str| {
        matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
    };
    text.starts_with(word)
        && text.ends_with(word)
        && text
            .split(word)
            .all(|separator| separator.is_empty() || between(separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn what_is_a_reference() {
        let digest = format!("oci://ghcr.io/a/b@sha256:{HEX}");
        for text in [
            "oci://localhost:5000/geo",
            "oci://127.0.0.1:5000/geo:1.2",
            "oci://[::1]:5000/geo:v1",
            "oci://registry.example/udfs/geo-fence_2.x:latest",
            &digest,
            &digest.replace('@', ":1.2@"),
        ] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Digest::of(b"").to_string(), format!("sha256:{HEX}"));
    }

    #[test]
    fn what_is_none() {
        let digest = |digits: &str| format!("oci://h/a@sha256:{digits}");
        for text in [
            "https://h/a",
            "oci://h",
            "oci:///a",
            "oci://h/",
            "oci://h:0/a",
            "oci://h:x/a",
            "oci://h/A",
            "oci://h/a/",
            "oci://h/../a",
            "oci://h/a?b",
            "oci://h/a..b",
            "oci://h/a___b",
            "oci://h/a b",
            "oci://h/a:",
            "oci://h/a:-",
            "oci://h/a:b/c",
            "oci://h\n/a",
            "oci://h/a@sha512:00",
            &digest(&HEX[1..]),
            &digest(&HEX.to_uppercase()),
        ] {
            let parsed = Reference::parse(text);
            let is_wrong = matches!(parsed, Err(RegistryError::Reference { .. }));
            assert!(is_wrong, "{text}: {parsed:?}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let error = Reference::parse("oci://me:grindstone@h/a").unwrap_err();
        assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("grindstone"));
    }

    #[test]
    fn dockers_own_registry() {
        let endpoint = |text: &str| Reference::parse(text).unwrap().endpoint();
        let host = || "registry-1.docker.io".to_owned();
        assert_eq!(
            endpoint("oci://docker.io/geo"),
            (host(), "library/geo".to_owned())
        );
        assert_eq!(
            endpoint("oci://docker.io/me/geo"),
            (host(), "me/geo".to_owned())
        );
    }
}
