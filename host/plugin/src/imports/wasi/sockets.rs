//! `wasi:sockets`: none can be made, no name is looked up. `grant.http` is the way out.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Val};

use super::{absent, drop_handles, instance, resource};
use crate::state::State;

type Cx<'a> = StoreContextMut<'a, State>;

/// `network`, which a guest may hold and can do nothing with.
struct Network;
/// `tcp-socket` and the like, of which there are none.
enum Socket {}

const TCP: &[&str] = &[
    "[method]tcp-socket.start-bind",
    "[method]tcp-socket.finish-bind",
    "[method]tcp-socket.start-connect",
    "[method]tcp-socket.finish-connect",
    "[method]tcp-socket.start-listen",
    "[method]tcp-socket.finish-listen",
    "[method]tcp-socket.accept",
    "[method]tcp-socket.local-address",
    "[method]tcp-socket.remote-address",
    "[method]tcp-socket.is-listening",
    "[method]tcp-socket.address-family",
    "[method]tcp-socket.set-listen-backlog-size",
    "[method]tcp-socket.keep-alive-enabled",
    "[method]tcp-socket.set-keep-alive-enabled",
    "[method]tcp-socket.keep-alive-idle-time",
    "[method]tcp-socket.set-keep-alive-idle-time",
    "[method]tcp-socket.keep-alive-interval",
    "[method]tcp-socket.set-keep-alive-interval",
    "[method]tcp-socket.keep-alive-count",
    "[method]tcp-socket.set-keep-alive-count",
    "[method]tcp-socket.hop-limit",
    "[method]tcp-socket.set-hop-limit",
    "[method]tcp-socket.receive-buffer-size",
    "[method]tcp-socket.set-receive-buffer-size",
    "[method]tcp-socket.send-buffer-size",
    "[method]tcp-socket.set-send-buffer-size",
    "[method]tcp-socket.subscribe",
    "[method]tcp-socket.shutdown",
];

const UDP: &[&str] = &[
    "[method]udp-socket.start-bind",
    "[method]udp-socket.finish-bind",
    "[method]udp-socket.stream",
    "[method]udp-socket.local-address",
    "[method]udp-socket.remote-address",
    "[method]udp-socket.address-family",
    "[method]udp-socket.unicast-hop-limit",
    "[method]udp-socket.set-unicast-hop-limit",
    "[method]udp-socket.receive-buffer-size",
    "[method]udp-socket.set-receive-buffer-size",
    "[method]udp-socket.send-buffer-size",
    "[method]udp-socket.set-send-buffer-size",
    "[method]udp-socket.subscribe",
    "[method]incoming-datagram-stream.receive",
    "[method]incoming-datagram-stream.subscribe",
    "[method]outgoing-datagram-stream.check-send",
    "[method]outgoing-datagram-stream.send",
    "[method]outgoing-datagram-stream.subscribe",
];

const LOOKUP: &[&str] = &[
    "[method]resolve-address-stream.resolve-next-address",
    "[method]resolve-address-stream.subscribe",
];

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let name = "wasi:sockets/network";
    let mut network = instance(linker, name)?;
    resource::<Network>(&mut network, "network")?;
    // No error of ours is one of the network.
    network.func_new("network-error-code", |cx, _, arguments, results| {
        results[0] = Val::Option(None);
        drop_handles(cx, arguments)
    })?;
    instance(linker, "wasi:sockets/instance-network")?
        .func_wrap("instance-network", |mut cx: Cx, ()| {
            Ok((cx.data_mut().push(Network)?,))
        })?;

    let name = "wasi:sockets/ip-name-lookup";
    let mut lookup = instance(linker, name)?;
    resource::<Socket>(&mut lookup, "resolve-address-stream")?;
    absent(&mut lookup, name, LOOKUP)?;
    refused(&mut lookup, "resolve-addresses")?;

    let name = "wasi:sockets/tcp";
    let mut tcp = instance(linker, name)?;
    resource::<Socket>(&mut tcp, "tcp-socket")?;
    absent(&mut tcp, name, TCP)?;
    refused(
        &mut instance(linker, "wasi:sockets/tcp-create-socket")?,
        "create-tcp-socket",
    )?;

    let name = "wasi:sockets/udp";
    let mut udp = instance(linker, name)?;
    resource::<Socket>(&mut udp, "udp-socket")?;
    resource::<Socket>(&mut udp, "incoming-datagram-stream")?;
    resource::<Socket>(&mut udp, "outgoing-datagram-stream")?;
    absent(&mut udp, name, UDP)?;
    refused(
        &mut instance(linker, "wasi:sockets/udp-create-socket")?,
        "create-udp-socket",
    )
}

fn refused(linker: &mut LinkerInstance<'_, State>, name: &'static str) -> wasmtime::Result<()> {
    linker.func_new(name, move |mut cx, _, arguments, results| {
        let line = format!("refused `{name}`: functions have no sockets");
        cx.data_mut().denied(&line);
        let code = Val::Enum("access-denied".to_owned());
        results[0] = Val::Result(Err(Some(Box::new(code))));
        drop_handles(cx, arguments)
    })
}
