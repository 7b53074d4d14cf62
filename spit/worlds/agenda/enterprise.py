"""Enterprises: agents that call many numbers for money or by duty, honest firms and campaigns alike."""

import heapq
import math
from dataclasses import dataclass, field, replace

from spit.worlds.agenda.attempt import Attempt, Purpose, Result, Talk
from spit.worlds.agenda.clock import ALWAYS, Hours
from spit.worlds.agenda.dice import Dice, Span
from spit.worlds.agenda.economics import Purse, draw_purse
from spit.worlds.agenda.numbers import Numbers
from spit.worlds.agenda.styles import World, answer_guess, numbers_for
from spit.worlds.agenda.switch import Switch
from spit.worlds.agenda.targets import Extensions, ListTargets, RandomDial, Regulars, Sequential, Targets
from spit.worlds.agenda.trade import Trade

_LEAST_OPEN_S = 1200.0
# Entries looked at for one still open; a list called to its end is called again.
_SKIPS = 6


@dataclass(slots=True)
class Enterprise:
    """What all seats of one firm share. Times in seconds."""

    purpose: Purpose
    targets: Targets
    numbers: Numbers
    talk: Talk
    friend: float
    trust: float
    patience_s: float
    hours: Hours
    end_s: float
    pause_s: float
    again: float
    method: str
    authorised: bool
    remaining: int
    learns: bool
    closed: set[str] = field(default_factory=set)
    retries: list[tuple[float, str]] = field(default_factory=list)

    def _callee(self, now_s: float) -> str:
        """A due second try, or the next target not yet done with."""
        if self.retries and self.retries[0][0] <= now_s:
            return heapq.heappop(self.retries)[1]
        callee = self.targets.next()
        for _ in range(_SKIPS):
            if callee not in self.closed:
                break
            callee = self.targets.next()
        return callee

    def learn(self, attempt: Attempt, result: Result) -> None:
        """Judge the number shown, and close the entry of the list when nothing more is to be had from it."""
        self.numbers.learn(attempt.identity, result)
        if self.learns and (result.human or result.outcome == "not_found"):
            self.closed.add(attempt.callee)

    def attempt(self, dice: Dice, now_s: float) -> Attempt:
        """The next call."""
        callee = self._callee(now_s)
        return Attempt(
            self.purpose,
            self.numbers.next(callee),
            callee,
            dice.lognormal(self.patience_s, 0.12),
            self.talk,
            dice.chance(self.friend),
            self.trust,
            self.method,
            self.authorised,
        )


@dataclass(frozen=True, slots=True)
class Seat:
    """One human agent, or one channel of a dialler, of an enterprise."""

    firm: Enterprise

    def act(self, now_s: float, switch: Switch) -> float | None:
        """Place a call when open; the next follows after talk, paperwork and the pace the firm can afford."""
        firm = self.firm
        if now_s > firm.end_s or firm.remaining <= 0:
            return None
        wait = firm.hours.next_open(switch.clock.hour(now_s))
        if wait > 0.0:
            return now_s + wait + switch.dice.exponential(firm.pause_s + 1.0)
        firm.remaining -= 1
        attempt = firm.attempt(switch.dice, now_s)
        result = switch.place(now_s, attempt)
        firm.learn(attempt, result)
        if not result.human and result.outcome != "not_found" and switch.dice.chance(firm.again):
            heapq.heappush(firm.retries, (result.end_s + switch.dice.lognormal(2400.0, 0.8), attempt.callee))
        return result.end_s + switch.dice.exponential(firm.pause_s)


def _targets_for(world: World, trade: Trade, purse: Purse) -> Targets:
    """Whom the member of the trade calls."""
    dice = world.dice
    plan = world.switch.plan
    numbers = world.population.numbers
    if trade.audience == "regulars":
        return Regulars(dice, [dice.pick(numbers) for _ in range(dice.count(trade.list_size))])
    if trade.audience == "one":
        offices = world.population.lines[
            world.population.home : world.population.home + world.population.offices
        ]
        return Regulars(dice, [dice.pick(offices).number if dice.chance(0.7) else dice.pick(numbers)])
    if trade.audience == "random":
        return RandomDial(dice, plan.mobile + plan.fixed, plan)
    if trade.audience == "outside":
        return RandomDial(dice, plan.premium + plan.foreign[:8], plan)
    if trade.audience == "sequential":
        return Sequential(dice, plan.mobile + plan.fixed, dice.count((1, 12)), dice.index(20_000))
    if trade.audience == "extensions":
        return Extensions(dice, world.population.extensions, dice.between((0.3, 1.0)))
    stale = dice.between(trade.stale) if trade.stale is not None else purse.stale_share()
    stale = min(0.85, stale * world.operator.stale_scale)
    return ListTargets(dice, plan, numbers, dice.count(trade.list_size), stale)


