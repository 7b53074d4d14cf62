"""What `benches/service.py` loads the application with: events as agents send them, questions at a rate.

    python benches/service_load.py events FOLDER --port 8000 --rate 1000 --seconds 10
    python benches/service_load.py questions FOLDER --port 8000 --rate 1000 --seconds 10

Questions are sent when they are due, whether earlier ones are answered or not, and their latency counts from
the moment they were due: a server that stalls is charged with all that came meanwhile ("coordinated
omission").
"""

from __future__ import annotations

import argparse
import http.client
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


def ask(folder: Path, port: int, rate: float, seconds: float, method: str) -> dict[str, object]:
    """Latencies of questions at a fixed rate, in milliseconds, from the moment that each was due."""
    requests = requests_of(folder, method, "/v1/score")
    total = int(rate * seconds)
    # In turn: one that lay idle for seconds would be closed by the server.
    free = deque([socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)])
    poll = select.epoll()
    for one in free:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(one, select.EPOLLIN)
    busy: dict[int, tuple[socket.socket, float, bytes]] = {}
    latencies_s = np.empty(total)
    sent = answered = degraded = failed = 0
    late_s = 0.0
    begin_s = time.perf_counter() + 0.05
    while answered < total:
        now_s = time.perf_counter()
        while sent < total and begin_s + sent / rate <= now_s and free:
            one, due_s = free.popleft(), begin_s + sent / rate
            late_s = max(late_s, now_s - due_s)
            one.sendall(requests[sent % len(requests)])
            busy[one.fileno()] = (one, due_s, b"")
            sent += 1
        for file, _ in poll.poll(0):
            one, due_s, before = busy[file]
            data = before + one.recv(65_536)
            head, blank, body = data.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if not blank or length is None or len(body) < int(length[1]):
                if data == before:
                    raise SystemExit("bench: the server closed a connection")
                busy[file] = (one, due_s, data)
                continue
            latencies_s[answered] = time.perf_counter() - due_s
            answered += 1
            failed += not head.startswith(b"HTTP/1.1 200")
            degraded += b'"degraded": true' in body
            del busy[file]
            free.append(one)
    took_s = time.perf_counter() - begin_s
    quantiles = np.percentile(latencies_s * 1e3, [50, 90, 99, 99.9, 100])
    names = ("p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "longest_ms")
    return {
        "method": method,
        "asked_per_s": rate,
        "answered_per_s": round(total / took_s, 1),
        **{name: round(float(value), 3) for name, value in zip(names, quantiles, strict=True)},
        "late_ms": round(late_s * 1e3, 3),
        "degraded": degraded,
        "failed": failed,
        "questions": total,
    }


def batches_of(
    events: pa.RecordBatch, is_attempt: np.ndarray, rate: float, count: int, begin_us: int
) -> list[tuple[bytes, int, int]]:
    """Arrow streams, and the events and calls in each; the first is due at ``begin_us``, a tenth of a second
    after the oldest of its events.
    """
    cuts = np.flatnonzero(is_attempt)[:: int(rate / BATCHES_PER_S)]
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


def send_events(folder: Path, port: int, rate: float, seconds: float) -> dict[str, object]:
    """Post what comes after the saved state, ``rate`` calls a second, as Arrow batches.

    They are made before the first is due: the questions are asked on the same core, and would wait for it.
    """
    with pa.memory_map(str(folder / "events.arrow")) as file, pa.ipc.open_file(file) as reader:
        events = reader.read_all().combine_chunks().to_batches()[0]
    clock = json.loads((folder / "clock.json").read_text())
    is_attempt = np.asarray(events["event"].to_numpy(zero_copy_only=False) == "attempt")
    begin_s = time.monotonic() + PREPARING_S
    begin_us = clock["begin_us"] + round((begin_s - clock["monotonic_s"]) * 1e6)
    batches = batches_of(events, is_attempt, rate, int(seconds * BATCHES_PER_S), begin_us)
    if time.monotonic() > begin_s:
        raise SystemExit(f"bench: the events were not made within {PREPARING_S:g} s")
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/vnd.apache.arrow.stream"}
    took_s = []
    for number, (body, _, _) in enumerate(batches):
        time.sleep(max(0.0, begin_s + number / BATCHES_PER_S - time.monotonic()))
        asked_s = time.monotonic()
        connection.request("POST", "/v1/events", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"bench: /v1/events answered {answer.status}")
        took_s.append(time.monotonic() - asked_s)
    all_s = time.monotonic() - begin_s
    return {
        "calls_per_s": round(sum(calls for _, _, calls in batches) / all_s, 1),
        "events_per_s": round(sum(rows for _, rows, _ in batches) / all_s, 1),
        "batches": len(took_s),
        "batch_median_ms": round(float(np.median(took_s)) * 1e3, 2),
        "batch_longest_ms": round(max(took_s) * 1e3, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["events", "questions"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--rate", type=float, default=1000.0, help="calls or questions a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--method", choices=["GET", "POST"], default="GET")
    a = parser.parse_args()
    if a.what == "events":
        result = send_events(a.folder, a.port, a.rate, a.seconds)
    else:
        result = ask(a.folder, a.port, a.rate, a.seconds, a.method)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
