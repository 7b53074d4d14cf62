"""What is done with a verdict: thresholds, exemptions, lists, mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spit.config import PolicyConfig
from spit.errors import ModelError
from spit.lists import ListKind
from spit.policy.answers import BlockBasis, SipAnswers, build_call_back
from spit.policy.list_index import NO_MATCH, Match
from spit.policy.lists import Call, Lists
from spit.policy.share import is_enforced
from spit.records import Action, ActionKind, Label, Mode, Verdict

#: The spam threshold where neither the configuration nor the model's calibration gives one.
UNCALIBRATED_THRESHOLD = 0.9
#: Steps by which an overspent budget is tightened, each to half of it; one step more only tags.
TIGHTENINGS = 2
#: Actions that an overspent budget still allows.
_MILD = (ActionKind.ALLOW, ActionKind.TAG)


class Policy:
    """Maps scores to labels and verdicts to actions. Its one state are ``lists``: without them the same
    verdict gives the same action.

    ``derive_threshold``: the score threshold that keeps N wrong blocks per 10,000 legitimate callers, from
    the model's calibration; asked unless ``policy.spam_threshold`` is set. Raises what it raises. ``lists``:
    asked beside those of the configuration.
    """

    def __init__(
        self,
        config: PolicyConfig,
        *,
        derive_threshold: Callable[[float], float] | None = None,
        lists: Lists | None = None,
    ) -> None:
        self._config = config
        self._lists = lists or Lists()
        self.mode = Mode(config.mode)
        self.max_wrong_per_10000 = config.max_wrong_blocks_per_10000
        self._suspect_threshold = config.suspect_threshold
        self._spam_thresholds = _spam_thresholds(config, derive_threshold)
        self._kinds = {
            Label.LEGIT: ActionKind.ALLOW,
            Label.SUSPECT: ActionKind(config.suspect_action),
            Label.SPAM: ActionKind(config.spam_action),
        }
        self._answers = SipAnswers(config)
        self._enforce_share = config.enforce_share
        self._ttl_s = config.ttl_s
        self._emergency_numbers = frozenset(config.emergency_numbers)
        self._allow = IdentityList(config.allow)
        self._block = IdentityList(config.block)
        pairs = [entry.partition(">") for entry in config.consent]
        self._consents = tuple(
            (IdentityList([caller]), IdentityList([callee])) for caller, _, callee in pairs
        )

    def calibrated(self, derive_threshold: Callable[[float], float] | None) -> Policy:
        """The same policy with the thresholds of another calibration."""
        return Policy(self._config, derive_threshold=derive_threshold, lists=self._lists)

    @property
    def spam_threshold(self) -> float:
        """The score from which on an attempt is spam while the budget is kept."""
        return float(self._spam_thresholds[0])

    @property
    def suspect_threshold(self) -> float:
        """The score from which on an attempt is suspect."""
        return self._suspect_threshold

    def label(self, score: float, *, level: int = 0) -> Label:
        """The label of a score from 0 to 1; a threshold belongs to the label above it. NaN is legit.

        ``level``: how far the budget is overspent (``PolicyBudget.levels``).
        """
        if score >= self._spam_thresholds[min(level, TIGHTENINGS)]:
            return Label.SPAM
        if score >= self._suspect_threshold:
            return Label.SUSPECT
        return Label.LEGIT

    def label_ranks(
        self,
        scores: npt.NDArray[np.float64],
        levels: npt.NDArray[np.int64] | None = None,
        *,
        may_block: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.int8]:
        """int8[n]: the position in records.Label, legit, suspect, spam, of the label of each score.

        ``levels``: int64[n], how far the budget is overspent at each attempt; 0 where None. ``may_block``:
        bool[n], False at attempts that are suspect at most; all may where None.
        """
        ranks = (scores >= self._suspect_threshold).astype(np.int8)
        at = 0 if levels is None else np.minimum(levels, TIGHTENINGS)
        is_spam = scores >= self._spam_thresholds[at]
        ranks[is_spam if may_block is None else is_spam & may_block] = 2
        return ranks

    def would(
        self, callers: pa.Array, labels: pa.Array, *, level: int = 0, time_us: int | None = None
    ) -> pa.Array:
        """What enforcing would do with callers of these labels (columns of strings), as a column of strings.

        The same as ``decide`` of each for an attempt to nobody known that nothing exempts; ``time_us`` (epoch
        µs) None: the configured lists alone are asked.
        """
        kinds = pa.array([self._kind(label, level).value for label in self._kinds])
        found = kinds.take(pc.index_in(labels, value_set=pa.array([label.value for label in self._kinds])))
        found = pc.if_else(self._block.holds(callers), self._kinds[Label.SPAM].value, found)
        if time_us is not None and self._lists.index.decides:
            found = self._listed(callers, found, time_us)
        return pc.if_else(self._allow.holds(callers), ActionKind.ALLOW.value, found)

    def decide(
        self,
        verdict: Verdict,
        *,
        callee: str | None,
        exemption: str | None,
        level: int = 0,
        tenant: str = "",
        time_us: int | None = None,
        remember: bool = False,
    ) -> Action:
        """The action for one attempt.

        ``callee``: canonical identity or URI; ``exemption``: that column of the attempt; ``level``: as for
        ``label``; ``tenant`` "": none is known; ``time_us``: of the attempt, epoch µs; None: the configured
        lists alone are asked; ``remember``: as for ``Lists.match``. In this order: an exempt call is allowed;
        then a caller who is allowed, or to whom the callee consents; then a do-not-originate number or a
        blocked caller gets the spam action; then a grey caller is refused for a while; everybody else gets
        the action of the label, which is to tag at most once the budget is far overspent.
        """
        mode = self.mode_of(verdict.caller)
        if exemption is not None or self._is_emergency(callee):
            # ttl 0: the exemption is this call's, an SBC must not remember it for the caller.
            return Action(ActionKind.ALLOW, ActionKind.ALLOW, mode, None, 0)
        match, ttl_s = NO_MATCH, self._ttl_s
        if time_us is not None:
            match = self._lists.match(Call(tenant, verdict.caller, callee, time_us), remember=remember)
            ttl_s = self._remembered_s(match, time_us)
        basis = BlockBasis.ANALYTICS
        listed: ListKind | None = match.kind
        if verdict.caller in self._allow:
            would, listed = ActionKind.ALLOW, ListKind.ALLOW
        elif self._has_consent(verdict.caller, callee):
            # ttl 0: the consent is this callee's, an SBC must not remember it for the caller.
            return Action(ActionKind.ALLOW, ActionKind.ALLOW, mode, None, 0, listed=ListKind.CONSENT.value)
        elif listed in (ListKind.ALLOW, ListKind.CONSENT):
            would = ActionKind.ALLOW
        elif listed is ListKind.DNO:
            # ATIS-1000099: 603+ tells of analytics, and a do-not-originate number was not analysed.
            would, basis = self._kinds[Label.SPAM], BlockBasis.DO_NOT_ORIGINATE
        elif verdict.caller in self._block or listed is ListKind.BLOCK:
            would, listed = self._kinds[Label.SPAM], ListKind.BLOCK
        elif listed is ListKind.GREY:
            would = ActionKind.THROTTLE
        else:
            would = self._kind(verdict.label, level)
        kind = would if mode is Mode.ENFORCE else ActionKind.ALLOW
        sip = self._answers.answer(kind, basis)
        if kind is ActionKind.THROTTLE and listed is ListKind.GREY and match.entry is not None:
            sip = build_call_back(match.entry.callback_delay_s or 0)
        tags = self._answers.tags(verdict) if kind is ActionKind.TAG else {}
        return Action(kind, would, mode, sip, ttl_s, tags, None if listed is None else listed.value)

    def is_blocked_by_operator(self, tenant: str, caller: str, callee: str, time_us: int) -> bool:
        """Whether a block or do-not-originate list names the caller, in the configuration or for any call of
        ``tenant`` ("": of all) to ``callee`` ("": anybody) at ``time_us`` (epoch µs)."""
        return caller in self._block or self._lists.index.blocks(tenant, caller, callee, time_us) is not None

    def holds_for_all(self, caller: str, time_us: int) -> bool:
        """Whether what ``decide`` says of the caller without tenant and callee holds for every one of them.

        As far as lists go; where it does not, nobody may remember it for the caller.
        """
        index = self._lists.index
        if not index.decides:
            return True
        return not (
            index.match("", caller, None, time_us).by_callee or index.passes_some_tenant(caller, time_us)
        )

    def mode_of(self, caller: str | None) -> Mode:
        """The mode for a caller: enforce for the share of callers that the policy is enforced for."""
        if self.mode is Mode.ENFORCE and is_enforced(caller, self._enforce_share):
            return Mode.ENFORCE
        return Mode.MONITOR

    def _remembered_s(self, match: Match, time_us: int) -> int:
        """For how long an SBC may remember the answer for the caller."""
        if match.by_callee or match.kind in (ListKind.GREY, ListKind.CONSENT):
            return 0
        expires_at_us = None if match.entry is None else match.entry.expires_at_us
        if expires_at_us is None:
            return self._ttl_s
        return min(self._ttl_s, (expires_at_us - time_us) // 1_000_000)

    def _listed(self, callers: pa.Array, found: pa.Array, time_us: int) -> pa.Array:
        """``found``, but the action of the lists where they know the caller."""
        actions = {
            ListKind.ALLOW: ActionKind.ALLOW,
            ListKind.DNO: self._kinds[Label.SPAM],
            ListKind.BLOCK: self._kinds[Label.SPAM],
            ListKind.GREY: ActionKind.THROTTLE,
        }
        match = self._lists.index.match
        kinds = [match("", caller, None, time_us).kind for caller in callers.to_pylist()]
        listed = pa.array([None if kind is None else actions[kind].value for kind in kinds], pa.string())
        configured = self._block.holds(callers)
        grey = pc.and_(configured, pc.equal(listed, ActionKind.THROTTLE.value).fill_null(False))
        return pc.coalesce(pc.if_else(grey, pa.scalar(None, pa.string()), listed), found)

    def _kind(self, label: Label, level: int) -> ActionKind:
        kind = self._kinds[label]
        return ActionKind.TAG if level > TIGHTENINGS and kind not in _MILD else kind

    def _has_consent(self, caller: str | None, callee: str | None) -> bool:
        return callee is not None and any(
            caller in callers and callee.lower() in callees for callers, callees in self._consents
        )

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


def _spam_thresholds(
    config: PolicyConfig, derive: Callable[[float], float] | None
) -> npt.NDArray[np.float64]:
    """float64[TIGHTENINGS + 1]: of the budget, half of it, and so on; never below suspect."""
    budget, fixed = config.max_wrong_blocks_per_10000, config.spam_threshold
    if fixed is None and derive is not None:
        first = derive(budget)
    else:
        first = UNCALIBRATED_THRESHOLD if fixed is None else fixed
    steps = [max(first, config.suspect_threshold)]
    for step in range(1, TIGHTENINGS + 1):
        # Twice the odds at least: a fixed threshold has no calibration, and one may end before such a budget.
        strictest = steps[-1] if steps[-1] >= 1.0 else 2.0 * steps[-1] / (1.0 + steps[-1])
        if fixed is None and derive is not None:
            with suppress(ModelError):
                strictest = max(strictest, derive(budget / 2.0**step))
        steps.append(strictest)
    return np.array(steps)
