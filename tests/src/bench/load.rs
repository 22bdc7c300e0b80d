//! Load: a closed loop that finds the rate, and an open one at half of it that finds the latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::client::{Bench, Purchase};
use super::site::{ADMIN_TOKEN, Site};
use super::{Figures, Plan};
use crate::Outcome;

/// What is sent: one request after the other, each step made from the answer to the one before.
struct Job {
    url: String,
    body: Vec<u8>,
    token: Option<&'static str>,
    then: Option<Then>,
}

/// Makes address and body of the next request from the answer to the one before.
type Then = Box<dyn Fn(&[u8]) -> Outcome<(String, Vec<u8>)> + Send + Sync>;

/// Purchases and their refunds.
pub(super) struct Bought {
    /// In a closed loop.
    pub(super) full: Figures,
    /// Begun at half the rate that the closed loop reached.
    pub(super) half: Figures,
    /// Refunds of what was bought in the closed loop.
    pub(super) refund: Figures,
}

/// Purchases, in a closed loop and then begun at half the rate that it reached; then refunds.
pub(super) async fn purchases(bench: &mut Bench, site: &Site, plan: &Plan) -> Outcome<Bought> {
    let half = plan.purchases / 2;
    let coins = bench.withdraw(plan.warm_up + plan.purchases + half).await?;
    let made = bench.purchases(&coins)?;
    let mut refunds = Vec::with_capacity(plan.refunds);
    for purchase in made.iter().skip(plan.warm_up).take(plan.refunds) {
        let (url, body) = bench.refund(&purchase.deal)?;
        refunds.push(Job { url, body, token: Some(ADMIN_TOKEN), then: None });
    }
    let mut jobs = jobs(bench, made);
    let open = jobs.split_off(plan.warm_up + plan.purchases);
    let closed = jobs.split_off(plan.warm_up);
    closed_loop(bench, site, jobs, plan.connections).await?;
    let full = closed_loop(bench, site, closed, plan.connections).await?;
    let half = open_loop(bench, site, open, full.per_s / 2.0).await?;
    let refund = closed_loop(bench, site, refunds, plan.connections).await?;
    Ok(Bought { full, half, refund })
}

/// Purchases in a closed loop alone.
pub(super) async fn purchases_alone(bench: &mut Bench, site: &Site, plan: &Plan) -> Outcome<Figures> {
    let coins = bench.withdraw(plan.warm_up + plan.purchases).await?;
    let mut warm_up = jobs(bench, bench.purchases(&coins)?);
    let closed = warm_up.split_off(plan.warm_up);
    closed_loop(bench, site, warm_up, plan.connections).await?;
    closed_loop(bench, site, closed, plan.connections).await
}

fn jobs(bench: &Bench, purchases: Vec<Purchase>) -> Vec<Job> {
    let url = bench.deals_url();
    let job = |purchase: Purchase| Job { url: url.clone(), body: purchase.body, token: None, then: None };
    purchases.into_iter().map(job).collect()
}

/// Withdrawals of one coin each.
pub(super) async fn withdrawals(bench: &mut Bench, site: &Site, plan: &Plan) -> Outcome<Figures> {
    let reserve = bench.reserve(plan.withdrawals).await?;
    let mut jobs = Vec::with_capacity(plan.withdrawals);
    for _ in 0..plan.withdrawals {
        let (body, _) = bench.withdrawal(&reserve, 1)?;
        jobs.push(Job { url: bench.withdrawals_url(), body, token: None, then: None });
    }
    closed_loop(bench, site, jobs, plan.connections).await
}

/// Refreshes of one coin into one coin: melt, reveal.
pub(super) async fn refreshes(bench: &mut Bench, site: &Site, plan: &Plan) -> Outcome<Figures> {
    let coins = bench.withdraw(plan.refreshes).await?;
    let mut jobs = Vec::with_capacity(coins.len());
    for coin in coins {
        let (body, name, candidates) = bench.melt(&coin)?;
        let url = format!("{}/{name}/reveal", bench.melts_url());
        let then = move |answer: &[u8]| Ok((url.clone(), Bench::reveal(&coin, &candidates, answer)?));
        jobs.push(Job { url: bench.melts_url(), body, token: None, then: Some(Box::new(then)) });
    }
    closed_loop(bench, site, jobs, plan.connections).await
}

async fn run(http: &reqwest::Client, job: &Job) -> Outcome {
    let answer = post(http, &job.url, job.body.clone(), job.token).await?;
    if let Some(then) = &job.then {
        let (url, body) = then(&answer)?;
        post(http, &url, body, job.token).await?;
    }
    Ok(())
}

async fn post(http: &reqwest::Client, url: &str, body: Vec<u8>, token: Option<&str>) -> Outcome<Vec<u8>> {
    let mut request = http.post(url).header("content-type", "application/json").body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await?;
    let status = answer.status();
    let bytes = answer.bytes().await?.to_vec();
    if status.is_success() { Ok(bytes) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&bytes)).into()) }
}

/// As many at a time as there are connections, each next one as soon as one is done.
async fn closed_loop(bench: &Bench, site: &Site, jobs: Vec<Job>, connections: usize) -> Outcome<Figures> {
    let (jobs, next) = (Arc::new(jobs), Arc::new(AtomicUsize::new(0)));
    let before = Meter::read(site)?;
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
    before.figures(site, times)
}

/// Begun at a fixed rate, whatever becomes of the others; the latency counts from the planned beginning.
async fn open_loop(bench: &Bench, site: &Site, jobs: Vec<Job>, per_s: f64) -> Outcome<Figures> {
    let before = Meter::read(site)?;
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
    before.figures(site, times)
}

/// The state of things when a loop begins.
struct Meter {
    begun: Instant,
    cpu_us: f64,
    bytes: f64,
}

impl Meter {
    fn read(site: &Site) -> Outcome<Self> {
        Ok(Self { bytes: site.bytes()?, cpu_us: site.cpu_us()?, begun: Instant::now() })
    }

    fn figures(self, site: &Site, mut times: Vec<Duration>) -> Outcome<Figures> {
        let elapsed = self.begun.elapsed().as_secs_f64();
        let after = Self::read(site)?;
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
