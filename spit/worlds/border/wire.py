"""From calls that happened to what the border's log says of them."""

from uuid import UUID

import numpy as np
import pandas as pd

from spit.worlds.border.arrays import Floats, Ints, Rng
from spit.worlds.border.exchange import Logged
from spit.worlds.border.world import World

# Final responses by outcome with their shares (RFC 3261; 607 from RFC 8197).
_STATUS: dict[str, tuple[list[int], list[float]]] = {
    "answered": ([200], [1.0]),
    "busy": ([486, 600], [0.95, 0.05]),
    "declined": ([603, 480], [0.85, 0.15]),
    "cancelled": ([487], [1.0]),
    "not_found": ([404, 604, 410], [0.9, 0.04, 0.06]),
    "no_answer": ([480, 408], [0.75, 0.25]),
    "failed": ([503, 500, 502, 408, 488], [0.5, 0.2, 0.1, 0.1, 0.1]),
    "unauthorized": ([401, 403, 407], [0.3, 0.5, 0.2]),
    "unwanted": ([607], [1.0]),
    "incomplete": ([484, 404], [0.8, 0.2]),
}
_LEVELS = np.array(["A", "B", "C"], dtype=object)


def _nullable(values: list[float | None]) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def to_frame(world: World, log: list[Logged], calls: int) -> pd.DataFrame:
    """Keep `calls` of the log at random, as load sharing over border sites does, and fill in the columns."""
    rng = world.rng
    if len(log) > calls:
        log = [log[i] for i in rng.permutation(len(log))[:calls]]
    log = sorted(log, key=lambda one: one.attempt.start)
    attempts = [one.attempt for one in log]
    endings = [one.ending for one in log]
    count = len(log)
    sender = np.array([a.sender for a in attempts], dtype=np.int64)
    outcome = np.array([e.outcome for e in endings], dtype=object)
    message = np.array([a.manner.method == "MESSAGE" for a in attempts], dtype=bool)
    frame = pd.DataFrame(
        {
            "start_us": world.clock.epoch_us + (np.array([a.start for a in attempts]) * 1e6).astype(np.int64),
            "call_id": [UUID(bytes=rng.bytes(16), version=4).hex for _ in range(count)],
            "method": np.where(message, "MESSAGE", "INVITE"),
            "caller": ["anonymous" if a.withheld else a.caller for a in attempts],
            "callee": [a.callee for a in attempts],
        }
    )
    _routes(world, frame, sender)
    _identities(world, frame, sender, [a.caller for a in attempts])
    frame["diverted_by"] = pd.Series([a.diverted for a in attempts], dtype=object)
    frame["outcome"] = outcome
    frame["final_status"] = _statuses(rng, outcome)
    _timing(world, frame, sender, _nullable([e.ring_s for e in endings]), message)
    frame["duration_s"] = np.where(message, np.nan, np.round(_nullable([e.talk_s for e in endings]), 3))
    frame["hangup_by"] = np.where(message, "none", [e.ended_by for e in endings])
    loss = np.array([t.loss for t in world.network.trunks])[_trunks(world, sender)]
    frame["retransmissions"] = rng.binomial(5, loss) + rng.poisson(3.0 * loss)
    legs = np.array([t.two_legs for t in world.network.trunks])[_trunks(world, sender)]
    frame["legs"] = np.where(rng.random(count) < legs, 2, 1)
    frame["spam"] = [a.manner.spam for a in attempts]
    frame["kind"] = [a.manner.kind for a in attempts]
    frame["strength"] = [a.manner.strength for a in attempts]
    frame["campaign"] = [a.manner.campaign for a in attempts]
    return frame.sort_values("start_us", kind="stable", ignore_index=True)


def _trunks(world: World, sender: Ints) -> Ints:
    return np.array([s.trunk for s in world.network.senders], dtype=np.int64)[sender]


