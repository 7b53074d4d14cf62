"""What is done with a verdict: thresholds, exemptions, lists, mode."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit.config import PolicyConfig
from spit.policy.answers import build_answer
from spit.records import Action, ActionKind, Label, Mode, Verdict


class Policy:
    """Maps scores to labels and verdicts to actions. Stateless: the same verdict gives the same action."""

    def __init__(self, config: PolicyConfig) -> None:
        self.mode = Mode(config.mode)
        self._suspect_threshold = config.suspect_threshold
        self._spam_threshold = config.spam_threshold
        self._kinds = {
            Label.LEGIT: ActionKind.ALLOW,
            Label.SUSPECT: ActionKind(config.suspect_action),
            Label.SPAM: ActionKind(config.spam_action),
        }
        self._reject = build_answer(config.reject_profile, config.redress)
        self._ttl_s = config.ttl_s
        self._emergency_numbers = frozenset(config.emergency_numbers)
        self._allow = IdentityList(config.allow)
        self._block = IdentityList(config.block)

    def label(self, score: float) -> Label:
        """The label of a score from 0 to 1; a threshold belongs to the label above it. NaN is legit."""
        if score >= self._spam_threshold:
            return Label.SPAM
        if score >= self._suspect_threshold:
            return Label.SUSPECT
        return Label.LEGIT

    def label_ranks(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
        """int8[n]: the position in records.Label, legit, suspect, spam, of the label of each score."""
        ranks = (scores >= self._suspect_threshold).astype(np.int8)
        ranks[scores >= self._spam_threshold] = 2
        return ranks

    def would(self, callers: pa.Array, labels: pa.Array) -> pa.Array:
        """What enforcing would do with callers of these labels (columns of strings), as a column of strings.

        The same as ``decide`` of each for an attempt that nothing exempts.
        """
        kinds = pa.array([kind.value for kind in self._kinds.values()])
        found = kinds.take(pc.index_in(labels, value_set=pa.array([label.value for label in self._kinds])))
        found = pc.if_else(self._block.holds(callers), self._kinds[Label.SPAM].value, found)
        return pc.if_else(self._allow.holds(callers), ActionKind.ALLOW.value, found)

    def decide(self, verdict: Verdict, *, callee: str | None, exemption: str | None) -> Action:
        """The action for one attempt.

        ``callee``: canonical identity or URI; ``exemption``: that column of the attempt. In this order: an
        exempt call is allowed, an allow-listed caller is allowed, a block-listed caller gets the spam action,
        everybody else gets the action of the label.
        """
        if exemption is not None or self._is_emergency(callee):
            # ttl 0: the exemption is this call's, an SBC must not remember it for the caller.
            return Action(ActionKind.ALLOW, ActionKind.ALLOW, self.mode, None, 0)
        if verdict.caller in self._allow:
            would = ActionKind.ALLOW
        elif verdict.caller in self._block:
            would = self._kinds[Label.SPAM]
        else:
            would = self._kinds[verdict.label]
        kind = would if self.mode is Mode.ENFORCE else ActionKind.ALLOW
        sip = self._reject if kind is ActionKind.REJECT else None
        return Action(kind, would, self.mode, sip, self._ttl_s)

    def _is_emergency(self, callee: str | None) -> bool:
        """True for urn:service:sos* (RFC 5031) and configured numbers, also with a host or a country code."""
        if callee is None:
            return False
        address = callee.lower()
        if address.startswith("urn:service:sos"):
            return True
        address = address.removeprefix("sips:").removeprefix("sip:").removeprefix("tel:")
        user = address.partition("@")[0].partition(";")[0]
        if user in self._emergency_numbers:
            return True
        # phone-context makes +49112 of 112; no subscriber's number is as short as country code + 3 digits.
        return user.startswith("+") and len(user) <= 7 and user[-3:] in self._emergency_numbers


class IdentityList:
    """Canonical identities, and prefixes that end in ``*``; canonical identities are lower-case."""

    def __init__(self, entries: Iterable[str]) -> None:
        entries = tuple(entry.lower() for entry in entries)
        self._exact = frozenset(entry for entry in entries if not entry.endswith("*"))
        self._prefixes = tuple(entry[:-1] for entry in entries if entry.endswith("*"))

    def holds(self, identities: pa.Array) -> pa.Array:
        """``in`` for each of a column of strings, null not being in it."""
        found = pc.is_in(identities, value_set=pa.array(sorted(self._exact), pa.string()))
        for prefix in self._prefixes:
            found = pc.or_(found, pc.starts_with(identities, pattern=prefix).fill_null(False))
        return found

    def __contains__(self, identity: str | None) -> bool:
        return identity is not None and (identity in self._exact or identity.startswith(self._prefixes))
