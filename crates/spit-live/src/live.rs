//! Live capture as a whole: opened with privileges, then started, read and stopped without.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use spit_core::call::{Digester, EventSink, SaveError, TrackCounters, Tracker};
use spit_core::counters::Counters;
use spit_core::decode::Decoder;

use crate::bpf::Instruction;
use crate::clock::now_us;
use crate::consumer::{Consumer, Step};
use crate::filter::{self, Filter, MAX_EXCLUDED};
use crate::hep_server::{HepCounters, HepServer};
use crate::intake::Intake;
use crate::kernel_drops::KernelDrops;
use crate::queue::Queue;
use crate::ring::Ring;
use crate::settings::{LiveCounters, LiveSettings, ThreadGone, MAX_RING_MIB, MAX_WORKERS};
use crate::socket::{Interface, PacketSocket};
use crate::worker::{EndOfSource, RingCounters, Source, Worker};

/// While messages are held for others, the clock is looked at this often.
const HELD: Duration = Duration::from_millis(5);

/// While nothing comes, calls whose time runs out are looked for this often.
const QUIET: Duration = Duration::from_millis(200);

/// Interfaces and HEP senders, from packets to call events.
///
/// All of it may be used from several threads: one reads, another asks for counters or stops.
pub struct Live {
    digester: Arc<Digester>,
    hash_seed: u64,
    settings: LiveSettings,
    queue: Arc<Queue>,
    opened: Mutex<Opened>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    consumer: Mutex<Consumer>,
    stop: Arc<AtomicBool>,
    /// What the first thread that failed said.
    failure: Arc<Mutex<Option<String>>>,
    started: AtomicBool,
    ended: AtomicBool,
    sources: usize,
    decoders: Vec<Arc<Mutex<Counters>>>,
    rings: Vec<Arc<Mutex<RingCounters>>>,
    hep: Arc<HepCounters>,
    hep_addresses: Vec<String>,
    drops: KernelDrops,
    tracked: Mutex<TrackCounters>,
}

/// What waits for the start: the sources of each thread, each with the filter that it will get.
#[derive(Default)]
struct Opened {
    workers: Vec<Vec<(Source, Vec<Instruction>)>>,
    hep: Option<HepServer>,
}

impl Live {
    /// Opens every socket and ring; nothing is captured before [`Live::start`]. Only this needs privileges.
    ///
    /// `tracker`: without calls, or one that was saved, with the seed it was saved with in the settings.
    ///
    /// # Errors
    /// One line that says what was expected and what was found: no such interface, no privilege, an address in use.
    pub fn open(settings: LiveSettings, tracker: Tracker) -> io::Result<Live> {
        check(&settings)?;
        let interfaces = settings
            .interfaces
            .iter()
            .map(|name| Interface::find(name))
            .collect::<io::Result<Vec<_>>>()?;
        let hep = Arc::new(HepCounters::default());
        let server = match settings.hep.is_empty() {
            true => None,
            false => Some(HepServer::open(&settings.hep, Arc::clone(&hep))?),
        };
        let drops = KernelDrops::default();
        let mut exclude = settings.exclude.clone();
        let mut hep_addresses = Vec::new();
        if let Some(server) = &server {
            let (udp, tcp) = server.addresses()?;
            hep_addresses.extend(udp.iter().map(|address| format!("udp:{address}")));
            hep_addresses.extend(tcp.iter().map(|address| format!("tcp:{address}")));
            for address in udp.into_iter().chain(tcp) {
                if !exclude.contains(&address) {
                    exclude.push(address);
                }
            }
            server
                .udp_inodes()
                .into_iter()
                .for_each(|inode| drops.add_udp_socket(inode));
        }
        if exclude.len() > MAX_EXCLUDED {
            return Err(invalid(format!(
                "exclude: expected at most {MAX_EXCLUDED} addresses, found {}",
                exclude.len()
            )));
        }
        let workers = open_rings(&settings, &interfaces, &exclude)?;
        for interface in &interfaces {
            drops.add_interface(&interface.name);
        }
        let sources = workers.len() + usize::from(server.is_some());
        let lanes = workers.iter().map(Vec::len).sum::<usize>() + usize::from(server.is_some());
        let queue = Arc::new(Queue::new(settings.queue_messages, sources));
        let tracked = tracker.counters;
        Ok(Live {
            digester: Arc::new(Digester::new(settings.hash_seed, settings.identity.clone())),
            hash_seed: settings.hash_seed,
            consumer: Mutex::new(Consumer::new(tracker, Arc::clone(&queue), lanes)),
            queue,
            threads: Mutex::default(),
            stop: Arc::default(),
            failure: Arc::default(),
            started: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            sources,
            decoders: (0..sources).map(|_| Arc::default()).collect(),
            rings: workers.iter().map(|_| Arc::default()).collect(),
            opened: Mutex::new(Opened { workers, hep: server }),
            hep,
            hep_addresses,
            drops,
            tracked: Mutex::new(tracked),
            settings,
        })
    }

