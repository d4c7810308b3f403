//! Which execution provider has which nodes of a session's graph.
//!
//! A provider takes the nodes that it can compute, and the processor has the others: without a word,
//! even where it has all of them.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::fmt;
use std::ptr;

use ort::AsPointer as _;
use ort::session::Session;

/// How many nodes each execution provider has, under ONNX Runtime's names of them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Placement(BTreeMap<String, usize>);

impl Placement {
    /// Asks a session that was made with `session.record_ep_graph_assignment_info`.
    pub fn of(session: &Session) -> Result<Self, String> {
        let api = ort::api();
        let message = |error: ort::Error| error.to_string();
        let mut subgraphs = ptr::null();
        let mut count = 0;
        let mut placement = Self::default();
        // SAFETY: the places for the results are there; what the runtime sets them to belongs to the
        // session, which outlives this.
        unsafe {
            let status = (api.Session_GetEpGraphAssignmentInfo)(
                session.ptr(),
                &raw mut subgraphs,
                &raw mut count,
            );
            ort::Error::result_from_status(status).map_err(message)?;
            for place in 0..count {
                let subgraph = *subgraphs.add(place);
                let mut name: *const c_char = ptr::null();
                let status = (api.EpAssignedSubgraph_GetEpName)(subgraph, &raw mut name);
                ort::Error::result_from_status(status).map_err(message)?;
                let mut nodes = ptr::null();
                let mut node_count = 0;
                let status = (api.EpAssignedSubgraph_GetNodes)(
                    subgraph,
                    &raw mut nodes,
                    &raw mut node_count,
                );
                ort::Error::result_from_status(status).map_err(message)?;
                if !name.is_null() {
                    let name = CStr::from_ptr(name).to_string_lossy().into_owned();
                    *placement.0.entry(name).or_default() += node_count;
                }
            }
        }
        Ok(placement)
    }

    /// Nodes of a provider.
    pub fn nodes(&self, provider: &str) -> usize {
        self.0.get(provider).copied().unwrap_or_default()
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no provider has a node");
        }
        for (place, (provider, nodes)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{provider} has {nodes}")?;
        }
        Ok(())
    }
}
