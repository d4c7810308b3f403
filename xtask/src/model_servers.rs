//! Servers of models, out of PyPI, which the tests of remote models ask. Each is an environment of its
//! own: they want different versions of the same packages.

use std::path::PathBuf;

use crate::python::Environment;
use crate::step::Result;

const SERVERS: [Environment; 3] = [
    Environment {
        name: "mlserver",
        purpose: "for MLServer, which the tests ask for predictions",
        file: "mlserver.txt",
        requirements: include_str!("../mlserver.txt"),
    },
    Environment {
        name: "triton",
        purpose: "for Triton, which the tests ask for predictions, and its client",
        file: "triton.txt",
        requirements: include_str!("../triton.txt"),
    },
    Environment {
        name: "bentoml",
        purpose: "for BentoML, which the tests ask for predictions",
        file: "bentoml.txt",
        requirements: include_str!("../bentoml.txt"),
    },
];

/// The environment of MLServer.
pub fn mlserver() -> Result<PathBuf> {
    SERVERS[0].get()
}

/// Gets the servers.
pub fn setup() -> Result<()> {
    for server in SERVERS {
        server.get()?;
    }
    Ok(())
}
