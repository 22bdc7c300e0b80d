//! Load: a closed loop that finds the rate, and an open one at half of it that finds the latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::client::Bench;
use super::{Figures, Plan, process};
use crate::{Demo, Outcome};

/// What is sent: one request after the other, each step made from the answer to the one before.
struct Job {
    url: String,
    body: Vec<u8>,
    then: Option<Then>,
}

/// Makes address and body of the next request from the answer to the one before.
type Then = Box<dyn Fn(&[u8]) -> Outcome<(String, Vec<u8>)> + Send + Sync>;

/// Purchases, in a closed loop and then begun at half the rate that it reached.
pub(super) async fn purchases(bench: &mut Bench, demo: &Demo, plan: &Plan) -> Outcome<(Figures, Figures)> {
    let half = plan.purchases / 2;
    let coins = bench.withdraw(plan.warm_up + plan.purchases + half).await?;
    let url = format!("{}/deals", demo.urls.merchant);
    let mut jobs = Vec::with_capacity(coins.len());
    for coin in &coins {
        jobs.push(Job { url: url.clone(), body: bench.purchase(coin)?, then: None });
    }
    let open = jobs.split_off(plan.warm_up + plan.purchases);
    let closed = jobs.split_off(plan.warm_up);
    closed_loop(bench, demo, jobs, plan.connections).await?;
    let full = closed_loop(bench, demo, closed, plan.connections).await?;
    let at_half = open_loop(bench, demo, open, full.per_s / 2.0).await?;
    Ok((full, at_half))
}

/// Withdrawals of one coin each.
pub(super) async fn withdrawals(bench: &mut Bench, demo: &Demo, plan: &Plan) -> Outcome<Figures> {
    let reserve = bench.reserve(plan.withdrawals).await?;
    let mut jobs = Vec::with_capacity(plan.withdrawals);
    for _ in 0..plan.withdrawals {
        let (body, _) = bench.withdrawal(&reserve, 1)?;
        jobs.push(Job { url: bench.withdrawals_url(), body, then: None });
    }
    closed_loop(bench, demo, jobs, plan.connections).await
}

/// Refreshes of one coin into one coin: melt, reveal.
pub(super) async fn refreshes(bench: &mut Bench, demo: &Demo, plan: &Plan) -> Outcome<Figures> {
    let coins = bench.withdraw(plan.refreshes).await?;
    let mut jobs = Vec::with_capacity(coins.len());
    for coin in coins {
        let (body, name, candidates) = bench.melt(&coin)?;
        let url = format!("{}/{name}/reveal", bench.melts_url());
        let then = move |answer: &[u8]| Ok((url.clone(), Bench::reveal(&coin, &candidates, answer)?));
        jobs.push(Job { url: bench.melts_url(), body, then: Some(Box::new(then)) });
    }
    closed_loop(bench, demo, jobs, plan.connections).await
}

async fn run(http: &reqwest::Client, job: &Job) -> Outcome {
    let answer = post(http, &job.url, job.body.clone()).await?;
    if let Some(then) = &job.then {
        let (url, body) = then(&answer)?;
        post(http, &url, body).await?;
    }
    Ok(())
}

async fn post(http: &reqwest::Client, url: &str, body: Vec<u8>) -> Outcome<Vec<u8>> {
    let answer = http.post(url).header("content-type", "application/json").body(body).send().await?;
    let status = answer.status();
    let bytes = answer.bytes().await?.to_vec();
    if status.is_success() { Ok(bytes) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&bytes)).into()) }
}

/// As many at a time as there are connections, each next one as soon as one is done.
async fn closed_loop(bench: &Bench, demo: &Demo, jobs: Vec<Job>, connections: usize) -> Outcome<Figures> {
    let (jobs, next) = (Arc::new(jobs), Arc::new(AtomicUsize::new(0)));
    let before = Meter::read(demo)?;
    let workers = (0..connections).map(|_| {
        let (jobs, next, http) = (Arc::clone(&jobs), Arc::clone(&next), bench.http.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let begun = Instant::now();
                run(&http, job).await?;
                times.push(begun.elapsed());
            }
            Outcome::Ok(times)
        })
    });
    let mut times = Vec::with_capacity(jobs.len());
    for worker in try_join_all(workers).await? {
        times.extend(worker?);
    }
    before.figures(demo, times)
}

/// Begun at a fixed rate, whatever becomes of the others; the latency counts from the planned beginning.
async fn open_loop(bench: &Bench, demo: &Demo, jobs: Vec<Job>, per_s: f64) -> Outcome<Figures> {
    let before = Meter::read(demo)?;
    let begun = Instant::now();
    let gap = Duration::from_secs_f64(1.0 / per_s);
    let mut due = begun;
    let mut tasks = Vec::with_capacity(jobs.len());
    for job in jobs {
        tokio::time::sleep_until(due.into()).await;
        let http = bench.http.clone();
        tasks.push(tokio::spawn(async move { run(&http, &job).await.map(|()| due.elapsed()) }));
        due += gap;
    }
    let mut times = Vec::with_capacity(tasks.len());
    for task in try_join_all(tasks).await? {
        times.push(task?);
    }
    before.figures(demo, times)
}

/// The state of things when a loop begins.
struct Meter {
    begun: Instant,
    cpu_us: f64,
    bytes: f64,
}

impl Meter {
    fn read(demo: &Demo) -> Outcome<Self> {
        let cpu_us = process::cpu_us(demo.id()?)?;
        Ok(Self { bytes: process::database_bytes(&demo.data())?, cpu_us, begun: Instant::now() })
    }

    fn figures(self, demo: &Demo, mut times: Vec<Duration>) -> Outcome<Figures> {
        let elapsed = self.begun.elapsed().as_secs_f64();
        let after = Self::read(demo)?;
        times.sort_unstable();
        let count = f64::from(u32::try_from(times.len())?);
        let percentile = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        Ok(Figures {
            per_s: count / elapsed,
            p50_ms: percentile(50),
            p99_ms: percentile(99),
            cpu_us: (after.cpu_us - self.cpu_us) / count,
            bytes: (after.bytes - self.bytes) / count,
        })
    }
}
