//! Why an input could not be read to its end.

use std::fmt;

/// What was expected, what was found, and where. The packets before it were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file as the user named it.
    pub path: String,
    /// Byte of the (decompressed) stream, when the file could be opened.
    pub offset: Option<u64>,
    /// Packets read before it.
    pub packets: u64,
    /// What should have stood there.
    pub expected: String,
    /// What stood there.
    pub found: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.path, self.expected, self.found)?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        match self.packets {
            0 => Ok(()),
            1 => write!(f, " (after 1 packet, which was read)"),
            n => write!(f, " (after {n} packets, which were read)"),
        }
    }
}

impl std::error::Error for Damage {}
