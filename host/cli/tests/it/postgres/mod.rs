//! The sink `postgres`, on a real server; what it wrote is read by psql.

mod bounded;
mod declaration;
mod endless;
mod ranks;
pub mod server;
mod tls;
mod values;
