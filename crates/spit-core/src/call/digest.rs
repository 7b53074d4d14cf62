//! What tracking needs of a message, small enough to be handed from the thread that decodes to the one that tracks.

use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr};

use foldhash::quality::FixedState;

use super::attempt::{AttemptView, Attempts};
use super::settings::IdentitySettings;
use crate::decode::Seen;
use crate::sip::head::{parse_decimal, HeaderTable};
use crate::sip::header::HeaderId;
use crate::sip::message::Message;
use crate::sip::scan::find;
use crate::sip::start_line::StartLine;
use crate::sip::uri::{param, NameAddr};
use crate::Micros;

/// What a message means to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DigestKind {
    /// An INVITE without To-tag.
    Invite,
    /// A MESSAGE without To-tag.
    Message,
    /// A CANCEL.
    Cancel,
    /// A BYE.
    Bye,
    /// Anything that shows that a dialog goes on.
    InDialog,
    /// A response to an INVITE.
    InviteResponse,
    /// A response to a MESSAGE.
    MessageResponse,
    /// An INVITE, CANCEL, BYE, MESSAGE or response to one that does not name its call.
    Untrackable,
}

/// One message, as far as its call is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digest {
    pub(super) time_us: Micros,
    pub(super) call_id: u64,
    pub(super) from_tag: u64,
    /// 0 without one.
    pub(super) to_tag: u64,
    pub(super) cseq: u32,
    /// Session-Expires in seconds, 0 without one.
    pub(super) session_expires_s: u32,
    /// The two ends of the hop, whichever sent the message.
    pub(super) hop: u32,
    /// The status of a response, 0 of a request.
    pub(super) status: u16,
    pub(super) kind: DigestKind,
}

/// Digests of messages in the order of their capture, and what their attempts show. Its memory is used again, so that
/// no message costs an allocation.
#[derive(Debug, Default)]
pub struct Digests {
    list: Vec<Digest>,
    attempts: Attempts,
}

/// A digest with its attempt where it is one.
#[derive(Clone, Copy, Debug)]
pub struct Digested<'a> {
    pub(super) digest: &'a Digest,
    pub(super) attempt: Option<AttemptView<'a>>,
}

impl Digested<'_> {
    /// The capture time of the message.
    pub fn time_us(&self) -> Micros {
        self.digest.time_us
    }
}

/// How far digests have been taken, where not all are taken at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct DigestCursor {
    digest: usize,
    attempt: usize,
}

/// Hashes Call-IDs, tags and branches.
///
/// They are the sender's choice: a seed that senders don't know keeps them from choosing ones that collide.
#[derive(Clone, Debug)]
pub struct Digester {
    seed: u64,
    hashing: FixedState,
    pub(super) identity: IdentitySettings,
}

impl Digests {
    /// Adds a message; `false` when it concerns no call.
    #[inline]
    pub fn push(&mut self, digester: &Digester, message: &Message<'_>, seen: &Seen) -> bool {
        self.add(digester, message, seen, |attempts| {
            attempts.push(digester, message, seen)
        })
    }

    /// As `push`, and leaves a third of the work to `read_attempts`, which another thread may do.
    #[inline]
    pub fn keep(&mut self, digester: &Digester, message: &Message<'_>, seen: &Seen) -> bool {
        self.add(digester, message, seen, |attempts| attempts.keep(message, seen))
    }

    /// Reads the attempts that `keep` left; `digester` is the one that it was given, or its clone.
    pub fn read_attempts(&mut self, digester: &Digester, table: &mut HeaderTable) {
        self.attempts.read_kept(digester, table);
    }

    #[inline]
    fn add(
        &mut self,
        digester: &Digester,
        message: &Message<'_>,
        seen: &Seen,
        attempt: impl FnOnce(&mut Attempts),
    ) -> bool {
        let Some(digest) = digester.digest(message, seen) else {
            return false;
        };
        if matches!(digest.kind, DigestKind::Invite | DigestKind::Message) {
            attempt(&mut self.attempts);
        }
        self.list.push(digest);
        true
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Forgets all, and keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.attempts.clear();
    }

    /// The capture time of the digest at a cursor, `None` behind the last.
    pub fn time_us(&self, at: DigestCursor) -> Option<Micros> {
        self.list.get(at.digest).map(|digest| digest.time_us)
    }

    /// The digest at a cursor, which then goes on by one.
    pub fn next(&self, at: &mut DigestCursor) -> Option<Digested<'_>> {
        let digest = self.list.get(at.digest)?;
        at.digest += 1;
        let attempt = match digest.kind {
            DigestKind::Invite | DigestKind::Message => {
                at.attempt += 1;
                self.attempts.get(at.attempt - 1)
            }
            _ => None,
        };
        Some(Digested { digest, attempt })
    }

    /// The digests in order.
    pub fn iter(&self) -> impl Iterator<Item = Digested<'_>> {
        let mut attempts = self.attempts.iter();
        self.list.iter().map(move |digest| Digested {
            digest,
            attempt: match digest.kind {
                DigestKind::Invite | DigestKind::Message => attempts.next().flatten(),
                _ => None,
            },
        })
    }
}

impl Digester {
    /// A digester with a seed that nobody outside should know.
    pub fn new(seed: u64, identity: IdentitySettings) -> Digester {
        Digester {
            seed,
            hashing: FixedState::with_seed(seed),
            identity,
        }
    }

