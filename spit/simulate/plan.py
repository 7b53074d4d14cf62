"""The plan: one row per call, every message's time decided. Both renderings read it and draw nothing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from spit.simulate.network import I64
from spit.simulate.profiles import PROFILES

#: A time that never comes: later than the end of any capture.
NEVER = np.int64(2**62)
#: RFC 3261 section 17.1.1.2: timer A starts at T1 = 500 ms and doubles.
T1_US = 500_000
CHALLENGE_ACK_US = 2_000

I16 = npt.NDArray[np.int16]
I8 = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CallColumns:
    """Columns of planned calls, all of one length. Times are epoch µs, NEVER where there is no such message.

    ``status``: final status of the INVITE, 487 where the caller gives up. ``caller``, ``callee``: indices of
    parties. ``group``: index of ``Plan.groups``.
    """

    group: I16
    caller: I64
    callee: I64
    trunk: I8
    sbc: I8
    status: I16
    rtt_us: I64
    invite_us: I64
    retransmissions: I8  # of the first INVITE
    challenge_us: I64  # 407
    retry_us: I64  # the INVITE that answers it
    trying_us: I64  # 100
    ring_us: I64  # first 180 or 183
    fork_us: I64  # 180 of a second branch, with a To-tag of its own
    early_media: Mask  # 183 with SDP instead of 180
    answer_us: I64
    cancel_us: I64
    final_us: I64  # non-2xx final response
    bye_us: I64
    callee_hangs_up: Mask
    id_high: npt.NDArray[np.uint64]  # 128 random bits: Call-ID, tags and branches come from them
    id_low: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.group)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> CallColumns:
        """These rows, in this order."""
        return CallColumns(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @classmethod
    def concatenate(cls, parts: list[CallColumns]) -> CallColumns:
        """All rows of ``parts``, which must not be empty."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)})


@dataclass(frozen=True, slots=True)
class Group:
    """What a set of calls is labelled: ``name`` is the campaign, or the kind of legitimate caller."""

    name: str
    spam: bool


@dataclass(frozen=True, slots=True)
class Parties:
    """Callers and callees by index. ``attestation``: 0 unsigned, 1 A, 2 B, 3 C."""

    numbers: I64
    profile: I16
    attestation: I16
    display: I16


@dataclass(frozen=True)
class Plan:
    """Planned calls in order of their first INVITE, and what their indices mean."""

    calls: CallColumns
    groups: tuple[Group, ...]
    parties: Parties
    start_us: int
    end_us: int  # the capture stops here: later messages are not seen

    def __len__(self) -> int:
        return len(self.calls)

    @cached_property
    def call_ids(self) -> list[str]:
        """The Call-ID of every call, in the style of the caller's equipment."""
        styles = [profile.call_id_style for profile in PROFILES]
        profiles = self.parties.profile[self.calls.caller].tolist()
        return [
            _call_id(styles[profile], high, low)
            for profile, high, low in zip(
                profiles, self.calls.id_high.tolist(), self.calls.id_low.tolist(), strict=True
            )
        ]

    @cached_property
    def spam(self) -> Mask:
        """Whether each call is spam."""
        return np.array([group.spam for group in self.groups], dtype=np.bool_)[self.calls.group]

    @cached_property
    def last_message_us(self) -> int:
        """Time of the last message that the capture holds; ``start_us`` when it holds none."""
        last = self.start_us
        for times in message_times(self.calls).values():
            seen = times[times <= self.end_us]
            if len(seen):
                last = max(last, int(seen.max()))
        return last


def _call_id(style: str, high: int, low: int) -> str:
    digits = f"{high:016x}{low:016x}"
    if style == "uuid":
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    if style == "hex":
        return f"{digits[:24]}@{low >> 24 & 255}.{low >> 16 & 255}.example"
    return digits[:20]


def message_times(calls: CallColumns) -> dict[str, I64]:
    """Time of every message by its step, NEVER where there is none. Each array: one row per call.

    The order of the keys is the order of messages of one call that share a microsecond.
    """
    rtt = calls.rtt_us
    times = {"invite": calls.invite_us}
    for again in range(1, int(calls.retransmissions.max(initial=0)) + 1):
        times[f"invite_again_{again}"] = np.where(
            calls.retransmissions >= again, calls.invite_us + T1_US * (2**again - 1), NEVER
        )
    times |= {
        "challenge": calls.challenge_us,
        "challenge_ack": _after(calls.challenge_us, CHALLENGE_ACK_US),
        "invite_retry": calls.retry_us,
        "trying": calls.trying_us,
        "ring": calls.ring_us,
        "fork": calls.fork_us,
        "answer": calls.answer_us,
        "answer_ack": _after(calls.answer_us, rtt),
        "cancel": calls.cancel_us,
        "cancel_ok": _after(calls.cancel_us, rtt // 4),
        "final": calls.final_us,
        "final_ack": _after(calls.final_us, rtt),
        "bye": calls.bye_us,
        "bye_ok": _after(calls.bye_us, rtt),
    }
    return times


def _after(times: I64, delay: I64 | int) -> I64:
    return np.where(times < NEVER, times + delay, NEVER)