    /// What the collector is bound to: `udp:127.0.0.1:9060`, `tcp:…`.
    pub fn hep_addresses(&self) -> &[String] {
        &self.hep_addresses
    }

    /// Begins to capture. A second call changes nothing.
    ///
    /// # Errors
    /// When the system refuses a filter or a thread.
    pub fn start(&self) -> io::Result<()> {
        if self.started.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let started = self.start_threads();
        if started.is_err() {
            self.stop();
        }
        started
    }

    fn start_threads(&self) -> io::Result<()> {
        let opened = std::mem::take(&mut *lock(&self.opened));
        // Threads that the system refuses leave their sources to end here.
        let mut ends: Vec<EndOfSource> = (0..self.sources)
            .map(|_| EndOfSource(Arc::clone(&self.queue)))
            .collect();
        let mut decoders = self.decoders.iter();
        let mut lane = 0;
        for (sources, counters) in opened.workers.into_iter().zip(&self.rings) {
            for (source, program) in &sources {
                source.ring.socket.attach(program)?;
            }
            let lanes = lane..lane + sources.len();
            lane = lanes.end;
            let worker = Worker {
                sources: sources.into_iter().map(|(source, _)| source).collect(),
                intake: self.intake(lanes, decoders.next()),
                counters: Arc::clone(counters),
            };
            self.spawn("spit-ring", ends.pop(), move |stop| worker.run(stop))?;
        }
        if let Some(server) = opened.hep {
            let intake = self.intake(lane..lane + 1, decoders.next());
            self.spawn("spit-hep", ends.pop(), move |stop| server.run(intake, stop))?;
        }
        Ok(())
    }

    fn intake(&self, lanes: std::ops::Range<usize>, published: Option<&Arc<Mutex<Counters>>>) -> Intake {
        Intake::new(
            Decoder::of_calls(self.settings.decode.clone()),
            Arc::clone(&self.digester),
            Arc::clone(&self.queue),
            lanes,
            published.map(Arc::clone).unwrap_or_default(),
        )
    }

