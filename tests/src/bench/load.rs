//! Load: a closed loop that finds the rate, and an open one at half of it that finds the latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::client::{Bench, Melting, Purchase};
use super::connection::Door;
use super::profile::Recording;
use super::site::{Cpu, Site, Stored};
use super::{Figures, Plan};
use crate::Outcome;

/// What is sent: a request, and perhaps another one that is chosen by its answer.
pub(super) struct Job {
    request: Vec<u8>,
    then: Option<Then>,
}

/// Chooses the next request by the answer to the one before.
type Then = Box<dyn Fn(&[u8]) -> Outcome<Vec<u8>> + Send + Sync>;

impl Job {
    fn of(request: Vec<u8>) -> Self {
        Self { request, then: None }
    }
}

/// What one kind of operation showed.
pub(super) struct Shown {
    /// In a closed loop.
    pub(super) closed: Measured,
    /// Begun at half the rate that the closed loop reached.
    pub(super) half: Measured,
}

/// What a loop showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) figures: Figures,
    /// What the books of each party grew by per operation, in bytes.
    pub(super) stored: Stored,
    /// CPU time of the database server per operation, in microseconds.
    pub(super) database_cpu_us: f64,
}

/// Purchases with coins, and the deals that came of the closed loop.
pub(super) async fn purchases(bench: &mut Bench, site: &Site, plan: &Plan) -> Outcome<(Shown, Vec<Purchase>)> {
    let coins = bench.withdraw(site, plan.warm_up + plan.purchases + plan.purchases / 2).await?;
    let mut made = bench.purchases(&coins)?;
    let jobs = sent(&mut made);
    let recording = plan.profile.as_ref().map(|file| Recording::begin(&site.serving(), file)).transpose()?;
    let shown = both(&site.merchants, site, jobs, plan.warm_up, plan).await?;
    if let Some(recording) = recording {
        println!("{}", recording.end()?);
    }
    Ok((shown, made))
}

/// Purchases with coins in a closed loop alone.
pub(super) async fn purchases_alone(bench: &mut Bench, site: &Site, plan: &Plan) -> Outcome<Figures> {
    let coins = bench.withdraw(site, plan.warm_up + plan.purchases).await?;
    let mut warm_up = sent(&mut bench.purchases(&coins)?);
    let closed = warm_up.split_off(plan.warm_up);
    closed_loop(&site.merchants, site, warm_up, plan.connections).await?;
    Ok(closed_loop(&site.merchants, site, closed, plan.connections).await?.figures)
}