def _talk_for(world: World, trade: Trade) -> Talk:
    """What the member's conversations are like."""
    dice = world.dice
    scale = math.sqrt(world.operator.talk_scale)
    stay = dice.scale(trade.stay_s) * scale
    message = dice.scale((8.0, 30.0)) if dice.chance(trade.message) else 0.0
    script = dice.scale(trade.script_s) if trade.script_s is not None else None
    if script is not None and message:
        message = script
    return Talk(
        dice.between(trade.engage),
        stay,
        dice.between(trade.spread),
        dice.scale(trade.brush_s),
        message,
        dice.between(trade.caller_ends),
        script,
        dice.between(trade.abandon),
    )


def _window(world: World, trade: Trade) -> tuple[Hours, float, float, float]:
    """Opening hours, start, end and the open seconds between them."""
    dice = world.dice
    clock = world.switch.clock
    hours = ALWAYS if trade.always else Hours(dice.between(trade.opens), dice.between(trade.closes))
    for _ in range(12):
        length = dice.scale(trade.active_h) * 3600.0
        start = dice.between((trade.not_before, 1.0)) * max(0.0, clock.horizon_s - 0.5 * length)
        end = min(clock.horizon_s, start + length)
        # A short action starts when its firm is open, however short it is.
        start += hours.next_open(clock.hour(start)) if trade.burst else 0.0
        end = max(end, min(clock.horizon_s, start + length))
        usable = clock.open_seconds(hours, start, end)
        if usable > _LEAST_OPEN_S or (trade.burst and usable > 0.0):
            return hours, start, end, min(usable, end - start)
    # Only recordings much shorter than a day get here: the firm works when it is recorded.
    return ALWAYS, 0.0, clock.horizon_s, clock.horizon_s


def found(world: World, trade: Trade, purpose: Purpose, quota: int) -> None:
    """Draw one member of the trade that wants to place `quota` calls, and put its seats to work."""
    dice = world.dice
    prices = trade.prices
    if trade.number_price is not None:
        prices = replace(prices, number=trade.number_price)
    purse = draw_purse(dice, prices)
    hours, start, end, usable = _window(world, trade)
    talk = _talk_for(world, trade)
    guess = answer_guess(world.operator)
    patience = dice.scale(trade.patience_s) if trade.patience_s is not None else purse.patience_s(guess)
    wrap = dice.scale(trade.wrap_s)
    busy = 16.0 + 0.4 * talk.engage * talk.stay_s + wrap
    if trade.method == "MESSAGE":
        busy = 1.0
    # Seats cost wages: as many as the trade usually has, more only where the open hours would not do.
    seats = max(dice.count(trade.seats), math.ceil(quota * busy / max(usable, 60.0)))
    seats = min(seats, max(1, quota))
    pause = max(wrap if trade.method == "INVITE" else 0.05, usable * seats / max(1, quota) - busy)
    firm = Enterprise(
        purpose=purpose,
        targets=_targets_for(world, trade, purse),
        numbers=numbers_for(world, trade, purse),
        talk=talk,
        friend=dice.between(trade.friend),
        trust=dice.between(trade.trust),
        patience_s=patience,
        hours=hours,
        end_s=end,
        pause_s=pause,
        again=dice.between(trade.again),
        method=trade.method,
        authorised=trade.authorised,
        remaining=quota,
        learns=trade.watchful and trade.audience == "list",
    )
    for _ in range(seats):
        world.switch.schedule(start + dice.exponential(pause) * 0.5, Seat(firm))


def member_quotas(dice: Dice, total: int, firms: Span) -> list[int]:
    """A kind's calls among its members: few large and many small."""
    count = min(dice.count(firms), max(1, total // 4))
    return [max(1, round(total * share)) for share in dice.shares(count, 0.9)]
