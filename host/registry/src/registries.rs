//! Fetching and pushing plugins.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};
use wasmill_plugin::{Interfaces, escape};

use crate::artifact::{Artifact, Layer, MANIFEST, WORDS_BYTES};
use crate::blobs::Blobs;
use crate::connection::{Connection, Request};
use crate::credentials::Credentials;
use crate::error::RegistryError;
use crate::reference::{Digest, Reference};

/// As registries take them.
const MANIFEST_BYTES: u64 = 4 << 20;
/// For a plugin, however slowly it comes.
const WHOLE: Duration = Duration::from_secs(900);
/// What registries tell of a manifest.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// How registries are reached.
#[derive(Clone, Debug, Default)]
pub struct RegistryConfig {
    /// `host[:port]` of registries that are spoken to by plain HTTP; those on this machine always are.
    pub plain_http: Vec<String>,
    /// Docker's `config.json`, with users and passwords. `None`: everybody is anonymous.
    pub docker_config: Option<PathBuf>,
}

/// All registries, and what was fetched from them.
#[derive(Debug)]
pub struct Registries {
    config: RegistryConfig,
    blobs: Blobs,
    most_bytes: u64,
}

/// A plugin that was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// Pinned.
    pub reference: Reference,
    pub bytes: Vec<u8>,
}

/// A plugin that was pushed.
#[derive(Debug)]
pub struct Pushed {
    /// Pinned.
    pub reference: Reference,
    /// Whether the registry had its bytes before.
    pub was_there: bool,
}

impl Registries {
    /// What is fetched is kept in `registry/` of the folder `cache`, and may be removed there at any
    /// time. No plugin larger than `most_bytes` is fetched.
    pub fn new(config: RegistryConfig, cache: &Path, most_bytes: u64) -> Self {
        Self {
            config,
            blobs: Blobs::new(cache.join("registry")),
            most_bytes,
        }
    }

    /// A plugin; a pinned one that was fetched before without the network.
    pub async fn fetch(&self, reference: &Reference) -> Result<Fetched, RegistryError> {
        if let Some(fetched) = self.kept(reference) {
            return Ok(fetched);
        }
        within(reference, self.fetch_now(reference)).await
    }

    /// The same, for a job: refused if it is not pinned.
    pub async fn fetch_pinned(&self, reference: &Reference) -> Result<Fetched, RegistryError> {
        if reference.digest().is_some() {
            return self.fetch(reference).await;
        }
        let now = within(reference, async {
            let connection = self.connect(reference, false)?;
            let (digest, _) = manifest(&connection, reference).await?;
            Ok(Box::new(reference.pinned(digest)))
        });
        Err(RegistryError::NotPinned {
            reference: Box::new(reference.clone()),
            now: now.await.map_err(|error| error.to_string()),
        })
    }

    /// Puts a plugin where the reference's tag says. `created` is noted beside it.
    pub async fn push(
        &self,
        reference: &Reference,
        plugin: Vec<u8>,
        created: DateTime<Utc>,
    ) -> Result<Pushed, RegistryError> {
        if reference.tag().is_none() || reference.digest().is_some() {
            return Err(RegistryError::Reference {
                reference: reference.to_string(),
                reason: "what is pushed has a tag, and no digest yet",
            });
        }
        let interfaces = Interfaces::of(reference.short_name(), &plugin)?;
        let artifact = Artifact::new(&plugin, interfaces, created);
        let digest = Digest::of(&artifact.manifest);
        let connection = self.connect(reference, true)?;
        let pushed = async {
            let was_there = push_blob(&connection, plugin.into()).await?;
            push_blob(&connection, artifact.config.into()).await?;
            let place = connection.place(&format!("manifests/{}", reference.manifest()))?;
            let put = Request::new(Method::PUT, place)
                .header(CONTENT_TYPE, MANIFEST)
                .body(artifact.manifest.into());
            let response = connection.send(put).await?;
            if !response.status().is_success() {
                return Err(connection.refusal(response, &shown(reference)).await);
            }
            if let Some(found) = told_digest(&response).filter(|found| *found != digest) {
                return Err(RegistryError::OtherBytes {
                    registry: connection.registry.clone(),
                    wanted: digest.clone(),
                    found,
                });
            }
            Ok(was_there)
        };
        let was_there = within(reference, pushed).await?;
        Ok(Pushed {
            reference: reference.pinned(digest),
            was_there,
        })
    }

    /// What a pinned reference means, if all of it was fetched before.
    fn kept(&self, reference: &Reference) -> Option<Fetched> {
        let manifest = self.blobs.get(reference.digest()?, MANIFEST_BYTES)?;
        let layer = Layer::of(&manifest, reference).ok()?;
        let most = layer.size.min(self.most_bytes);
        Some(Fetched {
            reference: reference.clone(),
            bytes: self.blobs.get(&layer.digest, most)?,
        })
    }

