"""Turns scored attempts into changes of verdict per caller, for whoever is to be told of them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spit.enforce.feed import VerdictFeed
from spit.enforce.verdicts import CallerVerdict, Standing, is_listable
from spit.engine.callers import F32, LABELS, LEGIT_RANK
from spit.engine.scored import Explain, Scored
from spit.policy.policy import Policy
from spit.records import Action, ActionKind, Label, Verdict

#: Changes that wait to be told; more are left out, and found again when their callers call again.
MAX_WAITING = 10_000
#: Reasons cost about a millisecond each: in a flood of new callers most are told without.
EXPLAINED_PER_S = 20
MAX_EXPLAINED = 64
#: From so many attempts on a column is quicker than asking for each.
_COLUMNS_FROM = 16

_LABEL_WORDS = pa.array([label.value for label in LABELS], pa.string())

_log = logging.getLogger("spit.verdicts")


@dataclass(frozen=True, slots=True)
class _Found:
    """A verdict that is news; ``values`` is the row of features that explains it, None for legit."""

    verdict: CallerVerdict
    values: F32 | None
    explain: Explain


class VerdictChanges:
    """Looks on at an engine and tells ``feed`` what changed, once somebody calls ``drain``. Thread-safe.

    What is told of a caller holds for any callee: neither an exemption of one call nor the consent of one
    callee is in it. ``clock``: seconds, monotonic.
    """

    def __init__(self, feed: VerdictFeed, *, clock: Callable[[], float]) -> None:
        self.feed = feed
        self._clock = clock
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._waiting: deque[_Found] = deque()
        #: Of callers of whom something waits: the last verdict found, and how much waits.
        self._coming: dict[str, tuple[CallerVerdict, int]] = {}
        self._failing = False
        self._explained_s = clock()
        self._may_explain = float(MAX_EXPLAINED)

    def observe(self, _events: pa.RecordBatch, scored: Scored) -> None:
        """Find what is news in a chunk. Never raises and never waits."""
        try:
            self._find(scored)
        except Exception as error:  # noqa: BLE001  scoring goes on, whatever this is
            self.feed.count("failures")
            if not self._failing:
                _log.error("changes of verdict cannot be found", exc_info=error)
            self._failing = True
        else:
            self._failing = False

    def wait(self, timeout_s: float) -> bool:
        """Until there is something to drain; whether there is."""
        return self._arrived.wait(timeout_s)

    def wake(self) -> None:
        """Let a waiting ``wait`` return."""
        self._arrived.set()

    def drain(self) -> None:
        """Tell the feed all that was found so far."""
        self._arrived.clear()
        while found := self._take(MAX_EXPLAINED):
            for verdict in self._explained(found):
                self.feed.tell(verdict)
            with self._lock:
                confirmed = [self._told(one.verdict.caller) for one in found]
            for last in confirmed:
                if last is not None:
                    self.feed.tell(last)

    def reconsider(self, policy: Policy, level: int, time_us: int) -> int:
        """What is held by the policy as it is at ``time_us`` (epoch µs); how many verdicts changed.

        ``level``: how far the budget of wrong blocks is overspent. A label never rises here: only an attempt
        can say more against a caller.
        """

        def judge(held: list[CallerVerdict]) -> list[CallerVerdict]:
            levels = np.full(len(held), level, np.int64)
            ranks = policy.label_ranks(np.array([verdict.score for verdict in held]), levels).tolist()
            labels = [
                LABELS[min(rank, LABELS.index(verdict.standing.label))]
                for rank, verdict in zip(ranks, held, strict=True)
            ]
            would = policy.would(
                pa.array([verdict.caller for verdict in held], pa.string()),
                pa.array([label.value for label in labels], pa.string()),
                level=level,
                time_us=time_us,
            ).to_pylist()
            return [
                _judged(verdict, label, policy, level, time_us)
                for verdict, label, action in zip(held, labels, would, strict=True)
                if label is not verdict.standing.label
                or action != verdict.standing.would_action.value
                or verdict.mode is not policy.mode
                # Copies elsewhere know the caller alone: they must let go of what an entry made true of some
                # calls only.
                or (verdict.ttl_s and not policy.holds_for_all(verdict.caller, time_us))
            ]

        return self.feed.reconsider(judge)

    def _find(self, scored: Scored) -> None:
        if len(scored) == 0:
            return
        callers = scored.batch["caller"].take(pa.array(scored.rows))
        levels = [0] * len(scored) if scored.context is None else scored.context.levels.tolist()
        times_us = scored.batch["time_us"].to_numpy()[scored.rows]
        for row, caller in self._interesting(scored, callers):
            verdict = Verdict(
                caller,
                float(scored.score[row]),
                LABELS[scored.label_rank[row]],
                (),
                scored.model,
                int(scored.attempts[row]),
            )
            time_us = int(times_us[row])
            action = scored.policy.decide(
                verdict, callee=None, exemption=None, level=levels[row], time_us=time_us
            )
            ttl_s = action.ttl_s if scored.policy.holds_for_all(caller, time_us) else 0
            self._note(_verdict(verdict, action, time_us, ttl_s), scored, row)

    def _interesting(self, scored: Scored, callers: pa.Array) -> list[tuple[int, str]]:
        """The attempts that may change what is known: of listable callers, not all the legitimate ones."""
        if len(scored) < _COLUMNS_FROM:
            # Of few attempts each is asked about: a caller may be listed whatever the label.
            mask = np.ones(len(scored), np.bool_)
        else:
            labels = _LABEL_WORDS.take(pa.array(scored.label_rank))
            latest_us = int(scored.batch["time_us"].to_numpy()[scored.rows].max())
            would = scored.policy.would(callers, labels, time_us=latest_us)
            acted_on = pc.not_equal(would, ActionKind.ALLOW.value).to_numpy(zero_copy_only=False)
            mask = (scored.label_rank > LEGIT_RANK) | acted_on
            if self._coming or self.feed.holds_any():
                names = callers.to_pylist()
                known = (name in self._coming or self.feed.held(name) is not None for name in names)
                mask |= np.fromiter(known, np.bool_, len(scored))
        rows = np.flatnonzero(mask)
        found = zip(rows.tolist(), callers.take(pa.array(rows)).to_pylist(), strict=True)
        named = [(row, name) for row, name in found if name is not None]
        listable = [(row, name) for row, name in named if is_listable(name)]
        if len(listable) < len(named):
            self.feed.count("callers_unlistable", len(named) - len(listable))
        return listable

    def _note(self, verdict: CallerVerdict, scored: Scored, row: int) -> None:
        with self._lock:
            coming, waiting = self._coming.get(verdict.caller, (None, 0))
            if coming is None:
                is_news = self.feed.is_news(verdict)
            else:
                is_news = verdict.standing != coming.standing and verdict.seen_us >= coming.seen_us
            if is_news:
                if len(self._waiting) >= MAX_WAITING:
                    self.feed.count("changes_left_out")
                    return
                labelled = verdict.standing.label is not Label.LEGIT
                if labelled and scored.context is not None:
                    symbols = tuple(reason.symbol for reason in scored.context.reasons(row))
                    verdict = replace(verdict, symbols=symbols)
                values = scored.values[row].copy() if labelled else None
                self._waiting.append(_Found(verdict, values, scored.explain))
                self._coming[verdict.caller] = (verdict, waiting + 1)
                self._arrived.set()
                return
            if coming is not None:
                if verdict.seen_us > coming.seen_us:
                    self._coming[verdict.caller] = (verdict, waiting)
                return
        self.feed.tell(verdict)

    def _take(self, count: int) -> list[_Found]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    def _told(self, caller: str) -> CallerVerdict | None:
        """The last verdict, which confirms what was told, once nothing more of the caller waits."""
        last, waiting = self._coming[caller]
        if waiting > 1:
            self._coming[caller] = (last, waiting - 1)
            return None
        del self._coming[caller]
        return last

    def _explained(self, found: list[_Found]) -> list[CallerVerdict]:
        """The verdicts, with the symbols of their reasons while the allowance lasts."""
        now_s = self._clock()
        earned = (now_s - self._explained_s) * EXPLAINED_PER_S
        self._explained_s = now_s
        self._may_explain = min(self._may_explain + max(earned, 0.0), float(MAX_EXPLAINED))
        verdicts = [one.verdict for one in found]
        rows = [(at, one.values) for at, one in enumerate(found) if one.values is not None]
        rows = rows[: int(self._may_explain)]
        self._may_explain -= len(rows)
        if not rows:
            return verdicts
        values = np.stack([row for _, row in rows])
        try:
            # 0 to pass: what would have made it pass is not asked for, it costs the most.
            reasons = found[0].explain(values, np.zeros(len(rows)))
        except Exception as error:  # noqa: BLE001  a verdict without reasons is better than none
            self.feed.count("failures")
            _log.error("verdicts cannot be explained", exc_info=error)
            return verdicts
        for (at, _), row in zip(rows, reasons, strict=True):
            symbols = (*verdicts[at].symbols, *(reason.symbol for reason in row))
            verdicts[at] = replace(verdicts[at], symbols=symbols)
        return verdicts


def _verdict(verdict: Verdict, action: Action, time_us: int, ttl_s: int) -> CallerVerdict:
    return CallerVerdict(
        caller=verdict.caller or "",
        standing=Standing(verdict.label, action.kind, action.would),
        mode=action.mode,
        score=verdict.score,
        symbols=(),
        attempts=verdict.attempts,
        model=verdict.model,
        ttl_s=ttl_s,
        time_us=time_us,
        seen_us=time_us,
    )


def _judged(verdict: CallerVerdict, label: Label, policy: Policy, level: int, time_us: int) -> CallerVerdict:
    action = policy.decide(
        Verdict(verdict.caller, verdict.score, label, (), verdict.model, verdict.attempts),
        callee=None,
        exemption=None,
        level=level,
        time_us=time_us,
    )
    return replace(
        verdict,
        standing=Standing(label, action.kind, action.would),
        mode=action.mode,
        ttl_s=action.ttl_s if policy.holds_for_all(verdict.caller, time_us) else 0,
        time_us=time_us,
    )