    /// The seed that it was made with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The digest of a message, or `None` when it concerns no call.
    #[inline(always)] // The answer would be copied, and that of `named` again.
    fn digest(&self, message: &Message<'_>, seen: &Seen) -> Option<Digest> {
        let (kind, status) = match message.start {
            StartLine::Request { method, .. } => (
                match method {
                    b"INVITE" => DigestKind::Invite,
                    b"MESSAGE" => DigestKind::Message,
                    b"CANCEL" => DigestKind::Cancel,
                    b"BYE" => DigestKind::Bye,
                    b"ACK" | b"UPDATE" | b"PRACK" | b"INFO" | b"REFER" | b"NOTIFY" => DigestKind::InDialog,
                    _ => return None,
                },
                0,
            ),
            StartLine::Response { status } => (
                match message.cseq().map(|(_, method)| method) {
                    Some(b"INVITE") => DigestKind::InviteResponse,
                    Some(b"MESSAGE") => DigestKind::MessageResponse,
                    Some(b"UPDATE") if (200..300).contains(&status) => DigestKind::InDialog,
                    _ => return None,
                },
                status,
            ),
        };
        Some(self.named(kind, status, message, seen).unwrap_or(Digest {
            time_us: seen.time_us,
            call_id: 0,
            from_tag: 0,
            to_tag: 0,
            cseq: 0,
            session_expires_s: 0,
            hop: 0,
            status,
            kind: DigestKind::Untrackable,
        }))
    }

    #[inline(always)]
    fn named(&self, kind: DigestKind, status: u16, message: &Message<'_>, seen: &Seen) -> Option<Digest> {
        let call_id = message.header(HeaderId::CallId).filter(|v| !v.is_empty())?;
        let (cseq, _) = message.cseq()?;
        // RFC 2543 allowed a From without a tag.
        let from_tag = NameAddr::tag(message.header(HeaderId::From)?).unwrap_or(b"");
        let to_tag = NameAddr::tag(message.header(HeaderId::To)?).filter(|tag| !tag.is_empty());
        let is_attempt = matches!(kind, DigestKind::Invite | DigestKind::Message);
        Some(Digest {
            time_us: seen.time_us,
            call_id: self.hash(call_id),
            from_tag: self.hash(from_tag),
            to_tag: to_tag.map_or(0, |tag| self.hash(tag)),
            cseq,
            session_expires_s: session_expires_s(message),
            hop: hop_hash(seen),
            status,
            // Inside a dialog there is a To-tag: a re-INVITE or an in-dialog MESSAGE is never an attempt.
            kind: if is_attempt && to_tag.is_some() {
                DigestKind::InDialog
            } else {
                kind
            },
        })
    }

    /// The transaction of a request: branch and sent-by with the magic cookie, else the whole Via (RFC 3261
    /// section 17.2.3).
    pub(super) fn branch(&self, message: &Message<'_>) -> u64 {
        let via = message.header(HeaderId::Via).unwrap_or(b"");
        let params = &via[find(via, b';').unwrap_or(via.len())..];
        match param(params, b"branch") {
            Some(branch) if branch.starts_with(b"z9hG4bK") => self.hash2(branch, &via[..via.len() - params.len()]),
            _ => self.hash(via),
        }
    }

    /// The local UUID of Session-ID (RFC 7989); 0 without one, or for the null UUID.
    pub(super) fn session(&self, message: &Message<'_>) -> u64 {
        let Some(value) = message.header(HeaderId::SessionId) else {
            return 0;
        };
        let uuid = value.split(|b| *b == b';').next().unwrap_or(b"").trim_ascii();
        if uuid.len() < 16 || uuid.iter().all(|b| *b == b'0') {
            return 0;
        }
        self.hash(uuid)
    }

    /// The hash of a text; never 0.
    #[inline]
    pub(super) fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hash = self.hashing.build_hasher();
        hash.write(bytes);
        hash.write_usize(bytes.len());
        hash.finish().max(1)
    }

    /// The hash of two texts in order; never 0.
    pub(super) fn hash2(&self, a: &[u8], b: &[u8]) -> u64 {
        let mut hash = self.hashing.build_hasher();
        hash.write(a);
        hash.write_usize(a.len());
        hash.write(b);
        hash.write_usize(b.len());
        hash.finish().max(1)
    }
}

/// Seconds of Session-Expires (RFC 4028), 0 without one.
fn session_expires_s(message: &Message<'_>) -> u32 {
    let Some(value) = message.header(HeaderId::SessionExpires) else {
        return 0;
    };
    let seconds = value.split(|b| *b == b';').next().unwrap_or(b"").trim_ascii();
    parse_decimal(seconds).and_then(|s| u32::try_from(s).ok()).unwrap_or(0)
}

/// The two ends of a hop, whichever of them sent the message. Addresses are the network's, not the caller's choice,
/// so a plain mix will do.
fn hop_hash(seen: &Seen) -> u32 {
    let one = |address: SocketAddr| {
        let ip = match address.ip() {
            IpAddr::V4(v4) => u64::from(u32::from(v4)),
            IpAddr::V6(v6) => {
                let bits = u128::from(v6);
                (bits >> 64) as u64 ^ (bits as u64).rotate_left(29)
            }
        };
        let mixed = (ip ^ u64::from(address.port()) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
    };
    (one(seen.source).wrapping_add(one(seen.destination)) >> 32) as u32
}
