//! Finishing what was cut off: deals that are ordered, whose payment may have settled.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use semper_shared::commerce::deal::{Opened, Order, State};
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::Payment;
use semper_shared::items::statement::Compact;

use super::{Case, first_step, pursue, unreadable};
use crate::clock;
use crate::http::{Problem, Shutdown};
use crate::merchant::app::App;

/// How often the store is looked through.
const EVERY: Duration = Duration::from_secs(2);

/// How long a deal is left to the request that brought it, before recovery tries too.
const FIRST_WAIT: Duration = Duration::from_secs(3);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How many open deals are looked at in one round, and how many at once are tried.
const PAGE: u32 = 256;

/// When a deal is tried next.
struct Patience {
    next: Instant,
    wait: Duration,
}

/// Looks for open deals until the process ends: at once after the start, then every few seconds.
pub(in crate::merchant) async fn watch(app: Arc<App>, shutdown: Shutdown) {
    let mut patience: HashMap<Digest, Patience> = HashMap::new();
    let mut first = true;
    loop {
        if let Err(error) = round(&app, &mut patience, first).await {
            tracing::error!(cause = %error, "open deals cannot be looked through");
        }
        first = false;
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn round(
    app: &App,
    patience: &mut HashMap<Digest, Patience>,
    first: bool,
) -> Result<(), crate::store::StoreError> {
    let mut open = Vec::new();
    let mut after = 0;
    loop {
        let page = app.store.open_deals(after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        open.extend(page.into_iter().map(|(_, deal)| deal));
    }
    patience.retain(|deal, _| open.contains(deal));
    for deal in open {
        let now = Instant::now();
        // After a start nobody else works on what is open, or else another replica, to whom the mint says the same.
        let wait = if first { Duration::ZERO } else { FIRST_WAIT };
        let mine = patience.entry(deal).or_insert(Patience { next: now + wait, wait: FIRST_WAIT });
        if now < mine.next {
            continue;
        }
        mine.wait = (mine.wait * 2).min(LONGEST_WAIT);
        mine.next = now + mine.wait;
        match resume(app, deal, clock::now()).await {
            Ok(State::Ordered) => {}
            Ok(state) => tracing::info!(?state, "finished a deal that was cut off"),
            Err(problem) => tracing::warn!(code = %problem.code(), "a deal stays open"),
        }
    }
    Ok(())
}

/// Takes up one deal where its request left it.
pub(in crate::merchant) async fn resume(app: &App, deal: Digest, now: UnixSeconds) -> Result<State, Problem> {
    let Some(stored) = app.store.deal(deal).await? else { return Ok(State::Refused) };
    let Ok(_turn) = app.underway.begin(deal, stored.request) else { return Ok(State::Ordered) };
    // It may have ended before the turn came.
    let stored = app.store.deal(deal).await?.unwrap_or(stored);
    if stored.state != State::Ordered {
        return Ok(stored.state);
    }
    let order = Compact::<Order>::new(stored.order);
    let named = order.peek_unverified()?.offer;
    let sold = app.find_sold(named).await.map_err(unreadable)?;
    let sold = sold.ok_or_else(|| Problem::internal("the offer of an open deal is gone"))?;
    let opened = Opened::open(&order, &sold.offer, now, &app.verifier)?;
    let payment = stored.payment.as_deref().map(serde_json::from_str::<Payment>);
    let payment = payment.transpose().map_err(Problem::internal)?;
    let case = Case { opened, sold };
    let step = first_step(app, &case, payment.as_ref(), stored.phase, now)?;
    Ok(pursue(app, &case, payment.as_ref(), step, now).await?.state)
}
