//! Bytes of a file or of standard input, decompressed, with a window to look ahead in.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// The window grows to the longest record; it begins with this.
const WINDOW: usize = 256 * 1024;

/// Counts the bytes taken from the file itself, for progress.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// A window on decompressed bytes.
pub(crate) struct Bytes {
    source: Box<dyn Read + Send + Sync>,
    window: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    error: Option<io::Error>,
}

impl Bytes {
    /// Opens a path; `-` is standard input. `read` counts the file's own bytes.
    pub(crate) fn open(path: &str, read: Arc<AtomicU64>) -> io::Result<Bytes> {
        let file: Box<dyn Read + Send + Sync> = if path == "-" {
            Box::new(io::stdin())
        } else {
            let file = File::open(path)?;
            if file.metadata()?.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder"));
            }
            Box::new(file)
        };
        let mut bytes = Bytes::new(Box::new(Counted { inner: file, read }));
        let magic = bytes.peek(4);
        let gzip = magic.starts_with(&[0x1f, 0x8b]);
        let zstd = magic == [0x28, 0xb5, 0x2f, 0xfd];
        if gzip || zstd {
            let ahead = io::Cursor::new(bytes.window[bytes.start..bytes.end].to_vec());
            let whole = BufReader::with_capacity(WINDOW, ahead.chain(bytes.source));
            let plain: Box<dyn Read + Send + Sync> = if gzip {
                Box::new(flate2::bufread::MultiGzDecoder::new(whole))
            } else {
                Box::new(zstd::Decoder::with_buffer(whole)?)
            };
            bytes = Bytes::new(plain);
        }
        Ok(bytes)
    }

    fn new(source: Box<dyn Read + Send + Sync>) -> Bytes {
        Bytes {
            source,
            window: vec![0; WINDOW],
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            error: None,
        }
    }

    /// Up to `wanted` bytes from the current place, fewer only at the end.
    #[inline]
    pub(crate) fn peek(&mut self, wanted: usize) -> &[u8] {
        if self.end - self.start < wanted {
            self.fill(wanted);
        }
        &self.window[self.start..self.end.min(self.start + wanted)]
    }

    /// The bytes at the current place that have been peeked.
    #[inline]
    pub(crate) fn window(&self) -> &[u8] {
        &self.window[self.start..self.end]
    }

    /// Goes on by `n` bytes that have been peeked.
    #[inline]
    pub(crate) fn advance(&mut self, n: usize) {
        debug_assert!(n <= self.end - self.start);
        self.start += n;
        self.offset += n as u64;
    }

    /// Where the current place is, in decompressed bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The error that ended the bytes early, if one did.
    pub(crate) fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    #[cold]
    fn fill(&mut self, wanted: usize) {
        if self.start > 0 {
            self.window.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.window.len() < wanted {
            self.window.resize(wanted.next_power_of_two(), 0);
        }
        while !self.ended && self.end < wanted {
            match self.source.read(&mut self.window[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.error = Some(e);
                    self.ended = true;
                }
            }
        }
    }
}
