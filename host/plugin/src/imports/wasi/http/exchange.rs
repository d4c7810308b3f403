//! A request under way: it runs on a thread of the host's, and the guest waits for what comes of it.

use std::collections::VecDeque;
use std::error::Error as _;
use std::io::ErrorKind;
use std::mem;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use reqwest::{Client, Request, Response};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::super::io::Ended;
use super::types::{DnsError, ErrorCode};
use crate::client::{Prohibited, Unknown, spawn};
use crate::error::Size;

/// Bytes of a response that wait for the guest; no more is read until it has taken them.
const MOST_WAITING: usize = 256 << 10;
/// Longer than any call.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

/// Rings whenever something has come of a store's requests.
#[derive(Debug, Default)]
pub(in super::super) struct Bell {
    rung: Mutex<u64>,
    rings: Condvar,
}

impl Bell {
    /// To be asked for before one looks whether something has come.
    pub fn seen(&self) -> u64 {
        *self.rung.lock()
    }

    /// Waits until it has rung since `seen`.
    pub fn wait(&self, seen: u64, most: Duration) {
        let mut rung = self.rung.lock();
        if *rung == seen {
            self.rings.wait_for(&mut rung, most);
        }
    }

    fn ring(&self) {
        *self.rung.lock() += 1;
        self.rings.notify_all();
    }
}

/// How long the parts of an exchange may take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timeouts {
    pub connect: Option<Duration>,
    pub first_byte: Option<Duration>,
    pub between_bytes: Option<Duration>,
}

impl Timeouts {
    fn head(&self) -> Duration {
        match (self.connect, self.first_byte) {
            (Some(connect), Some(first_byte)) => connect.saturating_add(first_byte).min(FAR),
            _ => FAR,
        }
    }
}

/// A request and its response. It ends when the guest lets go of it.
pub(in super::super) struct Exchange {
    shared: Arc<Shared>,
    task: Mutex<Option<AbortHandle>>,
    _counted: Arc<()>,
}

struct Shared {
    progress: Mutex<Progress>,
    /// The guest has taken some of the body.
    taken: Notify,
    bell: Arc<Bell>,
}

#[derive(Default)]
struct Progress {
    head: Head,
    body: VecDeque<Bytes>,
    waiting: usize,
    end: Option<Result<(), String>>,
}

#[derive(Default)]
enum Head {
    #[default]
    Awaited,
    Here(Result<ResponseHead, Failure>),
    Taken,
}

#[derive(Debug)]
pub(super) struct ResponseHead {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Why there is no response.
#[derive(Debug)]
pub(super) struct Failure {
    pub code: ErrorCode,
    /// A line for the log, where the host refused it.
    pub refused: Option<String>,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        let refused = None;
        Self { code, refused }
    }
}

impl Exchange {
    pub(super) fn new(bell: Arc<Bell>, counted: Arc<()>) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::new(Shared {
                progress: Mutex::default(),
                taken: Notify::new(),
                bell,
            }),
            task: Mutex::default(),
            _counted: counted,
        })
    }

    pub(super) fn start(&self, client: Client, request: Request, timeouts: Timeouts) {
        let run = run(self.shared.clone(), client, request, timeouts);
        match spawn(run) {
            Ok(task) => *self.task.lock() = Some(task),
            Err(error) => self.fail(ErrorCode::InternalError(Some(error.to_string())).into()),
        }
    }

    pub(super) fn fail(&self, failure: Failure) {
        self.shared.give_head(Err(failure));
    }

    pub fn bell(&self) -> &Bell {
        &self.shared.bell
    }

    pub fn has_head(&self) -> bool {
        !matches!(self.shared.progress.lock().head, Head::Awaited)
    }

    /// Whether a read gives something, if only that there is no more.
    pub fn has_body(&self) -> bool {
        let progress = self.shared.progress.lock();
        progress.waiting > 0 || progress.end.is_some()
    }

    /// None while it is awaited; then once.
    pub(super) fn take_head(&self) -> Option<Option<Result<ResponseHead, Failure>>> {
        let head = &mut self.shared.progress.lock().head;
        match mem::replace(head, Head::Taken) {
            Head::Awaited => {
                *head = Head::Awaited;
                None
            }
            Head::Here(result) => Some(Some(result)),
            Head::Taken => Some(None),
        }
    }

    /// Up to so many bytes of the body; none while none are there.
    pub fn take(&self, length: usize) -> Result<Vec<u8>, Ended> {
        let mut progress = self.shared.progress.lock();
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let Some(mut chunk) = progress.body.pop_front() else {
                break;
            };
            let rest = chunk.split_off(chunk.len().min(length - bytes.len()));
            bytes.extend_from_slice(&chunk);
            if !rest.is_empty() {
                progress.body.push_front(rest);
            }
        }
        progress.waiting -= bytes.len();
        if !bytes.is_empty() {
            self.shared.taken.notify_one();
            return Ok(bytes);
        }
        match &progress.end {
            _ if progress.waiting > 0 => Ok(bytes),
            None => Ok(bytes),
            Some(Ok(())) => Err(Ended::Closed),
            Some(Err(message)) => Err(Ended::Failed(message.clone())),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut() {
            task.abort();
        }
    }
}

