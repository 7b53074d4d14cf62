"""``kill -9`` again and again while several agents send: every accepted event is counted exactly once, and
every finished call is recorded exactly once.
"""

from __future__ import annotations

import http.client
import json
import random
import signal
import threading
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from serving import DEADLINE_S, Serving, serving, wait_until

pytestmark = pytest.mark.e2e

AGENTS = 4
KILLS = 5
T0_S = 1_700_000_000


class Agent:
    """Sends numbered batches, each of a whole call; what was not answered is sent again, as agents do."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.caller = f"+1202555{name}"
        self.number = 1
        self.acknowledged = 0

    def call_id(self, number: int) -> str:
        return f"{self.name}-{number}"

    def send_until(self, service: Serving, stop: threading.Event) -> None:
        """Until it is told to stop, or the service is gone."""
        while not stop.is_set():
            start_s = T0_S + self.number
            call = {"call_id": self.call_id(self.number), "caller": self.caller, "callee": "+4930123456"}
            events = [
                {"event": "attempt", "time": start_s, **call},
                {"event": "end", "time": start_s + 2, "start_time": start_s, "outcome": "answered", **call},
            ]
            numbering = {"X-Spit-Agent": self.name, "X-Spit-Batch": str(self.number)}
            try:
                status, text = service.ask("POST", "/v1/events", events, **numbering)
            except (OSError, http.client.HTTPException):
                return
            assert status == 200, text
            assert json.loads(text)["accepted"] in (0, 2)
            self.acknowledged = self.number
            self.number += 1


def recorded(directory: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in directory.glob("date=*/hour=*/part-*.parquet"):
        found.update(pq.read_table(path, columns=["call_id"], partitioning=None)["call_id"].to_pylist())
    return found


def test_every_accepted_event_is_counted_once_and_every_call_recorded_once(tmp_path: Path) -> None:
    settings = tmp_path / "spit.toml"
    records = tmp_path / "records"
    settings.write_text(
        f'[service]\nstate = "{tmp_path / "state"}"\ncheckpoint_s = 1\n'
        f'[records]\ndirectory = "{records}"\nflush_s = 1\n'
    )
    flags = ["--config", str(settings)]
    agents = [Agent(f"{number:04}") for number in range(AGENTS)]
    draw = random.Random(5)

    def acknowledged() -> int:
        return sum(agent.acknowledged for agent in agents)

    for kill in range(KILLS + 1):
        with serving(*flags) as service:
            # What was acknowledged is there at once, before anything is sent again.
            assert service.engine_counter("attempts") >= acknowledged()
            stop = threading.Event()
            threads = [threading.Thread(target=agent.send_until, args=(service, stop)) for agent in agents]
            for thread in threads:
                thread.start()
            wanted, saves = acknowledged() + draw.randrange(20, 200), draw.randrange(3)
            wait_until(lambda: acknowledged() >= wanted)  # noqa: B023  called in this round only
            if kill < KILLS:
                wait_until(lambda: service.saves() >= saves)  # noqa: B023
                service.process.send_signal(signal.SIGKILL)
            else:
                stop.set()
            for thread in threads:
                thread.join(DEADLINE_S)
                assert not thread.is_alive()
            if kill == KILLS:
                sent = {agent.caller: agent.acknowledged for agent in agents}
                for caller, calls in sent.items():
                    status, text = service.ask("GET", f"/v1/callers/{caller}")
                    assert status == 200
                    assert json.loads(text)["attempts"] == calls
                assert service.engine_counter("events") == 2 * sum(sent.values())
                question = f"/v1/calls?since=0&limit=1000&caller=%2B{agents[0].caller[1:]}"
                seen = [row["call_id"] for row in json.loads(service.ask("GET", question)[1])["calls"]]
                assert sorted(seen) == sorted(set(seen))
                assert len(seen) == agents[0].acknowledged
                service.process.send_signal(signal.SIGTERM)
                assert service.process.wait(DEADLINE_S) == 0
    expected = {agent.call_id(number) for agent in agents for number in range(1, agent.acknowledged + 1)}
    found = recorded(records)
    assert set(found) == expected
    assert set(found.values()) == {1}
