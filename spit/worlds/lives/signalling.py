"""The log: one row a call, with what the wire would have shown.

Status codes follow RFC 3261 (486, 603, 404, 480, 408, 484), RFC 8197 (607 Unwanted) and the mapping
of ISUP causes in RFC 3398; attestation and verstat follow RFC 8225, RFC 8588 and 3GPP TS 24.229.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from spit.worlds.lives.draws import Rng, around, chance, early_heavy, pick, weighted
from spit.worlds.lives.network import Network, Origin

STATUS: dict[str, tuple[tuple[int, float], ...]] = {
    "answered": ((200, 1.0),),
    "busy": ((486, 9.0), (600, 0.5)),
    "declined": ((603, 4.0), (480, 0.6)),
    "cancelled": ((487, 1.0),),
    "not_found": ((404, 9.0), (604, 0.4), (410, 0.5)),
    "no_answer": ((480, 6.0), (408, 3.0)),
    "failed": ((503, 5.0), (500, 2.0), (502, 1.0), (488, 0.5), (504, 1.0)),
    "unauthorized": ((403, 2.0), (401, 2.0), (407, 1.0)),
    "unwanted": ((607, 1.0),),
    "incomplete": ((484, 1.0),),
}

COLUMNS: tuple[str, ...] = (
    "start_us",
    "call_id",
    "method",
    "caller",
    "callee",
    "source_ip",
    "destination_ip",
    "transport",
    "user_agent",
    "fingerprint",
    "asserted_identity",
    "attestation",
    "origid",
    "verstat",
    "passport_orig",
    "diverted_by",
    "outcome",
    "final_status",
    "ring_time_s",
    "pdd_s",
    "setup_time_s",
    "duration_s",
    "hangup_by",
    "retransmissions",
    "legs",
    "spam",
    "kind",
    "strength",
    "campaign",
)

NULLABLE_TEXT: tuple[str, ...] = (
    "user_agent",
    "asserted_identity",
    "attestation",
    "origid",
    "verstat",
    "passport_orig",
    "diverted_by",
)


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about a call."""

    kind: str
    spam: bool = False
    strength: str = ""
    campaign: str = ""


@dataclass(slots=True)
class Course:
    """How one call went; ring_s is None where nothing rang, duration_s where nobody talked."""

    outcome: str
    ring_s: float | None = None
    duration_s: float | None = None
    hangup_by: str = "none"
    status: int | None = None
    diverted_by: str | None = None
    voicemail: bool = False
    engaged: bool = False


@dataclass(slots=True)
class Log:
    """Collects rows and turns them into the table."""

    rng: Rng
    network: Network
    start_us: int
    status_habits: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[object, ...]] = field(default_factory=list)

    def write(
        self,
        t: float,
        method: str,
        origin: Origin,
        callee: str,
        course: Course,
        label: Label,
        destination: str,
    ) -> float:
        """Append one call; returns its post-dial delay in seconds."""
        rng = self.rng
        trunk = origin.trunk
        median = trunk.post_dial_s if trunk else 0.7
        delay = around(rng, median, trunk.post_dial_sigma if trunk else 0.4)
        rang = course.ring_s is not None and method == "INVITE"
        silent_18x = (
            rang and trunk is not None and chance(rng, trunk.early_media) and (course.ring_s or 0.0) < 1.5
        )
        setup = None
        if course.outcome == "answered":
            setup = round(delay + (course.ring_s or 0.0), 3)
        lost = trunk.retransmission if trunk else 0.02
        if course.status == 408:
            retransmissions = int(rng.poisson(3.0))
        else:
            retransmissions = int(rng.geometric(1.0 - min(lost, 0.9))) - 1
        legs = 2 if trunk is not None and chance(rng, trunk.two_legged) else 1
        transport = trunk.transport if trunk else origin.equipment.transport
        agent = origin.equipment.agent
        if trunk is not None and trunk.strips_agent:
            agent = trunk.agent
        fingerprint = trunk.fingerprint if trunk and trunk.fingerprint else origin.equipment.fingerprint
        source = origin.source
        if trunk is not None:
            source = trunk.gateways[early_heavy(rng, len(trunk.gateways), trunk.gateway_skew)]
        self.rows.append(
            (
                self.start_us + int(t * 1e6),
                rng.bytes(12).hex(),
                method,
                "anonymous" if origin.withheld else origin.presented,
                callee,
                source,
                destination,
                transport,
                agent,
                fingerprint,
                self._asserted(origin),
                *self._signature(origin),
                course.diverted_by,
                course.outcome,
                course.status if course.status is not None else self._status(course.outcome, destination),
                round(course.ring_s, 3) if rang and not silent_18x and course.ring_s is not None else None,
                round(delay, 3) if rang and not silent_18x else None,
                setup,
                round(course.duration_s, 3) if course.duration_s is not None else None,
                course.hangup_by,
                retransmissions,
                legs,
                label.spam,
                label.kind,
                label.strength,
                label.campaign,
            )
        )
        return delay

    def _status(self, outcome: str, destination: str) -> int:
        """Each far end maps an outcome to its own code most of the time."""
        habit = self.status_habits.setdefault(f"{outcome}|{destination}", weighted(self.rng, STATUS[outcome]))
        return habit if chance(self.rng, 0.85) else weighted(self.rng, STATUS[outcome])

    def _asserted(self, origin: Origin) -> str | None:
        if origin.trunk is None:
            return origin.identity
        if not chance(self.rng, origin.trunk.asserts):
            return None
        # Carriers that do not know the line repeat what was presented to them.
        return origin.identity if origin.known_customer else origin.presented

    def _signature(self, origin: Origin) -> tuple[str | None, str | None, str | None, str | None]:
        """attestation, origid, verstat, number in the PASSporT."""
        profile = self.network.profile
        trunk = origin.trunk
        signer = ("by_right" if profile.signs_own else "none") if trunk is None else trunk.signer
        if signer == "none" or "@" in origin.presented:
            return (
                None,
                None,
                "No-TN-Validation" if profile.verifies and chance(self.rng, 0.9) else None,
                None,
            )
        if signer == "gateway":
            level = "C"
        elif signer == "lax" or (origin.entitled and origin.known_customer):
            level = "A"
        else:
            level = "B" if origin.known_customer else "C"
        origid = origin.customer if trunk is None or trunk.origid_per_customer else trunk.origid
        signed = origin.passport_number or origin.presented
        verstat = None
        if profile.verifies:
            matches = signed == origin.presented
            verstat = (
                "TN-Validation-Passed" if matches and chance(self.rng, 0.985) else "TN-Validation-Failed"
            )
        return level, origid, verstat, signed

    def destination(self, home: bool) -> str:
        """The next hop of a call: an own core for the operator's numbers, else another network."""
        return pick(self.rng, self.network.own_cores if home else self.network.far_ends)

    def table(self) -> pd.DataFrame:
        """All rows in order of time with the column types of the contract."""
        frame = pd.DataFrame(self.rows, columns=list(COLUMNS)).sort_values("start_us", kind="stable")
        for column in ("ring_time_s", "pdd_s", "setup_time_s", "duration_s"):
            frame[column] = frame[column].astype("float64")
        for column in ("start_us", "final_status", "retransmissions", "legs"):
            frame[column] = frame[column].astype("int64")
        for column in NULLABLE_TEXT:
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
        return frame.reset_index(drop=True)
