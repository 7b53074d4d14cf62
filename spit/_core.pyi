"""The Rust core: decode, track, fold. Batches of columns cross this border, never single packets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__version__: str

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

class CaptureReader:
    """Reads captures as one stream in time order and yields batches of columns.

    ``paths``: files; ``-`` is standard input. ``settings``: the keys of ``[tracking]`` and ``[identity]``
    (docs/configuration.md). A file that cannot be read to its end stops being read there: the rows before
    the damage are still yielded and ``damages`` tells the rest.
    """

    def __init__(self, paths: Sequence[str], settings: dict[str, object] | None = None) -> None: ...
    def read_messages(self, max_rows: int) -> pa.RecordBatch | None:
        """At most ``max_rows`` SIP messages (records.MESSAGE_SCHEMA), None at the end."""

    def read_events(self, max_rows: int, *, scored: bool = False) -> pa.RecordBatch | None:
        """At least one and about ``max_rows`` call events (records.EVENT_SCHEMA), None at the end.

        ``scored``: only what scoring asks: no answers, null in the columns that nothing of it reads, and of
        ends no texts but those they are counted by (their Call-ID is empty).
        """

    def read_calls(self, max_rows: int) -> pa.RecordBatch | None:
        """Finished calls (records.CALL_SCHEMA), None at the end."""

    def read_calls_text(self, max_rows: int, format_: str) -> bytes | None:
        """``read_calls`` as lines of ``csv`` (without a header line) or ``jsonl``; needs no pyarrow."""

    def read_ahead(self) -> None:
        """Begin to decode for calls in the background; reading events or calls does so by itself."""

    def damages(self) -> list[str]:
        """One line per input that could not be read to its end: where, expected, found."""

    def counters(self) -> dict[str, int]:
        """Packets, messages, drops and evictions so far, by name (docs/counters.md)."""

    def progress(self) -> tuple[int, int | None]:
        """Bytes of input read, and bytes in all when that is known."""

class Feed:
    """Frames or messages pushed from Python, decoded and tracked as those of captures are.

    ``settings``: as for CaptureReader. ``kind``: what comes out: ``events``, ``calls`` or ``messages``. Times
    are epoch µs and should not fall. Rows gather until they are read. Raises ValueError for another kind or
    setting.
    """

    def __init__(self, settings: dict[str, object] | None = None, *, kind: str = "events") -> None: ...
    def frame(self, time_us: int, link_type: int, data: bytes, original_len: int | None = None) -> None:
        """One frame. ``link_type``: a LINKTYPE_ number. ``original_len``: bytes before it was cut."""

    def message(self, time_us: int, source: str, destination: str, transport: str, data: bytes) -> int:
        """One datagram (udp, sctp, ws), or exactly one message of a stream (tcp, tls).

        ``source``, ``destination``: ``ip:port``, IPv6 in brackets. Answers how many SIP messages it holds;
        none is counted as ``not_sip``. Raises ValueError for another transport or address.
        """

    def read_events(self) -> pa.RecordBatch | None:
        """Call events (records.EVENT_SCHEMA) since the last call, None without any.

        Raises RuntimeError when the feed was made for another kind.
        """

    def read_calls(self) -> pa.RecordBatch | None:
        """Finished calls (records.CALL_SCHEMA), as ``read_events``."""

    def read_messages(self) -> pa.RecordBatch | None:
        """SIP messages (records.MESSAGE_SCHEMA), as ``read_events``."""

    def advance(self, now_us: int) -> None:
        """Go on to a time without a message: calls whose time ran out are ended."""

    def flush(self) -> None:
        """End the stream: what waits behind a TCP gap is read, calls that go on are given as they stand."""

    def counters(self) -> dict[str, int]:
        """As CaptureReader.counters (docs/counters.md)."""

class LiveReader:
    """Call events from interfaces and HEP collectors, tracked as they come. Linux.

    Opens every socket, which is the only step that needs privileges (CAP_NET_RAW for interfaces); nothing is
    captured before ``start``. ``hep``: ``"0.0.0.0:9060"`` is UDP and TCP, ``"udp:…"`` and ``"tcp:…"`` one of
    them, port 0 lets the system choose. ``settings``: as for ``CaptureReader``. ``live``: ``workers``
    (threads that share each interface's packets), ``ring_mib`` (of each interface and worker), ``filter``
    (``"sip"`` or ``"all"``), ``exclude`` (``"ip:port"`` whose UDP and TCP is never captured; the collector's
    own are added), ``queue_messages`` (that may wait for the tracker), ``hep_auth_key``. ``state``: what
    ``save_state`` gave.

    Raises OSError (FileNotFoundError, PermissionError …) or ValueError with one line: expected, found. Every
    method may be called while another thread is in ``read_events``.
    """

    def __init__(
        self,
        *,
        interfaces: Sequence[str] = (),
        hep: Sequence[str] = (),
        settings: dict[str, object] | None = None,
        live: dict[str, object] | None = None,
        state: bytes | None = None,
    ) -> None: ...
    def hep_addresses(self) -> list[str]:
        """What the collectors are bound to: ``"udp:127.0.0.1:9060"``, ``"tcp:127.0.0.1:9060"``."""

    def start(self) -> None:
        """Begin to capture."""

    def read_events(self, max_rows: int, timeout_s: float) -> pa.RecordBatch | None:
        """About ``max_rows`` call events (records.EVENT_SCHEMA) as soon as there is one.

        None when none came in time, and when all has been given after ``stop`` (see ``ended``). Raises
        RuntimeError when a capture thread has failed.
        """

    def stop(self) -> None:
        """End capture. What has come is still read; ``save_state`` keeps the calls that go on, not ended."""

    @property
    def ended(self) -> bool:
        """Whether everything that came before ``stop`` has been read."""

    def save_state(self) -> bytes:
        """The calls that go on, for ``state``. Waits for a ``read_events`` elsewhere, 0.2 s at most."""

    def counters(self) -> dict[str, int]:
        """What was captured, lost and decoded so far, by name (docs/counters.md)."""

def drop_privileges(user: str) -> None:
    """Become a user without any capability who can't gain one again; open sockets stay.

    Call it after ``LiveReader(...)`` and before threads are started. Raises OSError or ValueError: no such
    user, not root, or a privilege that could not be given up (end the process then).
    """

def write_jsonl(batch: pa.RecordBatch) -> bytes:
    """The rows as JSON lines, nulls written."""

def call_columns() -> list[str]:
    """The names of records.CALL_SCHEMA, in order."""

def parse_attempt(
    data: bytes,
    *,
    time_us: int,
    source_ip: str | None = None,
    destination_ip: str | None = None,
    transport: str = "udp",
    settings: dict[str, object] | None = None,
) -> pa.RecordBatch:
    """One ``attempt`` row (records.EVENT_SCHEMA) from the bytes of an INVITE or MESSAGE.

    ``transport``: udp, tcp, tls, sctp or ws.

    Raises ValueError: says what was expected and what was found.
    """

def canonical_identity(uri: str, settings: dict[str, object] | None = None) -> str | None:
    """The canonical identity of a SIP or tel URI, or of a bare number: E.164 where it is one."""

class Identities:
    """``canonical_identity`` under settings that are read once."""

    def __init__(self, settings: dict[str, object] | None = None) -> None: ...
    def canonical(self, uri: str) -> str | None: ...

def parse_identity(header: str) -> list[dict[str, object]]:
    """What the PASSporTs of an Identity header (RFC 8224) claim; no signature is verified.

    One dict each: ``form`` (full, compact or unreadable), ``ppt``, ``alg``, ``info``; and with the full form
    ``attest``, ``origid``, ``orig``, ``dest`` (list), ``iat`` (epoch s), ``div``, ``nam``, ``apn`` (whether
    ``rcd`` names another number to show). At most 8 are read.
    """

def parse_message(
    data: bytes,
) -> tuple[str | None, str, int | None, list[tuple[str, str]], list[str]] | None:
    """The first SIP message of a datagram, or one of a stream, in its parts; None when there is none.

    Method (None: a response), Request-URI, status (None: a request), headers in order, names of anomalies
    (``anomalies()``). Known headers have their full name, folded values are on one line. Text is ISO 8859-1:
    encoded again it is the same octets.
    """

class SipStream:
    """The messages of one SIP stream, cut by Content-Length (RFC 3261 section 18.3)."""

    def __init__(self) -> None: ...
    def push(self, data: bytes) -> list[bytes]:
        """The messages that are whole now; ``b"\\r\\n\\r\\n"`` where a keep-alive came (RFC 5626)."""

    @property
    def junk_bytes(self) -> int:
        """Bytes so far that belonged to no message."""

    def __len__(self) -> int:
        """Bytes that wait for the rest of their message; up to 1 MiB."""

def anomalies() -> list[tuple[str, str]]:
    """Every anomaly that ``spit messages`` may name, with its meaning."""

def hash_keys(column: pa.Array, salt: int = 0) -> U64:
    """64-bit keys of a column of strings; null becomes 0, which every primitive reads as "no key"."""

def hash_pairs(a: pa.Array, b: pa.Array, salt: int = 0) -> U64:
    """64-bit keys of ordered pairs of strings; 0 where either is null."""

def join_keys(a: U64, b: U64) -> U64:
    """64-bit keys of ordered pairs of keys; 0 where either is 0."""

def hash_blocks(column: pa.Array, *, digits: int, salt: int = 0) -> U64:
    """64-bit keys of numbers (as ``numbers`` has them) without their last ``digits``; 0 for all else."""

def numbers(column: pa.Array) -> F64:
    """The value of identities that are numbers of 7 to 15 digits; NaN for everything else."""

def digit_counts(column: pa.Array) -> F64:
    """How many digits identities of digits alone have; NaN for everything else."""

def shared_digits(a: pa.Array, b: pa.Array) -> F64:
    """How many digits two numbers (as ``numbers`` has them) share from the front; NaN where either isn't."""

def withheld(column: pa.Array, *, uris: bool = False) -> Mask:
    """Whether each identity (or sip URI) names nobody: anonymous, unavailable ... (RFC 3323); null: false."""

def asserted_differs(asserted: pa.Array, uris: pa.Array) -> Mask:
    """Whether P-Asserted-Identity and the URI of From are of different people; false where either is null.

    Numbers are compared by their last 7 digits, because From is often national where the assertion is E.164.
    A withheld From is no lie (RFC 3323, RFC 3325) and differs from nobody.
    """

#: Columns of texts that are read of an event.
TEXT_COLUMNS: list[str]
#: Numbers that differ in at least 1 and at most this many digits at the end are neighbours.
NEIGHBOUR_DIGITS: int

def event_keys(events: pa.RecordBatch, names: Sequence[str], rows: I64 | None = None) -> U64:
    """The keys of each event, or of these rows, uint64 [names, rows], 0 where there is none.

    Names: caller, callee, identity, origid, block, callee_block, identity_block, source, peer, tie_peer,
    contact, contact_reverse, peer_caller, peer_callee, identity_source (crates/spit-core/src/attempt.rs).
    Reads the columns of records.EVENT_SCHEMA that are there; the others are null.
    """

class OneAttempt:
    """One attempt, its texts hashed and read once: columns of records.EVENT_SCHEMA by name, ``time_us`` at
    least; what lacks is null. Raises ValueError or TypeError at a column of another type."""

    def __init__(self, row: Mapping[str, object]) -> None: ...
    @property
    def time_us(self) -> int: ...
    def key(self, name: str) -> int:
        """A key by a name of ``event_keys``."""

class AttemptReader:
    """Reads the features of one attempt from primitives and formulas in one call.

    ``columns``: of the attempt's own matrix, which is the last: a name of what an attempt says by itself
    (crates/spit-core/src/attempt.rs), ``passport_age_s``, ``hour_cos`` or ``hour_sin``, or a position among
    the answers of all ``pairs`` and then all ``lasts``.
    ``sums``: one matrix each: the primitive, the name of its key, and the name of a second key with the
    columns that are read with it.
    """

    def __init__(
        self,
        formulas: Formulas,
        *,
        columns: Sequence[str | int],
        sums: Sequence[tuple[Sums, str, str | None, Sequence[int]]],
        lasts: Sequence[tuple[Last, str]],
        pairs: Sequence[tuple[Pairs, str]],
    ) -> None: ...
    def read(self, attempt: OneAttempt) -> F32:
        """float32 [1, formulas]. RuntimeError while another thread folds into a primitive."""

class Sums:
    """Exponentially decayed sums per key: ``width`` contributions at each of several time constants.

    Row i of the answer of ``fold`` is what was known **before** row i: read, then update. Column
    ``w * width + c`` is contribution c under time constant w. Key 0: NaN, nothing kept. An unknown key reads
    0. A row whose contributions are all 0 reads and leaves no trace.

    ``chosen[w]``: the contributions summed under time constant w; the answer then has these columns only, in
    this order. Sums are held as f32, rounded at random in proportion to the remainder.
    """

    def __init__(
        self,
        width: int,
        time_constants_s: Sequence[float],
        *,
        idle_s: float,
        max_keys: int,
        chosen: Sequence[Sequence[int]] | None = None,
    ) -> None: ...
    def fold(self, keys: U64, times_us: I64, contributions: F64) -> F64: ...
    def read(self, keys: U64, times_us: I64) -> F64: ...
    def read_one(self, key: int, time_us: int) -> list[float]:
        """One row of ``read``."""

    def merge(self, other: Sums) -> None: ...
    def state(self) -> pa.RecordBatch: ...
    def restore(self, state: pa.RecordBatch) -> None: ...
    def counters(self) -> dict[str, int]: ...
    def __len__(self) -> int: ...

class Last:
    """The previous values of a key. Column 0 of the answer is their age in seconds; NaN where none."""

    def __init__(self, width: int, *, idle_s: float, max_keys: int) -> None: ...
    def fold(self, keys: U64, times_us: I64, values: F64, update: Mask) -> F64: ...
    def read(self, keys: U64, times_us: I64) -> F64: ...
    def merge(self, other: Last) -> None: ...
    def state(self) -> pa.RecordBatch: ...
    def restore(self, state: pa.RecordBatch) -> None: ...
    def counters(self) -> dict[str, int]: ...
    def __len__(self) -> int: ...

class Pairs:
    """Seconds since a pair was last in contact, NaN when not within the window."""

    def __init__(self, *, window_s: float, max_pairs: int) -> None: ...
    def fold(self, pairs: U64, times_us: I64, update: Mask) -> F64: ...
    def read(self, pairs: U64, times_us: I64) -> F64: ...
    def read_one(self, pair: int, time_us: int) -> float:
        """One row of ``read``."""

    def merge(self, other: Pairs) -> None: ...
    def state(self) -> pa.RecordBatch: ...
    def restore(self, state: pa.RecordBatch) -> None: ...
    def counters(self) -> dict[str, int]: ...
    def __len__(self) -> int: ...

class EvidenceSums:
    """What is known of the callers of attempts and of what they share, in one pass over attempts.

    ``callers``: of two contributions (log-odds, 1) over hours and over days; ``ties``: of two (increment, 1)
    over one time each. A tie's ratio is its sum over 1 + ``dependence`` times its count.
    """

    def __init__(
        self, callers: Sums, ties: Sequence[Sums], *, young_attempts: float, dependence: float
    ) -> None: ...
    def update(
        self,
        callers: U64,
        ties: Sequence[U64],
        times_us: I64,
        *,
        own: F64,
        increments: F64,
        first_contact: Mask,
        frozen: Mask,
    ) -> tuple[F64, F64, F64, F64, I64]:
        """Before each attempt, 0 where nothing is known: the caller's sum and count over hours, its count
        over days, the largest ratio of a tie and which tie's. Then counts it, in order.

        ``own`` is added to the caller unless ``frozen``, ``increments`` to the ties where ``first_contact``
        and the caller's count over days is less than ``young_attempts``. Raises ValueError where lengths do
        not fit or a number is none; nothing is counted then. RuntimeError while another thread asks the sums.
        """

    def read(self, callers: U64, ties: Sequence[U64], times_us: I64) -> tuple[F64, F64, F64, F64, I64]:
        """As ``update``; counts nothing, no attempt sees another."""

def find_victims(
    sources: Pairs,
    source_counts: Sums,
    inbound: Sums,
    *,
    callers: U64,
    callees: U64,
    pairs: U64,
    times_us: I64,
    strangers: Mask,
    storm_calls: float,
    several_sources: float,
) -> Mask:
    """bool[n]: whether the caller of each attempt received ``storm_calls`` from strangers and called from
    ``several_sources``, as counted so far; then counts it, in order. ``pairs``: of caller and source.

    Raises ValueError where lengths do not fit; nothing is counted then.
    """

#: Source addresses and Call-IDs kept of each caller: the first ones.
MAX_SOURCE_IPS: int
MAX_CALL_IDS: int

class Callers:
    """What is known of at most ``max_callers`` callers; when full, those seen least recently leave."""

    def __init__(self, max_callers: int) -> None: ...
    def update(
        self, attempts: Attempts, times_us: I64, scores: F64, labels: npt.NDArray[np.int8], values: F32
    ) -> tuple[I64, I64, I64, dict[int, tuple[str, ...]]]:
        """Count n attempts in order: the caller's attempts so far, the number of its first spam (0: none),
        its earliest time; by row, of those labelled: the caller's first labelled Call-IDs so far.

        A row without a caller: 1, 0, its time. ``labels``: 0 legit, 1 suspect, 2 spam. Raises ValueError
        where lengths do not fit.
        """

    def seen(self, caller: str) -> tuple[int, tuple[str, ...], F32 | None] | None:
        """Attempts, Call-IDs, float32[F] of the highest score (None below suspect); None if unknown."""

    def slots(self, callers: Sequence[str] | None = None) -> I64:
        """The slots of those of these callers that are known; of all when None, in rising order."""

    def state(self, slots: I64) -> pa.RecordBatch:
        """The callers of these slots (spit.engine.callers.STATE_SCHEMA). ValueError at an empty one."""

    def restore(self, state: pa.RecordBatch, evicted: int) -> None:
        """Take callers that were saved. ``evicted``: how many had left before."""

    @property
    def evicted(self) -> int:
        """Callers that left."""

    def __len__(self) -> int: ...

class Formulas:
    """Values that derive from columns of matrices (``Plan``, ``AttemptReader``): ``(kind, places, numbers)``.

    A place is ``(matrix, column)``; NaN there reads as 0. Kinds, places and numbers: ``count`` (x);
    ``ratio`` (x, n; added, weight, scale); ``change`` (x, n, past x, past n; added, weight); ``spread`` and
    ``relative_spread`` (n, sum, squares; prior, weight); ``habit`` (n, x, y, along x, along y; added,
    weight); ``capped`` (x; cap), which is the cap where x is NaN.
    """

    def __init__(
        self, formulas: Sequence[tuple[str, Sequence[tuple[int, int]], Sequence[float]]]
    ) -> None: ...

class PairsStep:
    """A turn of ``pairs`` by a key. ``attempts``, ``ends``: the column of a truth, whether the event is a
    contact (None: never), and the column for the age; events without do not read. ``reverse``: another key
    that attempts read before, and the column for its age."""

    def __init__(
        self,
        pairs: Pairs,
        key: str,
        *,
        attempts: tuple[int | None, int],
        ends: tuple[int | None, int] | None = None,
        reverse: tuple[str, int] | None = None,
    ) -> None: ...

class LastStep:
    """A turn of ``last`` by a key, at attempts: whether their ``values`` are kept, and the columns for the
    age and the values before."""

    def __init__(
        self, last: Last, key: str, *, update: int, values: Sequence[int], answers: Sequence[int]
    ) -> None: ...

class SumsStep:
    """A turn of ``sums`` by a key. ``attempts``, ``ends``: the column of a truth, whether the event adds
    anything (None: always), and the column of each contribution (None adds nothing). ``other``: a second key
    that attempts read these columns of. ``every``: a column of the sums that all events read, and the columns
    of attempts and of ends for it."""

    def __init__(
        self,
        sums: Sums,
        key: str,
        *,
        attempts: tuple[int | None, Sequence[int | None]],
        ends: tuple[int | None, Sequence[int | None]],
        other: tuple[str, Sequence[int]] | None = None,
        every: tuple[int, int, int] | None = None,
    ) -> None: ...

class Events:
    """A batch of events, taken over once for several calls. ``given``: a number for each event, by name."""

    def __init__(self, batch: pa.RecordBatch, given: Mapping[str, F64] | None = None) -> None: ...
    def rows(self, names: Sequence[str], rows: I64) -> list[tuple[Any, ...]]:
        """These columns (strings, int64, float64, bool) of these rows, null as None. Raises KeyError without
        a column, ValueError at one of another type or a row that is not there."""

    def __len__(self) -> int: ...

class Attempts:
    """Rows of events that are attempts. Raises ValueError at a row that is not there."""

    def __init__(self, events: Events, rows: I64) -> None: ...
    def __len__(self) -> int: ...

class Plan:
    """What events do to primitives, step by step, and what their attempts read before: in one call.

    ``attempts``, ``ends``: columns of events of each kind, named by their position: kind, operands (columns
    before it), numbers and words (spit/features/expressions.py). ``formulas`` read a matrix for each step of
    sums, and then ``columns`` of the attempts. ``keys``: names in ``event_keys`` that ``fold`` answers.
    Raises ValueError or KeyError where these do not fit.
    """

    def __init__(
        self,
        formulas: Formulas,
        *,
        attempts: Sequence[tuple[str, Sequence[int], Sequence[float], Sequence[str]]],
        ends: Sequence[tuple[str, Sequence[int], Sequence[float], Sequence[str]]],
        steps: Sequence[PairsStep | LastStep | SumsStep],
        columns: Sequence[int],
        keys: Sequence[str],
    ) -> None: ...
    def fold(
        self, events: Events, offset: int, length: int
    ) -> tuple[F32, I64, U64, I64, Attempts, I64, int | None]:
        """Fold attempts and ends (records.EVENT_SCHEMA) among these rows in order: float32 [attempts,
        formulas], as each was before it; rows of the attempts in the whole batch; their keys, uint64 [keys,
        attempts]; their times; they themselves; rows of the ends; the latest time of all events.

        Raises KeyError without a column, ValueError where one is of another type, a given one is missing or a
        contribution is no number, RuntimeError while another thread asks a primitive.
        """

    def read(self, attempts: pa.RecordBatch) -> F32:
        """float32 [rows, formulas]: every row an attempt; nothing changes, no row sees another."""

class Forest:
    """Sums of decision trees, float32, added in the order of ``roots`` and ``base`` last.

    ``nodes``: a weight for a leaf; else column, threshold, positions of the nodes for ``value <= threshold``
    and for more, and whether NaN goes to the first. ``width``: columns of a row. Raises ValueError at what
    is no tree.
    """

    def __init__(
        self,
        nodes: Sequence[tuple[int, float, int, int, bool] | float],
        roots: Sequence[int],
        base: float,
        width: int,
    ) -> None: ...
    @staticmethod
    def of_onnx(onnx: bytes, width: int) -> Forest | None:
        """The trees of a model that is nothing but trees of one weight a leaf; None for any other bytes.

        Read without the library onnx, which is none of the runtime's.
        """

    def sum(self, rows: F32) -> F32:
        """float32[n] of float32[n, width], which must be C-contiguous."""

class Held:
    """A second owner of ``batch``. Raises ValueError when it is none."""

    def __init__(self, batch: pa.RecordBatch) -> None: ...
    def release(self) -> None:
        """Let it go; it is freed without the interpreter when all others have."""

class CallerSet:
    """Callers by name, to find the few rows that are theirs."""

    def __init__(self, callers: Sequence[str] = ()) -> None: ...
    def find(self, attempts: Attempts, marked: Mask, ends: I64) -> tuple[I64, I64]:
        """Take in the callers of the ``marked`` attempts. The attempts whose callers are held then, by their
        position, and those of ``ends``, rows of the same events. Raises ValueError where lengths do not fit.
        """

class Names:
    """Strings in numbered slots, for columns of state kept beside it; a released slot is used again."""

    def __init__(self) -> None: ...
    def claim(self, column: pa.Array) -> tuple[I64, I64]:
        """The slot of each row (-1 where null), and the slots taken just now, in the order of first rows."""

    def find(self, column: pa.Array) -> I64:
        """The slot of each row, -1 where null or not held."""

    def slot(self, name: str) -> int | None:
        """The slot of one string, None when it is not held."""

    def release(self, slots: I64) -> None:
        """Forget the strings of these slots. Raises ValueError at one that holds none."""

    def names(self, slots: I64) -> pa.Array:
        """The strings of these slots. Raises ValueError at one that holds none."""

    def slots(self) -> I64:
        """The slots that hold a string, in rising order."""

    def __len__(self) -> int: ...