    fn spawn(
        &self,
        name: &str,
        end: Option<EndOfSource>,
        work: impl FnOnce(&AtomicBool) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let stop = Arc::clone(&self.stop);
        let failure = Arc::clone(&self.failure);
        let told = name.to_owned();
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            // Dropped last: whoever sees that the source has ended finds the reason.
            let _end = end;
            if let Err(error) = work(&stop) {
                lock(&failure).get_or_insert_with(|| format!("{told}: {error}"));
            }
        })?;
        lock(&self.threads).push(thread);
        Ok(())
    }

    /// Ends capture; what has come is still given, then [`Live::has_ended`].
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        // Never started: there is nothing to wait for.
        if !self.started.swap(true, Ordering::AcqRel) {
            for _ in 0..self.sources {
                self.queue.end_source();
            }
        }
    }

    /// Whether everything that came before the stop has been given. Calls that go on are not ended: save them.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Tracks what comes until there is an event, `patience` is over, or all has ended. About `max_rows` are given.
    ///
    /// # Errors
    /// When a capture thread has ended by itself.
    pub fn read<S: EventSink>(
        &self,
        sink: &mut S,
        rows: impl Fn(&S) -> usize,
        max_rows: usize,
        patience: Duration,
    ) -> Result<(), ThreadGone> {
        let until = Instant::now() + patience;
        let mut consumer = lock(&self.consumer);
        loop {
            let stopped = self.stop.load(Ordering::Acquire);
            let step = consumer.step(now_us(), stopped, sink, |sink| rows(sink) >= max_rows.max(1));
            *lock(&self.tracked) = consumer.tracker.counters;
            let (changes, held) = match step {
                Step::Full => return Ok(()),
                Step::Ended => {
                    self.ended.store(true, Ordering::Release);
                    return Ok(());
                }
                Step::UpToDate { changes, held } => (changes, held),
            };
            if !stopped && !self.stop.load(Ordering::Acquire) && self.queue.sources() < self.sources {
                return Err(ThreadGone(lock(&self.failure).clone()));
            }
            let left = until.saturating_duration_since(Instant::now());
            if rows(sink) > 0 || left.is_zero() {
                return Ok(());
            }
            self.queue.wait(changes, left.min(if held { HELD } else { QUIET }));
        }
    }

    /// The state of the tracker, for `Tracker::load`.
    ///
    /// # Errors
    /// As `Tracker::save`.
    pub fn save(&self) -> Result<Vec<u8>, SaveError> {
        lock(&self.consumer).tracker.save(self.hash_seed)
    }

    /// What the capture has counted; kept current to a fifth of a second.
    pub fn counters(&self) -> LiveCounters {
        let mut counters = LiveCounters {
            kernel_dropped: self.drops.total(),
            queue_dropped: self.queue.dropped(),
            hep_connections: self.hep.connections.load(Ordering::Relaxed),
            hep_connections_refused: self.hep.refused.load(Ordering::Relaxed),
            hep_connections_cut: self.hep.cut.load(Ordering::Relaxed),
            ..LiveCounters::default()
        };
        for rings in &self.rings {
            let rings = *lock(rings);
            counters.kernel_received += rings.received;
            counters.ring_dropped += rings.dropped;
            counters.ring_freezes += rings.freezes;
            counters.interface_errors += rings.errors;
        }
        counters
    }

    /// What each decoder has counted.
    pub fn decoder_counters(&self) -> Vec<Counters> {
        self.decoders.iter().map(|counters| *lock(counters)).collect()
    }

    /// What the tracker has counted.
    pub fn track_counters(&self) -> TrackCounters {
        *lock(&self.tracked)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop();
        for thread in lock(&self.threads).drain(..) {
            // A thread that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}

/// Nothing here is left half changed by a panic, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn check(settings: &LiveSettings) -> io::Result<()> {
    if settings.interfaces.is_empty() && settings.hep.is_empty() {
        return Err(invalid("expected an interface or a HEP address, found neither".into()));
    }
    for (at, name) in settings.interfaces.iter().enumerate() {
        if settings.interfaces[..at].contains(name) {
            return Err(invalid(format!("interface {name}: expected once, found twice")));
        }
    }
    for (name, found, most) in [
        ("workers", settings.workers, MAX_WORKERS),
        ("ring_mib", settings.ring_mib, MAX_RING_MIB),
        ("queue_messages", settings.queue_messages, usize::MAX),
    ] {
        if !(1..=most).contains(&found) {
            let most = if most == usize::MAX {
                "1 or more".to_owned()
            } else {
                format!("1 to {most}")
            };
            return Err(invalid(format!("{name}: expected {most}, found {found}")));
        }
    }
    Ok(())
}

type OpenRings = Vec<Vec<(Source, Vec<Instruction>)>>;

/// Opens one ring per thread for each interface. A thread has the same place in every group: the kernel hashes flows
/// alike everywhere, so a packet that two interfaces show comes to the same decoder, which knows the duplicate.
fn open_rings(settings: &LiveSettings, interfaces: &[Interface], exclude: &[SocketAddr]) -> io::Result<OpenRings> {
    if interfaces.is_empty() {
        return Ok(Vec::new());
    }
    let mut workers: OpenRings = (0..settings.workers).map(|_| Vec::new()).collect();
    for interface in interfaces {
        let program = Filter {
            pass: settings.pass,
            exclude,
            front: interface.front,
            drop_outgoing: interface.is_loopback,
        }
        .program();
        let named = |what: &'static str| {
            move |error: io::Error| {
                io::Error::new(
                    error.kind(),
                    format!("interface {}: can't {what}: {error}", interface.name),
                )
            }
        };
        let mut group = None;
        for worker in &mut workers {
            let socket = PacketSocket::open(interface)?;
            // Tried now, because privileges and the user's patience end with this call; then deaf until the start, so that
            // no packet comes unfiltered, and none to two sockets before both are in the group.
            socket.attach(&program).map_err(named("attach a filter"))?;
            socket.attach(&filter::nothing()).map_err(named("attach a filter"))?;
            let ring = Ring::map(socket, interface, settings.ring_mib)?;
            ring.socket.bind(interface).map_err(named("capture"))?;
            if settings.workers > 1 {
                group = Some(ring.socket.join_fanout(group).map_err(named("share packets"))?);
            }
            let source = Source {
                ring,
                front: interface.front,
            };
            worker.push((source, program.clone()));
        }
    }
    Ok(workers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hep_address::HepAddress;
    use spit_core::call::{CallView, EventKind, TrackSettings};

    #[test]
    fn a_thread_that_fails_is_told_with_its_reason() {
        let settings = LiveSettings {
            hep: vec![HepAddress::parse("udp:127.0.0.1:0").unwrap()],
            ..LiveSettings::default()
        };
        let live = Live::open(settings, Tracker::new(TrackSettings::default())).unwrap();
        let end = EndOfSource(Arc::clone(&live.queue));
        live.spawn("spit-test", Some(end), |_| {
            Err(io::Error::other("the interface is gone"))
        })
        .unwrap();
        for thread in lock(&live.threads).drain(..) {
            thread.join().unwrap();
        }
        let mut sink = |_: EventKind, _: spit_core::Micros, _: &CallView<'_>| {};
        let gone = live.read(&mut sink, |_| 0, 1, Duration::ZERO).unwrap_err();
        assert_eq!(
            gone.to_string(),
            "a capture thread has ended early: spit-test: the interface is gone"
        );
    }
}
