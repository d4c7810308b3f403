//! Wants a TCP socket, a UDP socket, and the address of a name.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::sockets::instance_network::instance_network;
use attack::wasi::sockets::ip_name_lookup::resolve_addresses;
use attack::wasi::sockets::network::IpAddressFamily;
use attack::wasi::sockets::tcp_create_socket::create_tcp_socket;
use attack::wasi::sockets::udp_create_socket::create_udp_socket;

struct Sockets;

impl Attack for Sockets {
    fn batch_eval(_attack: &str, _rows: &Batch) -> Result<Column, Error> {
        let network = instance_network();
        let tcp = create_tcp_socket(IpAddressFamily::Ipv4).map(drop);
        let udp = create_udp_socket(IpAddressFamily::Ipv6).map(drop);
        let name = resolve_addresses(&network, "localhost").map(drop);
        Err(Error::Failed(format!(
            "tcp {:?}, udp {:?}, localhost {:?}",
            tcp.map_err(|code| code.name()),
            udp.map_err(|code| code.name()),
            name.map_err(|code| code.name())
        )))
    }
}

attack::export!(Sockets);
