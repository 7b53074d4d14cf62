"""The plan: one row per call, every message's time decided. Both renderings read it and draw nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spit.simulate.call_ids import call_ids
from spit.simulate.columns import I16, NEVER, CallColumns, Mask
from spit.simulate.network import I64, Network

#: RFC 3261 section 17.1.1.2: timer A starts at T1 = 500 ms and doubles.
T1_US = 500_000
CHALLENGE_ACK_US = 2_000
#: A proxied call's messages are seen on the other hop after this.
HOP_US = 300


@dataclass(frozen=True, slots=True)
class Group:
    """What a set of calls is labelled: ``name`` is the campaign, or the kind of legitimate caller.

    ``kind``: that of the campaign or caller; ``strength``: blatant, medium or stealthy, empty for legitimate.
    """

    name: str
    spam: bool
    kind: str = ""
    strength: str = ""


@dataclass(frozen=True, slots=True)
class Parties:
    """Callers and callees by index. ``numbers``: digits of E.164, or an extension below MIN_NUMBER."""

    numbers: I64
    display: I16


@dataclass(frozen=True)
class Plan:
    """Planned calls in order of their first INVITE, and what their indices mean."""

    calls: CallColumns
    groups: tuple[Group, ...]
    parties: Parties
    network: Network
    start_us: int
    end_us: int  # the capture stops here: later messages are not seen

    def __len__(self) -> int:
        return len(self.calls)

    @cached_property
    def call_ids(self) -> list[str]:
        """The Call-ID of every call, in the style of the caller's equipment."""
        ids: list[str] = call_ids(self.calls).to_pylist()
        return ids

    @cached_property
    def spam(self) -> Mask:
        """Whether each call is spam."""
        return np.array([group.spam for group in self.groups], dtype=np.bool_)[self.calls.group]

    @cached_property
    def last_message_us(self) -> int:
        """Time of the last message that the capture holds; ``start_us`` when it holds none."""
        last = self.start_us
        for times in (times for hop in sightings(self.calls) for times in hop.values()):
            seen = times[times <= self.end_us]
            if len(seen):
                last = max(last, int(seen.max()))
        return last


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
    # A MESSAGE has no ACK.
    times["final_ack"] = np.where(calls.is_message, NEVER, times["final_ack"])
    return times


#: What the SBC answers itself, and what it does not send on.
_FIRST_HOP_ONLY = {"challenge", "challenge_ack", "trying", "cancel_ok"}


def sightings(calls: CallColumns) -> tuple[dict[str, I64], dict[str, I64]]:
    """Time of every message on the first hop and on the second, by step; NEVER where there is none.

    What the callee sends passes the second hop first. Tracking takes the first sight of a provisional, a 2xx
    or a BYE, but a failure only where it reaches the caller; the plan's time is the one that tracking takes.
    """
    first, second = message_times(calls), {}
    nobody = np.zeros(len(calls), dtype=np.bool_)
    by_callee = {
        "ring": ~nobody,
        "fork": ~nobody,
        "answer": ~nobody,
        "bye": calls.callee_hangs_up,
        "bye_ok": ~calls.callee_hangs_up,
    }
    for step, at in list(first.items()):
        # The SBC absorbs retransmissions, and a challenged INVITE goes no further.
        if step in _FIRST_HOP_ONLY or step.startswith("invite_again"):
            second[step] = np.full(len(calls), NEVER)
            continue
        shown = calls.proxied & (at < NEVER)
        if step == "invite":
            shown &= calls.challenge_us == NEVER
        if step == "final":
            second[step] = np.where(shown, at - HOP_US, NEVER)
            continue
        inward = by_callee.get(step, nobody)
        second[step] = np.where(shown, np.where(inward, at, at + HOP_US), NEVER)
        first[step] = np.where(shown & inward, at + HOP_US, at)
    return first, second


def _after(times: I64, delay: I64 | int) -> I64:
    return np.where(times < NEVER, times + delay, NEVER)
