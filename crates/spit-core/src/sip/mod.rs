//! SIP as text: messages, URIs, identities (RFC 3261 and its neighbours).

mod brief;
pub mod diversion;
pub mod fingerprint;
pub mod framing;
pub mod head;
pub mod header;
pub mod identity;
mod lines;
pub mod message;
pub mod numbers;
pub mod passport;
pub(crate) mod scan;
pub mod sdp;
pub mod start_line;
pub mod subscriber;
pub mod uri;
