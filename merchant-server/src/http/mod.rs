//! What every party's HTTP interface shares: problems, strict JSON, limits, telemetry, documentation, and the server itself.
//!
//! A party describes itself with a [`Service`], hands its routes as [`Endpoint`]s to [`server::start`], and gets a
//! [`server::Running`] back. Everything that must hold for every request of every party is done once, in `edge`:
//!
//! ```text
//! connection ─▶ limits of the server ─▶ edge: rate limit, time-out, CORS, security headers, metrics, log
//!                                          └▶ endpoint ─▶ extractors (Json, Path, Query) ─▶ handler
//! ```
//!
//! A handler extracts, calls and responds; it decides nothing. Whatever goes wrong is a [`Problem`].

mod bearer;
mod docs;
mod edge;
mod endpoint;
mod json;
mod limit;
mod problem;
pub mod schema;
pub mod server;
pub mod telemetry;

pub use bearer::{Bearer, TokenHash};
pub use endpoint::{Endpoint, jose, stored_json};
pub use json::{BodyLimit, Json, Xml};
pub use limit::RateLimitSettings;
pub use problem::{Problem, ProblemBody};
pub use server::{Running, ServerSettings, Service, Shutdown, ShutdownTrigger, StartError};
