//! What live capture is told.

use std::fmt;
use std::net::SocketAddr;

use spit_core::call::{IdentitySettings, TrackSettings};
use spit_core::decode::DecodeSettings;

use crate::filter::Pass;
use crate::hep_address::HepAddress;

/// The most threads: a fanout group takes 256, and no machine needs them.
pub(crate) const MAX_WORKERS: usize = 64;

/// The largest ring, in MiB.
pub(crate) const MAX_RING_MIB: usize = 4096;

/// Where to capture, and within which bounds.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// Interfaces by name.
    pub interfaces: Vec<String>,
    /// Addresses on which HEP is taken.
    pub hep: Vec<HepAddress>,
    /// Threads that share the packets of every interface.
    pub workers: usize,
    /// MiB of the ring of each interface and thread.
    pub ring_mib: usize,
    /// What the kernel's filter passes.
    pub pass: Pass,
    /// UDP and TCP to and from these is not captured. The collector's own addresses need not be named.
    pub exclude: Vec<SocketAddr>,
    /// Messages that may wait for the tracker.
    pub queue_messages: usize,
    /// Bounds of the decoders, each of which has these.
    pub decode: DecodeSettings,
    /// Rules and bounds of the tracker.
    pub track: TrackSettings,
    /// How identities are read.
    pub identity: IdentitySettings,
    /// Seed of the hashes of Call-IDs and tags.
    pub hash_seed: u64,
}

impl Default for LiveSettings {
    fn default() -> Self {
        LiveSettings {
            interfaces: Vec::new(),
            hep: Vec::new(),
            workers: 2,
            ring_mib: 32,
            pass: Pass::Sip,
            exclude: Vec::new(),
            queue_messages: 100_000,
            decode: DecodeSettings::default(),
            track: TrackSettings::default(),
            identity: IdentitySettings::default(),
            hash_seed: 0,
        }
    }
}

/// What live capture has counted, besides what its decoders and its tracker have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounters {
    /// Packets of the interfaces that passed the kernel's filter, those of `ring_dropped` among them.
    pub kernel_received: u64,
    /// Packets lost before a ring and datagrams lost before the HEP collector, as the kernel counts them for the
    /// interfaces and for the sockets.
    pub kernel_dropped: u64,
    /// Packets that found their ring full.
    pub ring_dropped: u64,
    /// Times a ring was full.
    pub ring_freezes: u64,
    /// Times an interface told of an error, such as that it went down.
    pub interface_errors: u64,
    /// Messages that were shed because the tracker was behind.
    pub queue_dropped: u64,
    /// HEP connections accepted.
    pub hep_connections: u64,
    /// HEP connections refused because there were too many.
    pub hep_connections_refused: u64,
    /// HEP connections cut off: no HEP, too slow, idle, or ended within a packet.
    pub hep_connections_cut: u64,
}

impl LiveCounters {
    /// The counters under the names that docs/counters.md explains.
    pub fn named(&self) -> [(&'static str, u64); 9] {
        [
            ("kernel_received", self.kernel_received),
            ("kernel_dropped", self.kernel_dropped),
            ("ring_dropped", self.ring_dropped),
            ("ring_freezes", self.ring_freezes),
            ("interface_errors", self.interface_errors),
            ("queue_dropped", self.queue_dropped),
            ("hep_connections", self.hep_connections),
            ("hep_connections_refused", self.hep_connections_refused),
            ("hep_connections_cut", self.hep_connections_cut),
        ]
    }
}

/// A capture thread ended by itself: which, and why where it told.
#[derive(Clone, Debug)]
pub struct ThreadGone(pub Option<String>);

impl fmt::Display for ThreadGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(why) => write!(f, "a capture thread has ended early: {why}"),
            None => write!(f, "a capture thread has ended early"),
        }
    }
}

impl std::error::Error for ThreadGone {}
