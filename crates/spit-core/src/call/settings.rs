//! What an operator may set about tracking and identities.

use std::net::IpAddr;

use crate::sip::numbers::NumberRules;
use crate::Micros;

/// Time limits and bounds of the tracker.
#[derive(Clone, Copy, Debug)]
pub struct TrackSettings {
    /// Calls kept at the same time, ended ones that absorb retransmissions among them.
    pub max_calls: usize,
    /// An answered call without any signalling ends after this, its duration censored.
    pub idle_limit_us: Micros,
    /// Without any answer a transaction ends after this (RFC 3261 timers B and F: 64 * T1).
    pub transaction_timeout_us: Micros,
    /// A call that rings, or waits for another try after a challenge or redirection, ends after this (RFC 3261
    /// timer C: more than 3 minutes).
    pub ring_timeout_us: Micros,
    /// Two INVITEs with the same caller and callee on different hops are legs of one call within this.
    pub leg_join_window_us: Micros,
}

impl Default for TrackSettings {
    fn default() -> Self {
        TrackSettings {
            max_calls: 1_000_000,
            idle_limit_us: 4 * 3600 * 1_000_000,
            transaction_timeout_us: 32_000_000,
            ring_timeout_us: 185_000_000,
            leg_join_window_us: 2_000_000,
        }
    }
}

/// Whose word counts for who calls.
#[derive(Clone, Debug, Default)]
pub struct IdentitySettings {
    /// How numbers become E.164.
    pub numbers: NumberRules,
    /// Peers whose P-Asserted-Identity and verstat are believed (RFC 3325 trust domain).
    pub trusted_peers: Vec<Network>,
}

impl IdentitySettings {
    /// Whether a peer is trusted.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_peers.iter().any(|network| network.contains(peer))
    }
}

/// A network in CIDR form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Parses `address` or `address/prefix`; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(p) => p.parse().ok().filter(|p| *p <= longest)?,
            None => longest,
        };
        Some(Network { address, prefix })
    }

    /// Whether an address lies in the network.
    pub fn contains(&self, peer: IpAddr) -> bool {
        match (self.address, peer) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let shift = 32 - u32::from(self.prefix);
                (u32::from(a) ^ u32::from(b)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let shift = 128 - u32::from(self.prefix);
                (u128::from(a) ^ u128::from(b)).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let n = Network::parse("10.1.0.0/16").unwrap();
        assert!(n.contains([10, 1, 2, 3].into()));
        assert!(!n.contains([10, 2, 2, 3].into()));
        assert!(Network::parse("0.0.0.0/0").unwrap().contains([9, 9, 9, 9].into()));
        assert!(Network::parse("::1").unwrap().contains("::1".parse().unwrap()));
        assert!(!Network::parse("::/0").unwrap().contains([9, 9, 9, 9].into()));
        for bad in ["", "x", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
