//! Days and moments as these files write them (ISO 8601), in UTC.

use semper_shared::foundation::UnixSeconds;

const DAY_S: u64 = 86_400;

/// The day of a moment: `2026-11-23`.
pub fn day(at: UnixSeconds) -> String {
    let (year, month, day) = civil(at.0 / DAY_S);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A moment: `2026-11-23T07:25:00Z`.
pub fn moment(at: UnixSeconds) -> String {
    let second = at.0 % DAY_S;
    format!("{}T{:02}:{:02}:{:02}Z", day(at), second / 3_600, second / 60 % 60, second % 60)
}

/// The first second of a day that is written as `2026-11-23`.
pub fn read_day(text: &str) -> Option<UnixSeconds> {
    let mut parts = text.splitn(3, '-');
    let mut number = |length: usize| {
        let part = parts.next()?;
        (part.len() == length && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u64>().ok())?
    };
    let (year, month, day_of_month) = (number(4)?, number(2)?, number(2)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day_of_month) {
        return None;
    }
    let shifted = if month > 2 { year } else { year - 1 };
    let months = (month + 9) % 12;
    let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * months + 2) / 5 + day_of_month;
    let at = UnixSeconds(days.checked_sub(719_469)? * DAY_S);
    // No 30th of February.
    (day(at) == text).then_some(at)
}

/// Year, month and day of the month of a day since 1970; the calendar is cut into 400 years from the first of March of a year
/// that 400 divides.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months = (5 * of_year + 2) / 153;
    let month = if months < 10 { months + 3 } else { months - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, of_year - (153 * months + 2) / 5 + 1)
}
