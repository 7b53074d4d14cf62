//! One TCP connection of a HEP sender: packets out of a stream, within bounds.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use spit_core::hep::{frame_len, FrameLen};

/// The longest packet: its length is 16 bits.
const MAX_PACKET: usize = 65_535;

/// Bytes taken from one connection before the next has its turn.
const BYTES_PER_TURN: usize = 4 * MAX_PACKET;

/// A packet that has begun must have come in full within this.
const SLOW: Duration = Duration::from_secs(30);

/// A connection without a packet for so long is given up.
const IDLE: Duration = Duration::from_secs(600);

/// What a turn of reading came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// Nothing more has come for now.
    Empty,
    /// There may be more.
    More,
    /// The sender has closed.
    Closed,
    /// What it sends is no HEP, or it failed.
    Broken,
}

/// A connection, or anything else that is read without waiting.
pub(crate) struct Connection<S> {
    stream: S,
    /// The beginning of a packet; at most one packet long between turns.
    buffer: Vec<u8>,
    last_packet: Instant,
}

impl<S: Read> Connection<S> {
    pub(crate) fn new(stream: S, now: Instant) -> Connection<S> {
        Connection {
            stream,
            buffer: Vec::new(),
            last_packet: now,
        }
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// Reads what has come and gives each whole packet.
    pub(crate) fn read(&mut self, now: Instant, packet: &mut impl FnMut(&[u8])) -> Turn {
        let mut read = 0;
        while read < BYTES_PER_TURN {
            let filled = self.buffer.len();
            self.buffer.resize(filled + MAX_PACKET, 0);
            let got = self.stream.read(&mut self.buffer[filled..]);
            self.buffer.truncate(filled + *got.as_ref().unwrap_or(&0));
            match got {
                Ok(0) => return if filled == 0 { Turn::Closed } else { Turn::Broken },
                Ok(n) => read += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.empty(),
                Err(_) => return Turn::Broken,
            }
            if self.split(now, packet).is_err() {
                return Turn::Broken;
            }
        }
        Turn::More
    }

    /// A connection without a part of a packet needs no buffer: there may be many that say little.
    fn empty(&mut self) -> Turn {
        if self.buffer.is_empty() {
            self.buffer = Vec::new();
        }
        Turn::Empty
    }

    fn split(&mut self, now: Instant, packet: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let mut at = 0;
        loop {
            let rest = &self.buffer[at..];
            match frame_len(rest) {
                FrameLen::Len(len) if len <= rest.len() => {
                    packet(&rest[..len]);
                    self.last_packet = now;
                    at += len;
                }
                FrameLen::Len(_) | FrameLen::Incomplete => break,
                FrameLen::Malformed => return Err(ErrorKind::InvalidData.into()),
            }
        }
        self.buffer.drain(..at);
        Ok(())
    }

    /// Whether it has taken too long to send a packet.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        let limit = if self.buffer.is_empty() { IDLE } else { SLOW };
        now.saturating_duration_since(self.last_packet) > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its pieces one by one, then would block, or ends.
    struct Pieces {
        pieces: Vec<Vec<u8>>,
        ends: bool,
    }

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.pieces.is_empty() {
                return if self.ends {
                    Ok(0)
                } else {
                    Err(ErrorKind::WouldBlock.into())
                };
            }
            let piece = self.pieces.remove(0);
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    fn hep(payload: &[u8]) -> Vec<u8> {
        let len = 6 + 6 + payload.len() as u16;
        let mut bytes = b"HEP3".to_vec();
        bytes.extend(len.to_be_bytes());
        bytes.extend([0, 0, 0, 15]);
        bytes.extend((6 + payload.len() as u16).to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    fn read(pieces: Vec<Vec<u8>>, ends: bool) -> (Vec<Vec<u8>>, Turn, Connection<Pieces>) {
        let now = Instant::now();
        let mut connection = Connection::new(Pieces { pieces, ends }, now);
        let mut packets = Vec::new();
        let turn = connection.read(now, &mut |packet| packets.push(packet.to_vec()));
        (packets, turn, connection)
    }

    #[test]
    fn packets_split_anywhere_are_the_same_packets() {
        let wanted = vec![hep(b"one"), hep(b"a second one"), hep(b"3")];
        let whole = wanted.concat();
        for at in 0..=whole.len() {
            let mut pieces = vec![whole[..at].to_vec(), whole[at..].to_vec()];
            pieces.retain(|piece| !piece.is_empty());
            let (packets, turn, connection) = read(pieces, false);
            assert_eq!((packets, turn), (wanted.clone(), Turn::Empty), "split at {at}");
            assert_eq!(connection.buffer.capacity(), 0);
        }
    }

    #[test]
    fn what_is_no_hep_breaks_the_connection_behind_the_packets_before_it() {
        let (packets, turn, _) = read(vec![hep(b"one"), b"GET / HTTP/1.1\r\n\r\n".to_vec()], false);
        assert_eq!((packets.len(), turn), (1, Turn::Broken));
    }

    #[test]
    fn an_end_between_packets_is_a_close_and_within_one_is_not() {
        let (packets, turn, _) = read(vec![hep(b"one")], true);
        assert_eq!((packets.len(), turn), (1, Turn::Closed));
        let (packets, turn, _) = read(vec![hep(b"one")[..8].to_vec()], true);
        assert_eq!((packets.len(), turn), (0, Turn::Broken));
    }

    #[test]
    fn a_sender_that_never_pauses_does_not_keep_the_turn() {
        let big = hep(&[b'x'; 60_000]);
        let (packets, turn, connection) = read(vec![big; 20], false);
        assert_eq!(turn, Turn::More);
        assert!(packets.len() < 20);
        assert!(connection.buffer.len() <= MAX_PACKET);
    }

    #[test]
    fn a_part_of_a_packet_is_waited_for_shorter_than_the_next_packet() {
        let (_, _, quiet) = read(vec![hep(b"one")], false);
        let (_, _, slow) = read(vec![hep(b"one")[..8].to_vec()], false);
        let after = |duration: Duration| Instant::now() + duration;
        assert!(!slow.is_late(after(SLOW / 2)));
        assert!(slow.is_late(after(SLOW * 2)));
        assert!(!quiet.is_late(after(SLOW * 2)));
        assert!(quiet.is_late(after(IDLE * 2)));
    }
}
