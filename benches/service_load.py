"""What `benches/service.py` loads the application with: questions at a rate, and events as agents send them.

    python benches/service_load.py FOLDER --port 8000 --rate 1000 --seconds 10
    python benches/service_load.py FOLDER --port 8000 --rate 1000 --seconds 10 --calls-per-s 1000

Questions are sent when they are due, whether earlier ones are answered or not, and their latency counts from
the moment they were due: a server that stalls is charged with all that came meanwhile ("coordinated
omission"). One thread sends questions and events: two programs would wait for each other on the one core that
the server leaves them, and the server would be charged with that too.
"""

from __future__ import annotations

import argparse
import json
import re
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa

#: Batches of events that come in a second.
BATCHES_PER_S = 10
#: Within which the events of a whole run are made, before the first is sent.
PREPARING_S = 5.0
#: More questions than these are never open at once; what is due later waits, and that counts.
CONNECTIONS = 256
#: Of a batch of events, sent at once: a part of a tenth of a millisecond, between two questions.
PART_BYTES = 65_536
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def requests_of(folder: Path, method: str, path: str) -> list[bytes]:
    """The questions of the folder as HTTP requests."""
    requests = []
    for line in (folder / "questions.tsv").read_text().splitlines():
        caller, callee, source = line.split("\t")
        if method == "GET":
            query = f"caller={quote(caller, safe='')}&callee={quote(callee, safe='')}&source_ip={source}"
            head, body = f"GET {path}?{query} HTTP/1.1\r\nHost: localhost\r\n", ""
        else:
            body = json.dumps({"caller": caller, "callee": callee, "source_ip": source})
            head = (
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n"
            )
        requests.append(f"{head}\r\n{body}".encode())
    return requests


