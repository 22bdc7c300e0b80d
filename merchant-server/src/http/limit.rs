//! A limit on requests by the address they come from.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use serde::Deserialize;

/// How many requests one address may make.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename = "closed RateLimitSettings", deny_unknown_fields, default)]
pub struct RateLimitSettings {
    /// Requests a second, in the long run. Zero switches the limit off.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
    /// Whether requests from this machine itself go free. Keep it off behind a proxy on this machine that is not
    /// announced with `behind_proxy`, or nobody is limited.
    pub exempt_loopback: bool,
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self { per_second: 500, burst: 2_000, exempt_loopback: true }
    }
}

/// Counts requests by address; IPv6 by /64, since that is what one client has.
pub(super) struct Limiter {
    inner: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>,
    clock: DefaultClock,
    exempt_loopback: bool,
}

impl Limiter {
    /// The limiter these settings describe, or none where they switch it off.
    pub(super) fn new(settings: &RateLimitSettings) -> Option<Self> {
        let per_second = NonZeroU32::new(settings.per_second)?;
        let burst = NonZeroU32::new(settings.burst).unwrap_or(per_second);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Some(Self {
            inner: RateLimiter::dashmap(quota),
            clock: DefaultClock::default(),
            exempt_loopback: settings.exempt_loopback,
        })
    }

    /// Lets a request pass, or says how long its sender should wait.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Duration> {
        if self.exempt_loopback && address.is_loopback() {
            return Ok(());
        }
        self.inner.check_key(&bucket(address)).map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// Forgets addresses that have not been heard of for a while, so that memory stays bounded.
    pub(super) fn forget_idle(&self) {
        self.inner.retain_recent();
        self.inner.shrink_to_fit();
    }
}

fn bucket(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn counts_by_address_and_by_ipv6_network() {
        let limiter = Limiter::new(&RateLimitSettings { per_second: 1, burst: 2, exempt_loopback: true }).unwrap();
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(limiter.check(one).is_ok() && limiter.check(one).is_ok());
        assert!(limiter.check(one).unwrap_err() <= Duration::from_secs(1));
        assert!(limiter.check("192.0.2.2".parse().unwrap()).is_ok());
        for host in ["2001:db8::1", "2001:db8::2"] {
            assert!(limiter.check(host.parse().unwrap()).is_ok());
        }
        assert!(limiter.check("2001:db8::3".parse().unwrap()).is_err());
        for _ in 0..10 {
            assert!(limiter.check("127.0.0.1".parse().unwrap()).is_ok());
        }
    }

    #[test]
    fn zero_switches_it_off() {
        assert!(Limiter::new(&RateLimitSettings { per_second: 0, burst: 1, exempt_loopback: false }).is_none());
    }
}
