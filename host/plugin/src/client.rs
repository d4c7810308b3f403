//! The HTTP client of a function: it connects to addresses that are checked, and nowhere else.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::network::{Resolver, may_stand_for};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Names that are looked up at once.
const LOOKUPS: usize = 16;

/// Makes the client of one function when it is first asked for: connections are not shared with others.
#[derive(Debug)]
pub(crate) struct HttpClient {
    resolver: Arc<dyn Resolver>,
    client: OnceLock<Client>,
}

impl HttpClient {
    pub fn new(resolver: Arc<dyn Resolver>) -> Self {
        let client = OnceLock::new();
        Self { resolver, client }
    }

    pub fn get(&self) -> Result<Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        // A proxy would look names up itself, and a redirect lead to where no grant does.
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .dns_resolver(Arc::new(Checked(self.resolver.clone())))
            .build()?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

/// A granted name that stands only for addresses that it may not stand for.
#[derive(Debug)]
pub(crate) struct Prohibited {
    host: String,
    address: IpAddr,
}

impl fmt::Display for Prohibited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, address } = self;
        write!(
            f,
            "refused a request to {host}: it stands for {address}, which is not a public address"
        )
    }
}

impl Error for Prohibited {}

/// A name that stands for no address.
#[derive(Debug)]
pub(crate) struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name stands for no address")
    }
}

impl Error for Unknown {}

/// Looks a name up once, and gives only addresses that it may stand for: the connection is made to one
/// of these.
#[derive(Debug)]
struct Checked(Arc<dyn Resolver>);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.0.clone();
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || checked(resolver.as_ref(), host));
            let addresses = found.await??;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn checked(
    resolver: &dyn Resolver,
    host: String,
) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    let found = resolver.resolve(&host).map_err(|_| Unknown)?;
    let allowed: Vec<_> = found
        .iter()
        .filter(|address| may_stand_for(&host, **address))
        // The port is the URL's.
        .map(|address| SocketAddr::new(*address, 0))
        .collect();
    match found.first() {
        None => Err(Unknown.into()),
        Some(&address) if allowed.is_empty() => Err(Prohibited { host, address }.into()),
        Some(_) => Ok(allowed),
    }
}

/// Runs a request on the thread that all requests of the process share.
pub(crate) fn spawn(request: impl Future<Output = ()> + Send + 'static) -> io::Result<AbortHandle> {
    static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);
    let mut runtime = RUNTIME.lock();
    let started = match runtime.take() {
        Some(started) => started,
        None => Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(LOOKUPS)
            .thread_name("wasmill-http")
            .enable_all()
            .build()?,
    };
    let task = runtime.insert(started).spawn(request);
    Ok(task.abort_handle())
}
