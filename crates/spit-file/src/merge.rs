//! Several captures as one stream in time order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use spit_core::Micros;

use crate::damage::Damage;
use crate::reader::{CaptureFile, Packet};

/// Captures read side by side; each is opened when its first packet is due, so thousands may be given.
pub struct Captures {
    /// Not open yet, latest first.
    waiting: Vec<(Micros, String)>,
    open: Vec<CaptureFile>,
    current: Option<usize>,
    damages: Vec<Damage>,
    read: Arc<AtomicU64>,
    total: Option<u64>,
    are_files: bool,
}

impl Captures {
    /// Looks at the first packet of each path; a path that can't be read is noted in `damages`.
    pub fn open(paths: &[String]) -> Captures {
        let mut captures = Captures {
            waiting: Vec::new(),
            open: Vec::new(),
            current: None,
            damages: Vec::new(),
            read: Arc::default(),
            total: paths.iter().map(|p| std::fs::metadata(p).ok().map(|m| m.len())).sum(),
            are_files: paths.iter().all(|p| std::fs::metadata(p).is_ok_and(|m| m.is_file())),
        };
        for path in paths {
            // Standard input can't be opened twice, a single file need not be.
            let keep = path == "-" || paths.len() == 1;
            let read = if keep {
                Arc::clone(&captures.read)
            } else {
                Arc::default()
            };
            let Some(file) = captures.open_one(path, read) else {
                continue;
            };
            match file.time_us() {
                Some(time_us) if !keep => captures.waiting.push((time_us, path.clone())),
                _ => captures.open.push(file),
            }
        }
        // Stable, so that files that begin together keep the order in which they were named.
        captures.waiting.sort_by_key(|(time_us, _)| *time_us);
        captures.waiting.reverse();
        captures
    }

    fn open_one(&mut self, path: &str, read: Arc<AtomicU64>) -> Option<CaptureFile> {
        let mut file = match CaptureFile::open(path, read) {
            Ok(file) => file,
            Err(damage) => {
                self.note(damage);
                return None;
            }
        };
        match file.advance() {
            Ok(true) => Some(file),
            Ok(false) => None,
            Err(damage) => {
                self.note(damage);
                None
            }
        }
    }

    fn note(&mut self, damage: Damage) {
        if !self.damages.contains(&damage) {
            self.damages.push(damage);
        }
    }

    /// The next packet in time order, `None` at the end of all captures.
    ///
    /// Within one file the order is the file's own: mirrors write packets slightly out of order, and none is lost.
    #[inline]
    pub fn next_packet(&mut self) -> Option<Packet<'_>> {
        // The usual case: a packet behind another one of the only file.
        let is_alone = self.open.len() == 1 && self.waiting.is_empty();
        let goes_on = is_alone && self.current.is_some() && self.open[0].advance_in_window();
        let at = if goes_on { 0 } else { self.go_on()? };
        self.open[at].packet()
    }

    /// Goes to the next packet; answers which file has it.
    #[inline(never)]
    fn go_on(&mut self) -> Option<usize> {
        if let Some(at) = self.current.take() {
            match self.open[at].advance() {
                Ok(true) => {}
                Ok(false) => {
                    self.open.remove(at);
                }
                Err(damage) => {
                    self.note(damage);
                    self.open.remove(at);
                }
            }
        }
        let at = if self.open.len() == 1 && self.waiting.is_empty() {
            0
        } else {
            self.earliest()?
        };
        self.current = Some(at);
        Some(at)
    }

    fn earliest(&mut self) -> Option<usize> {
        loop {
            let earliest = self
                .open
                .iter()
                .enumerate()
                .filter_map(|(i, file)| file.time_us().map(|t| (t, i)))
                .min();
            match (earliest, self.waiting.last()) {
                (Some((time, i)), Some((first, _))) if time < *first => return Some(i),
                (Some((_, i)), None) => return Some(i),
                (None, None) => return None,
                (_, Some(_)) => {}
            }
            if let Some((_, path)) = self.waiting.pop() {
                let read = Arc::clone(&self.read);
                if let Some(file) = self.open_one(&path, read) {
                    self.open.push(file);
                }
            }
        }
    }

    /// Whether the next packet can probably be had without waiting for a slow pipe.
    pub fn has_more_at_hand(&self) -> bool {
        self.open.iter().all(CaptureFile::has_more_at_hand)
    }

    /// Whether every input is a plain file, which nobody has to wait for.
    pub(crate) fn are_files(&self) -> bool {
        self.are_files
    }

    /// The inputs that could not be read to their end, so far.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// Bytes read of the files themselves, and how many there are in all when that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.total)
    }

    /// What `progress` reads, for another thread.
    pub(crate) fn progress_handle(&self) -> (Arc<AtomicU64>, Option<u64>) {
        (Arc::clone(&self.read), self.total)
    }
}