def _routes(world: World, frame: pd.DataFrame, sender: Ints) -> None:
    """Addresses, transport and what is left of the equipment's looks."""
    rng, network = world.rng, world.network
    cores = [g for t in network.choices["core"][0] for g in network.trunks[t].gateways]
    source, transport, agent, shape, towards = [], [], [], [], []
    borders = [f"10.0.{i}.10" for i in range(int(rng.integers(1, 5)))]
    peers = [g for t in network.trunks if t.role in ("mobile", "fixed", "international") for g in t.gateways]
    draws = rng.random((sender.size, 3))
    for at, index in enumerate(sender.tolist()):
        who = network.senders[index]
        trunk = network.trunks[who.trunk]
        gate = who.gateway
        if gate is None or draws[at, 0] > 0.9:
            gate = int(np.searchsorted(np.cumsum(trunk.loads), draws[at, 1] * 0.999999))
        source.append(who.address or trunk.gateways[gate])
        settled = trunk.transports[index % len(trunk.transports)]
        transport.append(settled)
        agent.append(
            None if trunk.strips else trunk.agent if trunk.rewrites else network.agents[who.equipment]
        )
        shape.append(trunk.fingerprint if trunk.rewrites else network.shapes[who.equipment])
        leaving = trunk.role == "core"
        exits = peers if leaving else borders
        towards.append(exits[int(draws[at, 2] * len(exits))] if exits else cores[0])
    frame["source_ip"], frame["destination_ip"], frame["transport"] = source, towards, transport
    frame["user_agent"] = pd.Series(agent, dtype=object)
    frame["fingerprint"] = shape


def _identities(world: World, frame: pd.DataFrame, sender: Ints, shown: list[str]) -> None:
    """Asserted identity and the signed token; neither is set apart for campaigns."""
    rng, network = world.rng, world.network
    draws = rng.random((sender.size, 4))
    columns: dict[str, list[str | None]] = {
        name: [None] * sender.size
        for name in ("asserted_identity", "attestation", "origid", "verstat", "passport_orig")
    }
    for at, index in enumerate(sender.tolist()):
        who = network.senders[index]
        trunk = network.trunks[who.trunk]
        if draws[at, 0] < trunk.asserts:
            columns["asserted_identity"][at] = who.asserted or shown[at]
        signed = int(np.searchsorted(np.cumsum(who.levels), draws[at, 1]))
        numeric = shown[at].startswith("+")
        if signed < 3 and numeric:
            columns["attestation"][at] = str(_LEVELS[signed])
            columns["origid"][at] = who.origid
            columns["passport_orig"][at] = shown[at]
        if draws[at, 2] < trunk.checks:
            # Tokens fail where numbers are rewritten on the way, whoever calls.
            failed = draws[at, 3] < (0.03 if trunk.rewrites else 0.008)
            verdict = "TN-Validation-Failed" if failed else "TN-Validation-Passed"
            columns["verstat"][at] = verdict if signed < 3 and numeric else "No-TN-Validation"
    for name, values in columns.items():
        frame[name] = pd.Series(values, dtype=object)


def _statuses(rng: Rng, outcome: np.ndarray[tuple[int], np.dtype[np.object_]]) -> Ints:
    status = np.zeros(outcome.size, dtype=np.int64)
    for name, (codes, shares) in _STATUS.items():
        mine = np.flatnonzero(outcome == name)
        status[mine] = rng.choice(codes, mine.size, p=shares)
    return status


def _timing(
    world: World,
    frame: pd.DataFrame,
    sender: Ints,
    ring: Floats,
    message: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> None:
    """Post-dial delay by trunk, and set-up time as delay plus ringing."""
    rng = world.rng
    median = np.array([t.pdd_s for t in world.network.trunks])[_trunks(world, sender)]
    delay = median * rng.lognormal(0.0, 0.45, sender.size)
    answered = (frame["outcome"] == "answered").to_numpy()
    rang = ~np.isnan(ring) & ~message
    frame["ring_time_s"] = np.where(rang, np.round(ring, 3), np.nan)
    frame["pdd_s"] = np.where(rang, np.round(delay, 3), np.nan)
    setup = np.where(message, 0.15 * delay, delay + np.nan_to_num(ring))
    frame["setup_time_s"] = np.where(answered, np.round(setup, 3), np.nan)
