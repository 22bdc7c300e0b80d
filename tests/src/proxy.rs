//! A line between two parties that can be cut at an exact point of the conversation.
//!
//! Every request to a party goes through its [`Proxy`], one request a connection. A [`Trap`] waits for the n-th request of
//! one kind, does something at an exact moment of it (such as to kill a process), and loses what was on its way: so a
//! test hits a step of the protocol without sleeping and hoping.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::Outcome;

/// The largest head of a request.
const MAX_HEAD: usize = 64 * 1024;

/// When a trap closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The request is on its way and never arrives.
    Asked,
    /// The request is on its way; it arrives and is answered, and nobody hears the answer.
    Arriving,
    /// The party has answered, and the answer is lost.
    Answered,
    /// This many bytes of the answer have passed; the rest is lost.
    Passing(usize),
}

/// What is done when a trap closes.
pub type Deed = Box<dyn FnOnce() + Send>;

/// Waits for a request.
pub struct Trap {
    method: &'static str,
    path: &'static str,
    end: &'static str,
    nth: usize,
    moment: Moment,
    deed: Deed,
}

impl Trap {
    /// For the `nth` request (from 1) by this method whose path is `path`, where a `*` at most once stands for anything.
    pub fn new(method: &'static str, path: &'static str, nth: usize, moment: Moment, deed: Deed) -> Self {
        let (path, end) = path.split_once('*').unwrap_or((path, "\0"));
        Self { method, path, end, nth, moment, deed }
    }

    fn is_for(&self, method: &str, path: &str) -> bool {
        let fits = match self.end {
            "\0" => path == self.path,
            end => path.strip_prefix(self.path).is_some_and(|rest| rest.ends_with(end)),
        };
        method == self.method && fits
    }
}

/// The way to one party.
#[derive(Clone)]
pub struct Proxy {
    address: SocketAddr,
    party: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    trap: Option<Trap>,
    seen: Vec<String>,
    recorded: Option<Vec<u8>>,
}

impl Proxy {
    /// Begins to carry requests to the party at `party`, until the process ends.
    ///
    /// # Errors
    /// Where there is no port.
    pub fn start(party: SocketAddr) -> Outcome<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let proxy = Self { address: listener.local_addr()?, party, state: Arc::default() };
        let worker = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let worker = worker.clone();
                // A connection that breaks is what this is for.
                thread::spawn(move || drop(worker.carry(client)));
            }
        });
        Ok(proxy)
    }

    /// The port that stands for the party's.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets a trap in place of another.
    pub fn set(&self, trap: Trap) {
        self.state().trap = Some(trap);
    }

    /// Whether a trap was set and has not closed; it is taken away.
    pub fn unset(&self) -> bool {
        self.state().trap.take().is_some()
    }

    /// What was asked since the last call: method and path.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.state().seen)
    }

    /// Keeps everything that passes from now on, both ways.
    pub fn record(&self) {
        self.state().recorded = Some(Vec::new());
    }

    /// What has passed since it was to be kept.
    pub fn recorded(&self) -> Vec<u8> {
        self.state().recorded.clone().unwrap_or_default()
    }

    fn keep(&self, bytes: &[u8]) {
        if let Some(recorded) = &mut self.state().recorded {
            recorded.extend_from_slice(bytes);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trap, where this request is the one that it waits for.
    fn sprung(&self, method: &str, path: &str) -> Option<(Moment, Deed)> {
        let mut state = self.state();
        state.seen.push(format!("{method} {path}"));
        let trap = state.trap.as_mut().filter(|trap| trap.is_for(method, path))?;
        trap.nth = trap.nth.saturating_sub(1);
        if trap.nth > 0 {
            return None;
        }
        state.trap.take().map(|trap| (trap.moment, trap.deed))
    }

    fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let Some(request) = Request::read(&mut client)? else { return Ok(()) };
        let sprung = self.sprung(&request.method, &request.path);
        let Some((moment, deed)) = sprung else {
            let mut party = self.ask(&request)?;
            self.keep(&request.bytes);
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let length = party.read(&mut buffer)?;
                if length == 0 {
                    return client.shutdown(Shutdown::Both);
                }
                self.keep(&buffer[..length]);
                client.write_all(&buffer[..length])?;
            }
        };
        let mut answer = Vec::new();
        match moment {
            Moment::Asked => {
                drop(client);
                deed();
            }
            Moment::Arriving => {
                deed();
                drop(client);
                self.ask(&request)?.read_to_end(&mut answer)?;
            }
            Moment::Answered => {
                self.ask(&request)?.read_to_end(&mut answer)?;
                // First the deed, then the silence: whoever asked cannot ask again in between.
                deed();
            }
            Moment::Passing(length) => {
                self.ask(&request)?.read_to_end(&mut answer)?;
                client.write_all(answer.get(..length).unwrap_or(&answer))?;
                client.flush()?;
                deed();
            }
        }
        Ok(())
    }

    /// Passes the request on; what comes back until the end is the answer.
    fn ask(&self, request: &Request) -> io::Result<TcpStream> {
        let mut party = TcpStream::connect(self.party)?;
        party.write_all(&request.bytes)?;
        Ok(party)
    }
}

/// A request that was read whole.
struct Request {
    method: String,
    path: String,
    /// As it is passed on: the connection is closed after it.
    bytes: Vec<u8>,
}

impl Request {
    fn read(client: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        let head_len = loop {
            if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
                break at;
            }
            let length = client.read(&mut buffer)?;
            if length == 0 || bytes.len() > MAX_HEAD {
                return Ok(None);
            }
            bytes.extend_from_slice(&buffer[..length]);
        };
        let head = String::from_utf8_lossy(&bytes[..head_len]).into_owned();
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        let mut passed = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        let mut body_len = 0;
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            match name.to_ascii_lowercase().as_str() {
                "connection" => continue,
                "content-length" => body_len = value.trim().parse().unwrap_or(0),
                _ => {}
            }
            passed.push_str(line);
            passed.push_str("\r\n");
        }
        passed.push_str("\r\n");
        let mut body = bytes.split_off(head_len + 4);
        let arrived = body.len();
        body.resize(body_len, 0);
        if arrived < body_len {
            client.read_exact(&mut body[arrived..])?;
        }
        let mut bytes = passed.into_bytes();
        bytes.extend(body);
        Ok(Some(Self { method: method.to_owned(), path: path.to_owned(), bytes }))
    }
}