    async fn fetch_now(&self, reference: &Reference) -> Result<Fetched, RegistryError> {
        let connection = self.connect(reference, false)?;
        let (digest, manifest) = manifest(&connection, reference).await?;
        let layer = Layer::of(&manifest, reference)?;
        if layer.size > self.most_bytes {
            return Err(RegistryError::TooLarge {
                reference: reference.to_string(),
                size: layer.size,
                limit: self.most_bytes,
            });
        }
        let bytes = match self.blobs.get(&layer.digest, layer.size) {
            Some(bytes) => bytes,
            None => blob(&connection, &layer, reference).await?,
        };
        Interfaces::of(reference.short_name(), &bytes)?;
        self.blobs.put(&layer.digest, &bytes);
        self.blobs.put(&digest, &manifest);
        Ok(Fetched {
            reference: reference.pinned(digest),
            bytes,
        })
    }

    fn connect(&self, reference: &Reference, writes: bool) -> Result<Connection, RegistryError> {
        let registry = reference.registry();
        let plain = reference.is_local() || self.config.plain_http.contains(&registry);
        let credentials = match &self.config.docker_config {
            Some(path) => Credentials::find(path, &registry)?,
            None => None,
        };
        Connection::new(reference, plain, writes, credentials)
    }
}

/// A name with its tag or digest, as the registry knows it.
fn shown(reference: &Reference) -> String {
    let separator = if reference.digest().is_some() {
        '@'
    } else {
        ':'
    };
    format!("{}{separator}{}", reference.name(), reference.manifest())
}

async fn within<T>(
    reference: &Reference,
    work: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    let ended = tokio::time::timeout(WHOLE, work).await;
    ended.unwrap_or_else(|_| {
        Err(RegistryError::Answer {
            registry: reference.registry(),
            reason: format!("is too slow: {} s were not enough", WHOLE.as_secs()),
            says: None,
        })
    })
}

/// A manifest, and its digest.
async fn manifest(
    connection: &Connection,
    reference: &Reference,
) -> Result<(Digest, Vec<u8>), RegistryError> {
    let place = connection.place(&format!("manifests/{}", reference.manifest()))?;
    let request = Request::new(Method::GET, place).header(ACCEPT, MANIFEST);
    let response = connection.send(request).await?;
    if response.status() != StatusCode::OK {
        return Err(connection.refusal(response, &shown(reference)).await);
    }
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let content_type = content_type.map(|text| text.split(';').next().unwrap_or("").to_owned());
    let body = connection.read(response, MANIFEST_BYTES).await?;
    let body = body.ok_or_else(|| {
        connection.answer(&format!(
            "gives a manifest of more than {MANIFEST_BYTES} bytes"
        ))
    })?;
    let found = Digest::of(&body);
    if let Some(wanted) = reference.digest().filter(|wanted| **wanted != found) {
        return Err(RegistryError::OtherBytes {
            registry: connection.registry.clone(),
            wanted: wanted.clone(),
            found,
        });
    }
    // The same bytes may mean something else as another type, so what they are said to be counts too.
    if let Some(other) = content_type.filter(|text| text.trim() != MANIFEST) {
        let other = escape(other.trim(), WORDS_BYTES);
        return Err(RegistryError::OtherArtifact {
            reference: reference.to_string(),
            reason: format!("its manifest is of the type {other}"),
        });
    }
    Ok((found, body))
}

/// The bytes of a layer.
async fn blob(
    connection: &Connection,
    layer: &Layer,
    reference: &Reference,
) -> Result<Vec<u8>, RegistryError> {
    let place = connection.place(&format!("blobs/{}", layer.digest))?;
    let response = connection.send(Request::new(Method::GET, place)).await?;
    if response.status() != StatusCode::OK {
        let what = format!("{}@{}", reference.name(), layer.digest);
        return Err(connection.refusal(response, &what).await);
    }
    let body = connection.read(response, layer.size).await?;
    let Some(body) = body else {
        return Err(connection.answer(&format!(
            "gives more than the {} bytes that {} has",
            layer.size, layer.digest
        )));
    };
    let found = Digest::of(&body);
    match found == layer.digest {
        true => Ok(body),
        false => Err(RegistryError::OtherBytes {
            registry: connection.registry.clone(),
            wanted: layer.digest.clone(),
            found,
        }),
    }
}

/// Puts bytes into the registry; whether they were there before.
async fn push_blob(connection: &Connection, bytes: Bytes) -> Result<bool, RegistryError> {
    let digest = Digest::of(&bytes);
    let what = &connection.name;
    let place = connection.place(&format!("blobs/{digest}"))?;
    let response = connection.send(Request::new(Method::HEAD, place)).await?;
    match response.status() {
        StatusCode::OK => return Ok(true),
        StatusCode::NOT_FOUND => {}
        _ => return Err(connection.refusal(response, what).await),
    }
    let place = connection.place("blobs/uploads/")?;
    let post = Request::new(Method::POST, place.clone()).header(CONTENT_LENGTH, "0");
    let response = connection.send(post).await?;
    if !response.status().is_success() {
        return Err(connection.refusal(response, what).await);
    }
    let mut place = connection.location(&response, &place)?;
    let digest = digest.to_string();
    place.query_pairs_mut().append_pair("digest", &digest);
    let put = Request::new(Method::PUT, place)
        .header(CONTENT_TYPE, "application/octet-stream")
        .body(bytes);
    let response = connection.send(put).await?;
    match response.status().is_success() {
        true => Ok(false),
        false => Err(connection.refusal(response, what).await),
    }
}

fn told_digest(response: &Response) -> Option<Digest> {
    let value = response.headers().get(CONTENT_DIGEST)?;
    Digest::parse(value.to_str().ok()?)
}