class EventSender:
    """Posts batches of events when they are due, without ever waiting: at most `PART_BYTES` at a time.

    ``begin_s`` is the first one's time, as of `time.perf_counter`.
    """

    def __init__(
        self, port: int, batches: list[tuple[bytes, int, int]], begin_s: float, poll: select.epoll
    ) -> None:
        self.batches = batches
        self.begin_s = begin_s
        self.sent = 0
        self.took_s: list[float] = []
        self.calls = self.events = 0
        self.last_s = begin_s
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._poll = poll
        self._left = memoryview(b"")
        self._answer = b""
        self._is_open = False
        self._asked_s = 0.0
        poll.register(self.socket, 0)

    def is_done(self) -> bool:
        """Whether every batch was accepted."""
        return self.sent == len(self.batches) and not self._is_open

    def start_if_due(self, now_s: float) -> None:
        """Begin with the next batch if the one before was answered and its time has come."""
        if self._is_open or self.is_done() or now_s < self.begin_s + self.sent / BATCHES_PER_S:
            return
        body, events, calls = self.batches[self.sent]
        head = (
            "POST /v1/events HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/vnd.apache.arrow.stream\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._left, self._answer = memoryview(head.encode() + body), b""
        self._is_open, self._asked_s = True, now_s
        self.sent += 1
        self.events += events
        self.calls += calls
        self._poll.modify(self.socket, select.EPOLLOUT)

    def go_on(self) -> None:
        """Send the next part, or read the answer."""
        if self._left:
            self._left = self._left[self.socket.send(self._left[:PART_BYTES]) :]
            if not self._left:
                self._poll.modify(self.socket, select.EPOLLIN)
            return
        self._answer += (data := self.socket.recv(65_536))
        if (whole := _is_whole(self._answer)) and self._answer.startswith(b"HTTP/1.1 200"):
            self._is_open = False
            self.last_s = time.perf_counter()
            self.took_s.append(self.last_s - self._asked_s)
            self._poll.modify(self.socket, 0)
        elif whole or not data:
            raise SystemExit(f"bench: /v1/events answered {self._answer[:300]!r}")

    def report(self) -> dict[str, float]:
        """Rates and times of what was sent."""
        all_s = max(self.last_s - self.begin_s, len(self.took_s) / BATCHES_PER_S)
        return {
            "calls_per_s": round(self.calls / all_s, 1),
            "events_per_s": round(self.events / all_s, 1),
            "batches": len(self.took_s),
            "batch_median_ms": round(float(np.median(self.took_s)) * 1e3, 2),
            "batch_longest_ms": round(max(self.took_s) * 1e3, 2),
        }


def _is_whole(answer: bytes) -> bool:
    """Whether an answer's head and body have come."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(blank) and length is not None and len(body) >= int(length[1])


def ask(
    folder: Path,
    port: int,
    rate: float,
    seconds: float,
    method: str,
    calls_per_s: float = 0.0,
    first_call: int = 0,
) -> dict[str, object]:
    """Latencies of questions at a fixed rate, in milliseconds, from the moment that each was due; while
    events of ``calls_per_s`` calls a second arrive, from a second before the first question on.
    """
    requests = requests_of(folder, method, "/v1/score")
    total = int(rate * seconds)
    poll = select.epoll()
    begin_s = time.perf_counter() + 0.05
    events: EventSender | None = None
    if calls_per_s:
        begin_s = time.perf_counter() + PREPARING_S
        batches = event_batches(folder, calls_per_s, first_call, seconds + 1.5, begin_s)
        if time.perf_counter() > begin_s:
            raise SystemExit(f"bench: the events were not made within {PREPARING_S:g} s")
        events = EventSender(port, batches, begin_s, poll)
        begin_s += 1.0
    # In turn: one that lay idle for seconds would be closed by the server.
    free = deque([socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)])
    for one in free:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(one, select.EPOLLIN)
    busy: dict[int, tuple[socket.socket, float, bytes]] = {}
    latencies_s = np.empty(total)
    sent = answered = degraded = failed = 0
    late_s = 0.0
    while answered < total or (events is not None and not events.is_done()):
        now_s = time.perf_counter()
        while sent < total and begin_s + sent / rate <= now_s and free:
            one, due_s = free.popleft(), begin_s + sent / rate
            late_s = max(late_s, now_s - due_s)
            one.sendall(requests[sent % len(requests)])
            busy[one.fileno()] = (one, due_s, b"")
            sent += 1
        if events is not None:
            events.start_if_due(now_s)
        for file, _ in poll.poll(0):
            if events is not None and file == events.socket.fileno():
                events.go_on()
                continue
            one, due_s, before = busy[file]
            data = before + one.recv(65_536)
            if not _is_whole(data):
                if data == before:
                    raise SystemExit("bench: the server closed a connection")
                busy[file] = (one, due_s, data)
                continue
            latencies_s[answered] = time.perf_counter() - due_s
            answered += 1
            failed += not data.startswith(b"HTTP/1.1 200")
            degraded += b'"degraded": true' in data
            del busy[file]
            free.append(one)
            last_s = now_s
    quantiles = np.percentile(latencies_s * 1e3, [50, 90, 99, 99.9, 100])
    names = ("p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "longest_ms")
    return {
        "method": method,
        "asked_per_s": rate,
        "answered_per_s": round(total / (last_s - begin_s), 1),
        **{name: round(float(value), 3) for name, value in zip(names, quantiles, strict=True)},
        "late_ms": round(late_s * 1e3, 3),
        "degraded": degraded,
        "failed": failed,
        "questions": total,
        **({"events": events.report()} if events is not None else {}),
    }


def batches_of(
    events: pa.RecordBatch,
    is_attempt: np.ndarray,
    rate: float,
    first_call: int,
    count: int,
    begin_us: int,
) -> list[tuple[bytes, int, int]]:
    """Arrow streams, and the events and calls in each; the first is due at ``begin_us``, a tenth of a second
    after the oldest of its events.
    """
    cuts = np.flatnonzero(is_attempt)[first_call :: int(rate / BATCHES_PER_S)]
    batches = []
    for number in range(count):
        start, stop = int(cuts[number]), int(cuts[number + 1])
        due_us = begin_us + round(number / BATCHES_PER_S * 1e6)
        part = events.slice(start, stop - start)
        times_us = part["time_us"].to_numpy()
        new_us = due_us - np.linspace(1e6 / BATCHES_PER_S, 0, len(times_us)).astype(np.int64)
        columns = {
            "time_us": pa.array(new_us),
            "start_time_us": pa.array(new_us - (times_us - part["start_time_us"].to_numpy())),
        }
        for name, column in columns.items():
            part = part.set_column(part.schema.get_field_index(name), part.schema.field(name), column)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, part.schema) as writer:
            writer.write_batch(part)
        batches.append((sink.getvalue().to_pybytes(), part.num_rows, int(is_attempt[start:stop].sum())))
    return batches


def event_batches(
    folder: Path, calls_per_s: float, first_call: int, seconds: float, begin_s: float
) -> list[tuple[bytes, int, int]]:
    """What comes ``first_call`` calls after the saved state as `batches_of`; ``begin_s``, of
    `time.perf_counter`, is when the first is due.
    """
    with pa.memory_map(str(folder / "events.arrow")) as file, pa.ipc.open_file(file) as reader:
        events = reader.read_all().combine_chunks().to_batches()[0]
    clock = json.loads((folder / "clock.json").read_text())
    is_attempt = np.asarray(events["event"].to_numpy(zero_copy_only=False) == "attempt")
    ahead_s = begin_s - time.perf_counter() + time.monotonic() - clock["monotonic_s"]
    begin_us = clock["begin_us"] + round(ahead_s * 1e6)
    count = int(seconds * BATCHES_PER_S)
    if first_call + (count + 1) * calls_per_s / BATCHES_PER_S > is_attempt.sum():
        raise SystemExit(f"bench: expected {count} batches from call {first_call} on, found too few events")
    return batches_of(events, is_attempt, calls_per_s, first_call, count, begin_us)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--rate", type=float, default=1000.0, help="questions a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--method", choices=["GET", "POST"], default="GET")
    parser.add_argument("--calls-per-s", type=float, default=0.0, help="whose events arrive meanwhile")
    parser.add_argument("--first-call", type=int, default=0, help="after the saved state, to send events of")
    a = parser.parse_args()
    result = ask(a.folder, a.port, a.rate, a.seconds, a.method, a.calls_per_s, a.first_call)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
