//! The present time. Only the edges of a party ask for it; everything below takes it as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use semper_shared::foundation::UnixSeconds;

/// The system's time. A clock set before 1970 reads as 1970.
pub fn now() -> UnixSeconds {
    UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
