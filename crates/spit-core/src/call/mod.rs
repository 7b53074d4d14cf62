//! Passive call tracking (RFC 3261): SIP messages in, call events out.

mod agents;
mod attempt;
mod claims;
pub mod digest;
pub mod event;
pub mod settings;
mod state;
mod texts;
mod timers;
pub mod tracker;

pub use digest::{DigestCursor, Digested, Digester, Digests};
pub use event::{CallView, EventKind, EventSink, HangupBy, Outcome};
pub use settings::{IdentitySettings, TrackSettings};
pub use texts::{TextPlace, TextPlaces, TextValues, NO_PLACES};
pub use tracker::{LoadError, SaveError, TrackCounters, Tracker};