impl Shared {
    fn give_head(&self, head: Result<ResponseHead, Failure>) {
        self.progress.lock().head = Head::Here(head);
        self.bell.ring();
    }

    fn give_end(&self, end: Result<(), String>) {
        self.progress.lock().end = Some(end);
        self.bell.ring();
    }

    async fn give_chunk(&self, chunk: Bytes) {
        loop {
            let taken = self.taken.notified();
            if self.progress.lock().waiting < MOST_WAITING {
                break;
            }
            taken.await;
        }
        let mut progress = self.progress.lock();
        progress.waiting += chunk.len();
        progress.body.push_back(chunk);
        drop(progress);
        self.bell.ring();
    }
}

async fn run(shared: Arc<Shared>, client: Client, request: Request, timeouts: Timeouts) {
    let response = match timeout(timeouts.head(), client.execute(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return shared.give_head(Err(failure(&error))),
        Err(_) => return shared.give_head(Err(ErrorCode::HttpResponseTimeout.into())),
    };
    shared.give_head(Ok(head(&response)));
    let between = timeouts.between_bytes.unwrap_or(FAR);
    let end = read(&shared, response, between).await;
    shared.give_end(end);
}

async fn read(shared: &Shared, mut response: Response, between: Duration) -> Result<(), String> {
    loop {
        match timeout(between, response.chunk()).await {
            Ok(Ok(Some(chunk))) if chunk.is_empty() => {}
            Ok(Ok(Some(chunk))) => shared.give_chunk(chunk).await,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(cause(&error)),
            Err(_) => return Err("nothing came for too long".to_owned()),
        }
    }
}

fn head(response: &Response) -> ResponseHead {
    let headers = response.headers().iter();
    ResponseHead {
        status: response.status().as_u16(),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
    }
}

/// The innermost reason.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn failure(error: &reqwest::Error) -> Failure {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(prohibited) = cause.downcast_ref::<Prohibited>() {
            return Failure {
                code: ErrorCode::DestinationIpProhibited,
                refused: Some(prohibited.to_string()),
            };
        }
        if cause.is::<Unknown>() {
            let error = DnsError {
                rcode: None,
                info_code: None,
            };
            return ErrorCode::DnsError(error).into();
        }
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            match error.kind() {
                ErrorKind::ConnectionRefused => return ErrorCode::ConnectionRefused.into(),
                ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::UnexpectedEof => return ErrorCode::ConnectionTerminated.into(),
                ErrorKind::TimedOut => return ErrorCode::ConnectionTimeout.into(),
                _ => {}
            }
        }
        source = cause.source();
    }
    match error.is_timeout() {
        true => ErrorCode::ConnectionTimeout.into(),
        false => ErrorCode::InternalError(Some(cause(error))).into(),
    }
}

type Start = Box<dyn FnOnce(&Exchange, Vec<u8>) + Send>;

/// The body of a request: kept here until the guest has finished it, then sent.
#[derive(Clone, Default)]
pub(in super::super) struct RequestBody(Arc<Mutex<Body>>);

#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    written: Written,
    waits: Option<(Weak<Exchange>, Start)>,
}

#[derive(Default, PartialEq, Eq)]
enum Written {
    #[default]
    Open,
    Finished,
    Abandoned,
}

impl RequestBody {
    pub(super) fn bytes(&self) -> usize {
        self.0.lock().bytes.len()
    }

    pub fn write(&self, bytes: &[u8], limit: usize) -> Result<(), Ended> {
        let mut body = self.0.lock();
        if body.written != Written::Open {
            return Err(Ended::Closed);
        }
        if body.bytes.len().saturating_add(bytes.len()) > limit {
            let limit = Size(limit);
            return Err(Ended::Failed(format!("a request has at most {limit}")));
        }
        body.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Sends the request when its body is finished.
    pub(super) fn send(&self, exchange: &Arc<Exchange>, start: Start) {
        let mut body = self.0.lock();
        match body.written {
            Written::Open => body.waits = Some((Arc::downgrade(exchange), start)),
            Written::Finished => start(exchange, mem::take(&mut body.bytes)),
            Written::Abandoned => exchange.fail(ErrorCode::ConnectionTerminated.into()),
        }
    }

    /// What the guest has written is all.
    pub(super) fn finish(&self) {
        let mut body = self.0.lock();
        body.written = Written::Finished;
        if let Some((exchange, start)) = body.waits.take()
            && let Some(exchange) = exchange.upgrade()
        {
            start(&exchange, mem::take(&mut body.bytes));
        }
    }

    /// The guest has let go of it: a request that is not finished is not sent.
    pub(super) fn abandon(&self) {
        let mut body = self.0.lock();
        if body.written == Written::Finished {
            return;
        }
        body.written = Written::Abandoned;
        if let Some((exchange, _)) = body.waits.take()
            && let Some(exchange) = exchange.upgrade()
        {
            exchange.fail(ErrorCode::ConnectionTerminated.into());
        }
    }
}
