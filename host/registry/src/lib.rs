//! Plugins in OCI registries: pulled and pushed as the WebAssembly ecosystem's artifact, so that its
//! other tools read what we write, and the other way round.
//!
//! A plugin's **reference** is `oci://host[:port]/name:tag` or `oci://host[:port]/name@sha256:…`
//! ([`Reference`]). The digest is that of the **manifest**, which names the component's bytes by their
//! own digest. So a pinned reference says which bytes are meant, whoever keeps them, and what was fetched
//! once is kept by its digest ([`Registries`]).
//!
//! **Invariant: a registry is not trusted.** Sizes, digests, media types and places that it sends to are
//! checked, and its words are escaped.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod artifact;
mod authorization;
mod blobs;
mod connection;
mod credentials;
mod error;
mod reference;
mod registries;

pub use error::{Fault, RegistryError};
pub use reference::{Digest, Reference};
pub use registries::{Fetched, Pushed, Registries, RegistryConfig};
