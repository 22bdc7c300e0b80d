#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::http::Json;

#[derive(Deserialize)]
struct Echo {
    text: String,
}

async fn echo(body: Json<Echo>) -> HttpResponse {
    HttpResponse::Ok().body(body.0.text)
}

async fn number(number: web::Path<u32>) -> HttpResponse {
    HttpResponse::Ok().body(number.to_string())
}

async fn slow() -> HttpResponse {
    tokio::time::sleep(Duration::from_secs(60)).await;
    HttpResponse::Ok().finish()
}

fn routes(config: &mut web::ServiceConfig) {
    config.service(Endpoint::at("/echo").post(echo).limit(64));
    config.service(Endpoint::at("/numbers/{number}").get(number));
    config.service(Endpoint::at("/slow").get(slow).post(slow));
}

#[derive(utoipa::OpenApi)]
#[openapi(info(title = "A test", description = "For the test."))]
struct Description;

async fn start_server(settings: ServerSettings) -> (Running, ShutdownTrigger) {
    let (trigger, shutdown) = Shutdown::new();
    let service = Service::new("bank").unwrap().openapi(<Description as utoipa::OpenApi>::openapi());
    (start(&settings, service, routes, &shutdown).await.unwrap(), trigger)
}

async fn problem(response: reqwest::Response) -> (u16, Value) {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    (status, body["code"].clone())
}

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let (running, _trigger) = start_server(ServerSettings::default()).await;
    let client = reqwest::Client::new();
    let url = |path: &str| format!("{}{path}", running.url());
    let post =
        |body: &str| client.post(url("/echo")).header("content-type", "application/json").body(body.to_owned()).send();

    let echoed = post(r#"{"text":"hello"}"#).await.unwrap();
    assert_eq!(echoed.headers()["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    assert_eq!(echoed.text().await.unwrap(), "hello");
    assert_eq!(problem(post("{").await.unwrap()).await, (400, "json-malformed".into()));
    assert_eq!(
        problem(post(&format!(r#"{{"text":"{}"}}"#, "x".repeat(100))).await.unwrap()).await,
        (413, "body-too-large".into())
    );
    assert_eq!(problem(client.get(url("/nothing")).send().await.unwrap()).await, (404, "not-found".into()));
    assert_eq!(problem(client.get(url("/numbers/x")).send().await.unwrap()).await, (400, "request-invalid".into()));
    let refused = client.delete(url("/numbers/1")).send().await.unwrap();
    assert_eq!(refused.headers()["allow"], "GET, HEAD");
    assert_eq!(problem(refused).await, (405, "method-not-allowed".into()));
    let head = client.head(url("/numbers/12")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "2"));
}

#[tokio::test]
async fn a_chunked_body_is_bounded_too() {
    let (running, _trigger) = start_server(ServerSettings::default()).await;
    let mut stream = TcpStream::connect(running.address()).unwrap();
    write!(
        stream,
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .unwrap();
    let answer = tokio::task::spawn_blocking(move || {
        for _ in 0..16 {
            // The server may close while we still send.
            let _ = write!(stream, "10\r\n0123456789abcdef\r\n");
        }
        let mut answer = [0; 256];
        let length = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn browsers_may_ask_first() {
    let (running, _trigger) = start_server(ServerSettings::default()).await;
    let request = reqwest::Client::new()
        .request(reqwest::Method::OPTIONS, format!("{}/echo", running.url()))
        .header("origin", "http://localhost:1")
        .header("access-control-request-method", "POST");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(response.headers()["access-control-allow-headers"].to_str().unwrap().contains("content-type"));
}

#[tokio::test]
async fn describes_and_measures_itself() {
    let (running, _trigger) = start_server(ServerSettings::default()).await;
    let client = reqwest::Client::new();
    let text = |path: &str| {
        let request = client.get(format!("{}{path}", running.url()));
        async move { request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap() }
    };
    text("/numbers/42?secret=x").await;
    let openapi: Value = serde_json::from_str(&text("/openapi.json").await).unwrap();
    assert_eq!(openapi["info"]["title"], "A test");
    assert!(openapi["paths"]["/.well-known/semper"]["get"]["responses"]["429"].is_object(), "{openapi}");
    assert!(openapi["components"]["schemas"]["ProblemBody"].is_object());
    assert!(text("/docs").await.contains("/docs/page.js"));
    assert!(text("/health").await.contains("up"));
    assert!(text("/ready").await.contains("ready"));
    let metrics = text("/metrics").await;
    assert!(metrics.contains(r#"route="/numbers/{number}""#), "{metrics}");
    assert!(!metrics.contains("42?") && !metrics.contains("secret"));
}

#[tokio::test]
async fn who_asks_too_often_waits() {
    let rate_limit = RateLimitSettings { per_second: 1, burst: 3, exempt_loopback: false };
    let (running, _trigger) = start_server(ServerSettings { rate_limit, ..ServerSettings::default() }).await;
    let client = reqwest::Client::new();
    for _ in 0..3 {
        client.get(format!("{}/health", running.url())).send().await.unwrap().error_for_status().unwrap();
    }
    let refused = client.get(format!("{}/health", running.url())).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(problem(refused).await, (429, "rate-limited".into()));
}

#[tokio::test]
async fn behind_a_proxy_its_word_counts() {
    let rate_limit = RateLimitSettings { per_second: 1, burst: 1, exempt_loopback: false };
    let settings = ServerSettings { rate_limit, behind_proxy: true, ..ServerSettings::default() };
    let (running, _trigger) = start_server(settings).await;
    let client = reqwest::Client::new();
    let mut statuses = Vec::new();
    for from in ["192.0.2.1", "192.0.2.2", "10.0.0.1, 192.0.2.1"] {
        let request = client.get(format!("{}/health", running.url())).header("x-forwarded-for", from);
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429], "only what the proxy itself appended counts");
}

#[tokio::test]
async fn nothing_takes_for_ever() {
    let (running, _trigger) = start_server(ServerSettings { request_timeout_s: 1, ..ServerSettings::default() }).await;
    let client = reqwest::Client::new();
    let url = format!("{}/slow", running.url());
    assert_eq!(problem(client.get(&url).send().await.unwrap()).await, (503, "busy".into()));
    assert_eq!(problem(client.post(&url).send().await.unwrap()).await, (503, "outcome-unknown".into()));
}

#[tokio::test]
async fn a_slow_head_is_cut_off() {
    let (running, _trigger) = start_server(ServerSettings::default()).await;
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost:").unwrap();
    let started = Instant::now();
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 408"));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn stops_when_told() {
    let (running, trigger) = start_server(ServerSettings::default()).await;
    let address = running.address();
    trigger.stop();
    tokio::time::timeout(Duration::from_secs(10), running.stopped()).await.unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let (running, _trigger) = start_server(ServerSettings::default()).await;
    let (_other, shutdown) = Shutdown::new();
    let settings = ServerSettings { listen: running.address(), ..ServerSettings::default() };
    let error = start(&settings, Service::new("mint").unwrap(), routes, &shutdown).await.unwrap_err();
    assert!(error.to_string().contains(&running.address().to_string()), "{error}");
}
