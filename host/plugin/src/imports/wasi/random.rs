//! `wasi:random`: the operating system's randomness where it is granted, else numbers that are the same
//! whenever the same function is opened with the same parameters.

use sha2::{Digest as _, Sha256};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::instance;
use crate::error::Size;
use crate::state::{Refusal, State};

type Cx<'a> = StoreContextMut<'a, State>;

/// Bytes that a guest gets at once.
const MOST_BYTES: u64 = 1 << 20;

/// SHA-256 of the function's seed and a counter, block by block.
#[derive(Debug, Default)]
pub(super) struct Random {
    blocks: u64,
    rest: Vec<u8>,
}

impl Random {
    fn fill(&mut self, seed: &[u8], bytes: &mut [u8]) {
        for byte in bytes {
            if self.rest.is_empty() {
                let block = Sha256::new()
                    .chain_update(seed)
                    .chain_update(self.blocks.to_le_bytes())
                    .finalize();
                self.blocks += 1;
                self.rest.extend_from_slice(&block);
            }
            *byte = self.rest.pop().unwrap_or_default();
        }
    }
}

fn fill(state: &mut State, bytes: &mut [u8]) -> Result<(), Refusal> {
    let surroundings = &state.surroundings;
    if surroundings.grants.random {
        return getrandom::fill(bytes)
            .map_err(|error| Refusal::Data(format!("the machine gives no randomness: {error}")));
    }
    state.wasi.random.fill(&surroundings.seed, bytes);
    Ok(())
}

fn number(state: &mut State) -> Result<u64, Refusal> {
    let mut bytes = [0; 8];
    fill(state, &mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn bytes(state: &mut State, length: u64) -> Result<Vec<u8>, Refusal> {
    if length > MOST_BYTES {
        return Err(Refusal::Data(format!(
            "it asks for {} of randomness, of at most {} at once",
            Size(usize::try_from(length).unwrap_or(usize::MAX)),
            Size(MOST_BYTES as usize)
        )));
    }
    let mut bytes = vec![0; length as usize];
    fill(state, &mut bytes)?;
    Ok(bytes)
}

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for (interface, bytes_name, number_name) in [
        ("wasi:random/random", "get-random-bytes", "get-random-u64"),
        (
            "wasi:random/insecure",
            "get-insecure-random-bytes",
            "get-insecure-random-u64",
        ),
    ] {
        let mut instance = instance(linker, interface)?;
        instance.func_wrap(bytes_name, |mut cx: Cx, (length,): (u64,)| {
            Ok((bytes(cx.data_mut(), length)?,))
        })?;
        instance.func_wrap(number_name, |mut cx: Cx, ()| Ok((number(cx.data_mut())?,)))?;
    }
    instance(linker, "wasi:random/insecure-seed")?.func_wrap("insecure-seed", |mut cx: Cx, ()| {
        let state = cx.data_mut();
        Ok(((number(state)?, number(state)?),))
    })
}
