//! Where a guest may connect to: granted hosts, and the addresses that their names stand for.

use std::fmt::{self, Debug, Display};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs as _};

use url::{Host, Url};

/// `host:port` that a job grants: an exact name or address, and the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    host: Host<String>,
    port: u16,
}

impl Authority {
    /// Reads `api.example.com:443`, `127.0.0.1:8080`, `[::1]:8080`. `None`: it is something else, or
    /// has no port.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        // The rule by which the hosts of requests are read too.
        let host = Host::parse(host).ok()?;
        let plain = match &host {
            Host::Domain(name) => !name.is_empty() && !name.contains('*'),
            _ => true,
        };
        plain.then_some(Self { host, port })
    }

    /// The authority that a request to this URL goes to.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        Some(Self {
            host: url.host()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

impl Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Finds the addresses of a name.
pub trait Resolver: Send + Sync + Debug {
    /// May block.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own [`Resolver`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = (host, 0).to_socket_addrs()?;
        Ok(addresses.map(|address| address.ip()).collect())
    }
}

/// Whether a granted name may stand for this address: one of the public internet, or for `localhost`
/// one of this machine. Any other address is reached only by a grant that names the address itself.
pub(crate) fn may_stand_for(name: &str, address: IpAddr) -> bool {
    match name {
        "localhost" => address.to_canonical().is_loopback(),
        _ => is_public(address),
    }
}

/// Whether an address is one of the public internet, by IANA's registries of special addresses.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let special = match a {
        // Protocol assignments (Teredo, ORCHID, …) and documentation.
        0x2001 => b < 0x200 || b == 0xdb8,
        // 6to4: an IPv4 address stands inside.
        0x2002 => true,
        0x3fff => b < 0x1000,
        _ => false,
    };
    (0x2000..0x4000).contains(&a) && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fec0::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
        for public in [
            "1.1.1.1",
            "172.32.0.1",
            "192.0.1.1",
            "::ffff:8.8.8.8",
            "2606:4700::1111",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        assert!(may_stand_for("localhost", "127.0.0.1".parse().unwrap()));
        assert!(!may_stand_for("localhost", "10.0.0.1".parse().unwrap()));
        assert!(!may_stand_for("example.com", "127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn an_authority_is_a_host_and_a_port() {
        let shown = |text: &str| Authority::parse(text).map(|authority| authority.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(shown("API.example.com:443"), some("api.example.com:443"));
        assert_eq!(shown("[::1]:80"), some("[::1]:80"));
        assert_eq!(shown("0x7f.1:80"), some("127.0.0.1:80"));
        for wrong in [
            "example.com",
            "example.com:",
            "example.com:0",
            "example.com:99999",
            "*.example.com:443",
            "https://example.com:443",
            "user@example.com:443",
            "::1:80:",
            ":80",
            "",
        ] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }
}
