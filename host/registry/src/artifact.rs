//! A plugin as registries hold one: the WebAssembly ecosystem's artifact
//! (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>).
//!
//! A manifest names a config, which tells what the component is, and one layer: its bytes.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use wasmill_plugin::{Interfaces, escape};

use crate::error::RegistryError;
use crate::reference::{Digest, Reference};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
/// Longest words of a registry's that a message shows.
pub(crate) const WORDS_BYTES: usize = 300;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    created: String,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    component: Component,
}

#[derive(Debug, Serialize)]
struct Component {
    exports: Vec<String>,
    imports: Vec<String>,
}

/// The bytes of a component's manifest and config. The same component, made at the same time, gives the
/// same ones.
pub(crate) struct Artifact {
    pub manifest: Vec<u8>,
    pub config: Vec<u8>,
}

impl Artifact {
    pub fn new(component: &[u8], interfaces: Interfaces, created: DateTime<Utc>) -> Self {
        let layer = descriptor(LAYER, component);
        let config = json(&Config {
            created: created.to_rfc3339_opts(SecondsFormat::Secs, true),
            architecture: "wasm",
            // What the artifact's format calls every component.
            os: "wasip2",
            layer_digests: [layer.digest.clone()],
            component: Component {
                exports: interfaces.exports,
                imports: interfaces.imports,
            },
        });
        let manifest = json(&Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST.to_owned()),
            config: descriptor(CONFIG, &config),
            layers: vec![layer],
        });
        Self { manifest, config }
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // There is nothing in it that JSON cannot hold.
    serde_json::to_vec(value).unwrap_or_default()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: bytes.len() as u64,
    }
}

/// The layer of a component: its digest and how many bytes it has.
#[derive(Debug)]
pub(crate) struct Layer {
    pub digest: Digest,
    pub size: u64,
}

impl Layer {
    /// Of a manifest that a registry gave.
    pub fn of(manifest: &[u8], reference: &Reference) -> Result<Self, RegistryError> {
        let other = |reason: String| RegistryError::OtherArtifact {
            reference: reference.to_string(),
            reason: escape(&reason, WORDS_BYTES),
        };
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind {
            media_type: Option<String>,
        }
        let no_manifest = |_| other("it has no manifest of an image".to_owned());
        // A manifest of another kind may have none of the fields of an image's.
        let kind: Kind = serde_json::from_slice(manifest).map_err(no_manifest)?;
        if let Some(kind) = kind.media_type.filter(|kind| kind != MANIFEST) {
            return Err(other(format!("its manifest is of the type {kind}")));
        }
        let manifest: Manifest = serde_json::from_slice(manifest).map_err(no_manifest)?;
        let config = &manifest.config.media_type;
        if config != CONFIG {
            return Err(other(format!("its config is of the type {config}")));
        }
        let [layer] = manifest.layers.as_slice() else {
            let layers = manifest.layers.len();
            return Err(other(format!("it has {layers} layers, not one")));
        };
        if layer.media_type != LAYER {
            let found = &layer.media_type;
            return Err(other(format!("its layer is of the type {found}")));
        }
        let digest = Digest::parse(&layer.digest)
            .ok_or_else(|| other("its layer is named by no SHA-256".to_owned()))?;
        Ok(Self {
            digest,
            size: layer.size,
        })
    }
}
