//! Cash from person to person on the command line.

use semper_shared::foundation::{Amount, Code, Currency};
use semper_shared::items::payment::ecash::transfer::{Direction, Passed, TransferState};

use super::CliError;
use super::args::LinkArgs;
use super::home::NativeWallet;
use super::output::{money, note, plain, print, print_json};
use crate::core::{LinkView, TransferView, WalletError};

/// Sends, and prints the link.
pub(super) async fn send(wallet: &mut NativeWallet, amount: &str, link: &LinkArgs, json: bool) -> Result<(), CliError> {
    let amount = amount_of(amount, fullest(wallet).await?)?;
    let fee = wallet.send_cost(amount).await?.fee;
    if !fee.is_zero() {
        note(&format!("Fee of the mint: {}", money(fee)));
    }
    let sent = wallet.send_person(amount, &link.purpose, seconds(&link.expires)?).await?;
    if !json {
        note(&format!(
            "{} waits to be taken. Give this link to one person: whoever has it can take it.",
            money(amount)
        ));
    }
    show(&sent, link, json)
}

/// Asks for cash, and prints the link.
pub(super) async fn request(
    wallet: &mut NativeWallet,
    (amount, mint): (&str, &str),
    link: &LinkArgs,
    json: bool,
) -> Result<(), CliError> {
    let info = wallet.mint_info(mint).await?;
    let amount = amount_of(amount, info.currency.parse().map_err(WalletError::from)?)?;
    let asked = wallet.request_person(mint, amount, &link.purpose, seconds(&link.expires)?).await?;
    if !json {
        note(&format!("Whoever opens this link can pay you {}. `semper-wallet resume` fetches it.", money(amount)));
    }
    show(&asked, link, json)
}

/// Takes the cash of a link.
pub(super) async fn receive(wallet: &mut NativeWallet, link: &str, json: bool) -> Result<(), CliError> {
    say(&wallet.peek_link(link).await?);
    let received = wallet.receive_link(link).await?;
    if json { print_json(&received) } else { print(&format!("{} received.\n", money(received.amount))) }
}

/// Pays what a link asks for.
pub(super) async fn pay(wallet: &mut NativeWallet, link: &str, json: bool) -> Result<(), CliError> {
    say(&wallet.peek_link(link).await?);
    let paid = wallet.pay_link(link).await?;
    if json {
        print_json(&paid)?
    } else {
        print(&format!("{} paid.\n", money(paid.amount)))?
    }
    exchange(wallet).await;
    Ok(())
}

/// Calls off what was sent.
pub(super) async fn call_off(wallet: &mut NativeWallet, transfer: &str, json: bool) -> Result<(), CliError> {
    let unknown = || {
        let message = format!("{} is not a transfer. See `transfers`.", plain(transfer));
        CliError::new(Code::TRANSFER_UNKNOWN, message)
    };
    let back = wallet.cancel_transfer(&transfer.parse().map_err(|_| unknown())?).await?;
    if json { print_json(&back) } else { print(&format!("{} is back in this wallet.\n", money(back.amount))) }
}

/// Prints all transfers.
pub(super) async fn transfers(wallet: &mut NativeWallet, site: &str, json: bool) -> Result<(), CliError> {
    let transfers = wallet.transfers().await?;
    if json {
        return print_json(&transfers);
    }
    let lines = transfers.iter().map(|transfer| {
        let link = transfer.link.as_deref().map(|link| format!("              {}\n", address(site, link)));
        format!(
            "{:>12}  {}: {}\n              {}\n{}",
            money(transfer.amount),
            state(transfer),
            plain(&transfer.purpose),
            transfer.transfer,
            link.unwrap_or_default()
        )
    });
    print(&lines.collect::<String>())
}

fn state(transfer: &TransferView) -> &'static str {
    match (transfer.direction, transfer.state) {
        (_, Passed::Begun) => "begun, to be resumed",
        (Direction::Sent, Passed::Open) if transfer.expired => "sent, expired, coming back",
        (Direction::Sent, Passed::Open) => "sent, not taken yet",
        (Direction::Sent, Passed::Done) => "sent and taken",
        (Direction::Sent, Passed::Returned) => "sent, came back",
        (Direction::Requested, Passed::Open) if transfer.expired => "asked for, expired",
        (Direction::Requested, Passed::Open) => "asked for, not paid yet",
        (Direction::Requested, Passed::Done) => "asked for and paid",
        (Direction::Requested, Passed::Returned) => "asked for, not paid in time",
        (Direction::Paid, Passed::Done) => "paid",
        (Direction::Received, Passed::Done) => "received",
        (Direction::Gathered, _) => "gathered",
        (Direction::Paid | Direction::Received, Passed::Open | Passed::Returned) => "refused",
    }
}

fn show(view: &TransferView, link: &LinkArgs, json: bool) -> Result<(), CliError> {
    let text = view.link.as_deref().map(|fragment| address(&link.site, fragment)).unwrap_or_default();
    if !json {
        return print(&format!("{text}\n"));
    }
    let mut value = serde_json::to_value(view).map_err(|error| CliError::system("the answer", &error.into()))?;
    value["link"] = text.into();
    print_json(&value)
}

fn address(site: &str, fragment: &str) -> String {
    format!("{}/#{fragment}", site.trim_end_matches('/'))
}

fn say(link: &LinkView) {
    let verb = if link.kind == "pay" { "asked for" } else { "sent to you" };
    let state = match link.state {
        Some(TransferState::Accepted) => ", taken already",
        Some(TransferState::Returned) => ", back with its sender",
        _ if link.expired => ", expired",
        _ => "",
    };
    note(&format!("{} {verb} through {}{state}: {}", money(link.amount), plain(&link.mint.name), plain(&link.purpose)));
}

/// Change is exchanged now, so that the next payment finds it ready. What fails is exchanged the next time.
async fn exchange(wallet: &mut NativeWallet) {
    if wallet.refresh().await.is_err() {
        note("The change could not be exchanged yet; `semper-wallet resume` does it later.");
    }
}

/// The currency of the fullest purse.
async fn fullest(wallet: &mut NativeWallet) -> Result<Currency, CliError> {
    let purses = wallet.purses().await?;
    let fullest = purses.iter().max_by_key(|purse| purse.balance.minor());
    let fullest = fullest.ok_or_else(|| CliError::new(Code::FUNDS_INSUFFICIENT, "there is no cash in this wallet"))?;
    Ok(fullest.balance.currency())
}

fn amount_of(decimal: &str, currency: Currency) -> Result<Amount, CliError> {
    Ok(Amount::parse_decimal(decimal, currency).map_err(WalletError::from)?)
}

/// `7d`, `12h`, `30m`, `90s`.
fn seconds(text: &str) -> Result<u64, CliError> {
    let wrong = || CliError::usage(format!("{} is no time such as 7d, 12h, 30m or 90s", plain(text)));
    let unit = text.chars().last().ok_or_else(wrong)?;
    let factor: u64 = match unit {
        'd' => 24 * 3_600,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        assert_eq!(seconds("7d").unwrap(), 604_800);
        assert_eq!(seconds("90s").unwrap(), 90);
        for wrong in ["", "7", "d", "-1d", "0h", "99999999999999999999d", "1w", "é"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
