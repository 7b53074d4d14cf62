//! Passive call tracking (RFC 3261): SIP messages in, call events out.

pub mod attempt;
pub mod event;
pub mod settings;
mod state;
mod timers;
pub mod tracker;

pub use event::{CallView, EventKind, EventSink, HangupBy, Outcome};
pub use settings::{IdentitySettings, TrackSettings};
pub use tracker::{TrackCounters, Tracker};