/// Purchases with an enrolled card (3KP), through the gateway and its sandbox.
pub(super) async fn card_purchases(bench: &Bench, site: &Site, plan: &Plan) -> Outcome<Shown> {
    let cards = bench.enrol().await?;
    let door = Door::to(&site.merchants);
    // The gateway meets the merchant when it can.
    for _ in 0..200 {
        let first = sent(&mut bench.card_purchases(&cards, 1)?);
        if try_join_all(first.iter().map(|job| door.ask(&job.request))).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let warm_up = plan.cards / 10;
    let jobs = sent(&mut bench.card_purchases(&cards, warm_up + plan.cards + plan.cards / 2)?);
    both(&site.merchants, site, jobs, warm_up, plan).await
}

/// Refunds of purchases.
pub(super) async fn refunds(bench: &mut Bench, site: &Site, plan: &Plan, bought: &[Purchase]) -> Outcome<Shown> {
    let deals = bought.iter().skip(plan.warm_up).take(plan.refunds + plan.refunds / 2);
    let jobs = deals.map(|purchase| Ok(Job::of(bench.refund(&purchase.deal)?))).collect::<Outcome<_>>()?;
    both(&site.merchants, site, jobs, 0, plan).await
}

/// How many withdrawals of the benchmark are from the same reserve: nobody's reserve is that of all customers, and
/// PostgreSQL keeps a version of its row for each withdrawal of the last moments.
const OF_ONE_RESERVE: usize = 10;

/// Withdrawals of one coin each; of the reserves' first coins first.
pub(super) async fn withdrawals(bench: &mut Bench, site: &Site, plan: &Plan) -> Outcome<Shown> {
    let count = plan.withdrawals + plan.withdrawals / 2;
    let reserves = bench.reserves(count.div_ceil(OF_ONE_RESERVE), OF_ONE_RESERVE).await?;
    let mut jobs = Vec::with_capacity(reserves.len() * OF_ONE_RESERVE);
    for _ in 0..OF_ONE_RESERVE {
        for reserve in &reserves {
            let made = bench.withdrawals(reserve, &[1])?;
            jobs.extend(made.into_iter().map(|withdrawal| Job::of(withdrawal.request)));
        }
    }
    both(&site.mints, site, jobs, 0, plan).await
}

/// Refreshes of one coin into one coin: melt, reveal.
pub(super) async fn refreshes(bench: &mut Bench, site: &Site, plan: &Plan) -> Outcome<Shown> {
    let coins = bench.withdraw(site, plan.refreshes + plan.refreshes / 2).await?;
    let job = |mut melting: Melting| Job {
        request: std::mem::take(&mut melting.request),
        then: Some(Box::new(move |answer: &[u8]| melting.reveal(answer))),
    };
    let jobs = bench.melts(&coins)?.into_iter().map(job).collect();
    both(&site.mints, site, jobs, 0, plan).await
}

fn sent(purchases: &mut [Purchase]) -> Vec<Job> {
    purchases.iter_mut().map(|purchase| Job::of(std::mem::take(&mut purchase.request))).collect()
}

/// A warm-up; two thirds of the other jobs in a closed loop; the rest begun at half the rate that it reached.
async fn both(ports: &[u16], site: &Site, mut jobs: Vec<Job>, warm_up: usize, plan: &Plan) -> Outcome<Shown> {
    let mut closed = jobs.split_off(warm_up);
    let open = closed.split_off(closed.len() - closed.len() / 3);
    if !jobs.is_empty() {
        closed_loop(ports, site, jobs, plan.connections).await?;
    }
    let closed = closed_loop(ports, site, closed, plan.connections).await?;
    let half = open_loop(ports, site, open, closed.figures.per_s / 2.0).await?;
    Ok(Shown { closed, half })
}

async fn run(door: &Door, job: &Job) -> Outcome {
    let answer = door.ask(&job.request).await?;
    if let Some(then) = &job.then {
        door.ask(&then(&answer)?).await?;
    }
    Ok(())
}

/// As many at a time as there are connections, each next one as soon as one is done.
async fn closed_loop(ports: &[u16], site: &Site, jobs: Vec<Job>, connections: usize) -> Outcome<Measured> {
    let (jobs, next, door) = (Arc::new(jobs), Arc::new(AtomicUsize::new(0)), Arc::new(Door::to(ports)));
    let before = Meter::read(site)?;
    let workers = (0..connections).map(|_| {
        let (jobs, next, door) = (Arc::clone(&jobs), Arc::clone(&next), Arc::clone(&door));
        tokio::spawn(async move {
            let mut times = Vec::new();
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let begun = Instant::now();
                run(&door, job).await?;
                times.push(begun.elapsed());
            }
            Outcome::Ok(times)
        })
    });
    let mut times = Vec::with_capacity(jobs.len());
    for worker in try_join_all(workers).await? {
        times.extend(worker?);
    }
    before.measured(site, times)
}

/// Begun at a fixed rate, whatever becomes of the others; the latency counts from the planned beginning.
async fn open_loop(ports: &[u16], site: &Site, jobs: Vec<Job>, per_s: f64) -> Outcome<Measured> {
    let door = Arc::new(Door::to(ports));
    let before = Meter::read(site)?;
    let begun = Instant::now();
    let gap = Duration::from_secs_f64(1.0 / per_s);
    let mut due = begun;
    let mut tasks = Vec::with_capacity(jobs.len());
    for job in jobs {
        tokio::time::sleep_until(due.into()).await;
        let door = Arc::clone(&door);
        tasks.push(tokio::spawn(async move { run(&door, &job).await.map(|()| due.elapsed()) }));
        due += gap;
    }
    let mut times = Vec::with_capacity(tasks.len());
    for task in try_join_all(tasks).await? {
        times.push(task?);
    }
    before.measured(site, times)
}

/// The state of things when a loop begins.
struct Meter {
    begun: Instant,
    cpu: Cpu,
    stored: Stored,
}

impl Meter {
    fn read(site: &Site) -> Outcome<Self> {
        Ok(Self { stored: site.stored()?, cpu: site.cpu()?, begun: Instant::now() })
    }

    fn measured(self, site: &Site, mut times: Vec<Duration>) -> Outcome<Measured> {
        let elapsed = self.begun.elapsed().as_secs_f64();
        let (cpu, stored) = (site.cpu()?, site.stored()?);
        times.sort_unstable();
        let count = f64::from(u32::try_from(times.len())?);
        let percentile = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        let stored = Stored {
            mint: (stored.mint - self.stored.mint) / count,
            merchant: (stored.merchant - self.stored.merchant) / count,
            gateway: (stored.gateway - self.stored.gateway) / count,
        };
        Ok(Measured {
            figures: Figures {
                per_s: count / elapsed,
                p50_ms: percentile(50),
                p99_ms: percentile(99),
                cpu_us: (cpu.parties - self.cpu.parties) / count,
                bytes: stored.mint + stored.merchant + stored.gateway,
            },
            stored,
            database_cpu_us: (cpu.database - self.cpu.database) / count,
        })
    }
}
