"""The lists that a policy asks beside the configured ones, and what it remembers of refused callers."""

from __future__ import annotations

from dataclasses import dataclass

from spit.lists import ListKind
from spit.policy.grey import GreyMemory
from spit.policy.list_index import ListIndex, Match


@dataclass(frozen=True, slots=True)
class Call:
    """What the lists are asked about: canonical identities, epoch µs. ``tenant`` "": none is known."""

    tenant: str
    caller: str | None
    callee: str | None
    time_us: int


class Lists:
    """The index in force, replaced as a whole by assignment, and the memory of grey callers."""

    def __init__(self, index: ListIndex | None = None, grey: GreyMemory | None = None) -> None:
        self.index = index or ListIndex()
        self.grey = grey or GreyMemory()

    def match(self, call: Call, *, remember: bool) -> Match:
        """The entry that decides; a grey one only while its caller is to be refused.

        ``remember``: this is a call and not a question about one, so a grey caller has called from now on.
        """
        callee = None if call.callee is None else call.callee.lower()
        match = self.index.match(call.tenant, call.caller, callee, call.time_us)
        entry = match.entry
        if entry is None or entry.kind is not ListKind.GREY:
            return match
        passes = self.grey.passes(
            (call.tenant, str(call.caller), callee),
            call.time_us,
            delay_s=entry.callback_delay_s or 0,
            window_s=entry.callback_window_s or 0,
            remember=remember,
        )
        # That it passed is this pair's: by_callee keeps an SBC from remembering it for the caller.
        return Match(None, by_callee=True) if passes else match

    def is_decoy(self, callee: str | None, time_us: int) -> bool:
        """Whether nobody has a reason to call ``callee``."""
        return self.index.is_decoy(None if callee is None else callee.lower(), time_us)
