//! Leaks, put into a capture as a leaky mint, merchant or wallet would have put them there.

use std::time::Duration;

use semper_shared::foundation::{Digest, base64};
use serde_json::Value;

use super::capture::{Capture, Cell, Event, Phase};

/// A way to give customers away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leak {
    /// The wallet sends the same identifier to both parties in a header.
    SessionHeader,
    /// It does so in every third purchase only.
    OccasionalHeader,
    /// The mint hands out a tag that comes back to the merchant, as caches do.
    EntityTag,
    /// The merchant's deposit carries the reserve's key.
    ReserveInDeposit,
    /// The merchant keeps a hash of the reserve's key with the deal.
    HashedReserve,
    /// The merchant's rows are numbered as the mint's withdrawals were.
    SequentialIds,
    /// The mint writes the beginning of the withdrawal's signature into its log when the coin comes back.
    LogLine,
    /// Payments come in the order of the withdrawals.
    Timing,
    /// A wallet that asks for much when it withdraws also does when it pays.
    RequestCount,
    /// The mint marks change: the second payment's requests are longer by a number that the exchange's had.
    MarkedChange,
}

/// All of them.
pub const LEAKS: [Leak; 10] = [
    Leak::SessionHeader,
    Leak::OccasionalHeader,
    Leak::EntityTag,
    Leak::ReserveInDeposit,
    Leak::HashedReserve,
    Leak::SequentialIds,
    Leak::LogLine,
    Leak::Timing,
    Leak::RequestCount,
    Leak::MarkedChange,
];

/// The same capture with a leak in it.
pub fn plant(capture: &Capture, leak: Leak) -> Capture {
    let mut leaky = capture.clone();
    let withdrawals: Vec<Event> = of(capture, Phase::Withdraw).cloned().collect();
    let order = |wallet: usize| withdrawals.iter().position(|event| event.wallet == wallet).unwrap_or(0);
    for event in &mut leaky.events {
        let (wallet, phase) = (event.wallet, event.phase);
        let withdrawal = &withdrawals[order(wallet)];
        let secret = Digest::of(format!("session {wallet}").as_bytes()).to_string();
        let paying = phase == Phase::Pay;
        match leak {
            Leak::SessionHeader => add_header(event, true, "x-session", &secret[..12]),
            Leak::OccasionalHeader if wallet % 3 == 0 => add_header(event, true, "x-request-id", &secret[..12]),
            Leak::EntityTag if phase == Phase::Withdraw => add_header(event, false, "etag", &secret),
            Leak::EntityTag if paying => add_header(event, true, "if-none-match", &secret),
            Leak::ReserveInDeposit if paying => {
                let deposits =
                    event.exchanges.iter_mut().filter(|exchange| exchange.request_head.contains("/deposits"));
                for exchange in deposits {
                    add_member(&mut exchange.request, "payer", &reserve(withdrawal));
                }
            }
            Leak::LogLine if paying => {
                event.log.push_str(&format!("{{\"coin\":\"{}\"}}\n", &signature(withdrawal)[..16]))
            }
            Leak::Timing if paying => set_time(event, order(wallet)),
            Leak::RequestCount => {
                let more = event.exchanges[0].clone();
                event.exchanges.extend(std::iter::repeat_n(more, wallet % 16));
            }
            Leak::MarkedChange if matches!(phase, Phase::Refresh | Phase::PayAgain) => {
                // Each of its requests: which one comes first depends on how long the wallet was away.
                let mark = " ".repeat(order(wallet));
                event.exchanges.iter_mut().for_each(|exchange| exchange.request_head.push_str(&mark));
            }
            _ => {}
        }
    }
    let payments: Vec<Event> = of(capture, Phase::Pay).cloned().collect();
    for payment in payments {
        let cell = match leak {
            Leak::HashedReserve => {
                let reserve = base64::decode(&reserve(&withdrawals[order(payment.wallet)])).unwrap_or_default();
                Cell::Bytes(Digest::of(&reserve).as_bytes().to_vec())
            }
            Leak::SequentialIds => Cell::Number(i64::try_from(1_000 + 7 * order(payment.wallet)).unwrap_or(0)),
            _ => continue,
        };
        add_to_deal(&mut leaky, &deal(&payment), &cell);
    }
    leaky
}

fn of(capture: &Capture, phase: Phase) -> impl Iterator<Item = &Event> {
    capture.events.iter().filter(move |event| event.phase == phase)
}

fn add_header(event: &mut Event, request: bool, name: &str, value: &str) {
    for exchange in &mut event.exchanges {
        let head = if request { &mut exchange.request_head } else { &mut exchange.response_head };
        let end = head.trim_end().len();
        head.truncate(end);
        head.push_str(&format!("\r\n{name}: {value}\r\n\r\n"));
    }
}

fn add_member(body: &mut Vec<u8>, name: &str, value: &str) {
    if let Ok(Value::Object(mut members)) = serde_json::from_slice(body) {
        members.insert(name.to_owned(), value.into());
        *body = Value::Object(members).to_string().into_bytes();
    }
}

/// A payment some tenths of a second after the one before, in the order of the withdrawals.
fn set_time(event: &mut Event, order: usize) {
    let began = Duration::from_secs(1_000) + Duration::from_millis(300) * u32::try_from(order).unwrap_or(0);
    let first = event.exchanges.first().map_or(Duration::ZERO, |exchange| exchange.at);
    for exchange in &mut event.exchanges {
        exchange.at = began + exchange.at.saturating_sub(first);
    }
}

/// The reserve's name, from the request that asked for it.
fn reserve(withdrawal: &Event) -> String {
    let heads = withdrawal.exchanges.iter().map(|exchange| &exchange.request_head);
    let name = heads.filter_map(|head| head.split_once("/reserves/")).map(|(_, rest)| rest.split([' ', '?']).next());
    name.flatten().next().unwrap_or_default().to_owned()
}

/// The first blind signature of a withdrawal.
fn signature(withdrawal: &Event) -> String {
    let answers = withdrawal.exchanges.iter().filter(|exchange| exchange.request_head.contains("/withdrawals"));
    let texts = answers.filter_map(|exchange| serde_json::from_slice::<Value>(&exchange.response).ok());
    let mut signatures = texts.filter_map(|answer| Some(answer["signatures"][0].as_str()?.to_owned()));
    signatures.next().unwrap_or_default()
}

/// The deal that a payment made.
fn deal(payment: &Event) -> Vec<u8> {
    let answers =
        payment.exchanges.iter().filter_map(|exchange| serde_json::from_slice::<Value>(&exchange.response).ok());
    let mut deals = answers.filter_map(|answer| base64::decode(answer["deal"].as_str()?));
    deals.next().unwrap_or_default()
}

/// A further column of the merchant's deals.
fn add_to_deal(capture: &mut Capture, deal: &[u8], cell: &Cell) {
    let Some(table) = capture.tables.iter_mut().find(|table| table.name == "merchant.deal") else { return };
    if table.columns.last().is_none_or(|column| column != "mark") {
        table.columns.push("mark".to_owned());
        table.rows.iter_mut().for_each(|row| row.push(Cell::Null));
    }
    let named = Cell::Bytes(deal.to_vec());
    if let Some(mark) = table.rows.iter_mut().find(|row| row.contains(&named)).and_then(|row| row.last_mut()) {
        *mark = cell.clone();
    }
}
