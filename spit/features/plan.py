"""The declared table as a plan that Rust carries out for a batch of events in one call (``_core.Plan``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spit import _core
from spit.features import attempt_columns as a
from spit.features import end_columns as e
from spit.features.declare import Contribution, LastDeclaration, PairsDeclaration, SumsDeclaration
from spit.features.event_keys import EVENT_KEYS
from spit.features.expressions import Column, Numbered, answer, constant, own


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one key: the sums that features read.

    ``chosen[w]``: numbers of the contributions that are summed over ``windows_s[w]``; in this order the
    primitive answers, and ``terms`` are in it. ``seen``: the columns that are also read with the other key.
    ``young``: the column that tells a young caller; None where it is not among them.
    """

    sums: SumsDeclaration
    windows_s: tuple[float, ...]
    chosen: tuple[tuple[int, ...], ...]
    terms: tuple[tuple[Contribution, float], ...]
    seen: tuple[int, ...]
    young: int | None


@dataclass(frozen=True, slots=True)
class Primitives:
    """What holds the state, by the names of the declarations; of sums by their key."""

    sums: Mapping[str, _core.Sums]
    lasts: Mapping[str, _core.Last]
    pairs: Mapping[str, _core.Pairs]


class PlanMaker:
    """Numbers the columns of attempts and ends while steps are made of declarations."""

    def __init__(self, primitives: Primitives, contributions: Sequence[Contribution]) -> None:
        self._primitives = primitives
        self._contributions = contributions
        self._attempts, self._ends = Numbered(), Numbered()
        self._steps: list[_core.PairsStep | _core.LastStep | _core.SumsStep] = []
        self._answers: set[str] = set()

    def pairs(self, declared: PairsDeclaration) -> None:
        """The next step: when pairs were last in contact."""
        age, reverse_age = f"{declared.name}_age_s", f"{declared.name}_reverse_age_s"
        self._answers |= {age, reverse_age}
        ends = None
        if declared.talks:
            ends = self._ends.number(e.TALKED & ~e.DIVERTED), self._ends.number(answer(age))
        reverse = None
        if declared.reverse_key is not None:
            reverse = declared.reverse_key, self._attempts.number(answer(reverse_age))
        is_contact = None if declared.talks else self._attempts.number(_charged(declared))
        self._steps.append(
            _core.PairsStep(
                self._primitives.pairs[declared.name],
                declared.key,
                attempts=(is_contact, self._attempts.number(answer(age))),
                ends=ends,
                reverse=reverse,
            )
        )

    def last(self, declared: LastDeclaration) -> None:
        """The next step: the numbers of the attempt before."""
        names = last_answers(declared)
        self._answers |= set(names)
        update = _charged(declared)
        self._steps.append(
            _core.LastStep(
                self._primitives.lasts[declared.name],
                declared.key,
                update=self._attempts.number(update & a.YOUNG if declared.young else update),
                values=[self._attempts.number(number) for number in (a.CALLEE_NUMBER, a.CALLER_NUMBER)],
                answers=[self._attempts.number(answer(name)) for name in names],
            )
        )

    def sums(self, kept: Kept) -> None:
        """The next step: what attempts and ends add up to."""
        declared, every = kept.sums, None
        if kept.young is not None:
            attempts = answer(a.CALLER_ATTEMPTS)
            every = kept.young, self._attempts.number(attempts), self._ends.number(attempts)
        # Of what no window sums, nothing is worked out.
        summed = {number for chosen in kept.chosen for number in chosen}
        used = [contribution if i in summed else None for i, contribution in enumerate(self._contributions)]
        self._steps.append(
            _core.SumsStep(
                self._primitives.sums[declared.key],
                declared.key,
                attempts=_added(
                    self._attempts,
                    None if declared.charges_diverted else ~a.DIVERTED,
                    [None if one is None else one.at_attempt for one in used],
                ),
                ends=_added(
                    self._ends,
                    None if declared.charges_diverted else ~e.DIVERTED,
                    [None if one is None else one.at_end for one in used],
                ),
                other=None if declared.seen_from is None else (declared.seen_from, kept.seen),
                every=every,
            )
        )

    def finish(self, formulas: _core.Formulas, columns: Sequence[str]) -> Plan:
        """``columns``: what attempts say by themselves and answers, that formulas read besides sums."""
        numbers = [
            self._attempts.number(answer(name) if name in self._answers else own(name)) for name in columns
        ]
        plan = _core.Plan(
            formulas,
            attempts=self._attempts.declared,
            ends=self._ends.declared,
            steps=self._steps,
            columns=numbers,
            keys=EVENT_KEYS,
        )
        of_attempts = _READ_ALWAYS | self._attempts.read()
        return Plan(plan, of_attempts, of_attempts | {"event", "start_time_us"} | self._ends.read())


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan and the columns of events without which nothing can be read, or folded."""

    core: _core.Plan
    reads: frozenset[str]
    folds: frozenset[str]


_READ_ALWAYS = frozenset(_core.TEXT_COLUMNS) | {"time_us", "passport_iat_age_s"}


def last_answers(last: LastDeclaration) -> tuple[str, str, str]:
    """Names of what is known of the attempt before: seconds since, the callee's number, the caller's."""
    of = last.name.removesuffix("_last")
    return f"{of}_gap_s", f"{of}_last_number", f"{of}_last_caller_number"


def _charged(declared: LastDeclaration | PairsDeclaration) -> Column:
    return constant(1.0) if declared.charges_diverted else ~a.DIVERTED


def _added(
    numbered: Numbered, update: Column | None, columns: Sequence[Column | None]
) -> tuple[int | None, list[int | None]]:
    return (
        None if update is None else numbered.number(update),
        [None if column is None else numbered.number(column) for column in columns],
    )
