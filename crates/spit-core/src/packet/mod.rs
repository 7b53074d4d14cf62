//! From the bytes of a frame to a transport payload.

pub mod defrag;
pub mod duplicate;
pub mod ip;
pub mod link;
pub mod tcp;
pub mod transport;
pub mod tunnel;
pub mod websocket;

pub use link::LinkType;
