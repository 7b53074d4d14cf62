"""People: they call those they know, insist when it matters to them, and return the calls they missed."""

from dataclasses import dataclass, replace

import numpy as np

from spit.worlds.agenda.attempt import Attempt, Purpose, Talk
from spit.worlds.agenda.clock import Clock
from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.lines import Line
from spit.worlds.agenda.population import Population, Ties, private_identity
from spit.worlds.agenda.settings import Operator
from spit.worlds.agenda.switch import Switch
from spit.worlds.agenda.trunks import Identity, Market, address

ORDINARY = Purpose("ordinary")
FLASHER = Purpose("missed_call_signal")
TRAVELLER = Purpose("traveller")
NEWCOMER = Purpose("new_subscriber")
RETURNED = Purpose("returned_call")
# Spread of the logarithm of talk. Calls are nearer to log-normal than to exponential (Guo, Liu and Zhu,
# "Estimate the Call Duration Distribution Parameters in GSM System Based on K-L Divergence Method");
# the value is a guess.
_TALK_SPREAD = 1.15


@dataclass(slots=True)
class Wish:
    """One person's wish to talk to one number, pursued until answered or no longer worth it."""

    purpose: Purpose
    identity: Identity
    callee: str
    friend: bool
    tries: int
    patience_s: float
    talk: Talk
    trust: float = 0.0
    method: str = "INVITE"

    def act(self, now_s: float, switch: Switch) -> float | None:
        """Call; after a busy tone soon again, after no answer later, if the wish is strong enough."""
        attempt = Attempt(
            self.purpose,
            self.identity,
            self.callee,
            self.patience_s,
            self.talk,
            self.friend,
            self.trust,
            self.method,
        )
        result = switch.place(now_s, attempt)
        self.tries -= 1
        if result.outcome == "answered" or self.tries <= 0 or result.outcome == "not_found":
            return None
        wait = 45.0 if result.outcome in ("busy", "failed") else 1500.0
        return result.end_s + switch.dice.lognormal(wait, 0.9)


def private_talk(dice: Dice, operator: Operator, *, friend: bool) -> Talk:
    """Two people who know each other talk long or short; with a stranger or a firm rather short."""
    median = operator.talk_scale * (62.0 if friend else 45.0)
    message = 11.0 if dice.chance(0.3) else 0.0
    return Talk(0.97 if friend else 0.85, median, _TALK_SPREAD, 9.0, message, 0.5)


@dataclass(frozen=True, slots=True)
class Returns:
    """Calls back to missed numbers; the hook that the switch calls for a call that rang unanswered."""

    switch: Switch
    operator: Operator
    market: Market

    def __call__(self, now_s: float, attempt: Attempt, line: Line) -> None:
        """Decide whether the owner of the line is curious or attached enough to call back."""
        dice = self.switch.dice
        caller = attempt.identity.caller
        if line.sort == "office" or not caller.startswith("+"):
            return
        signal = attempt.purpose is FLASHER
        worth = 0.8 if signal else self.operator.callback_friend if attempt.friend else line.curiosity
        # Nobody looks at the telephone at night; friends who ring once are waiting for it.
        awake = min(1.0, 1.5 * self.switch.clock.awake(now_s, line.rhythm))
        if not dice.chance(worth * awake):
            return
        if line.identity is None:
            line.identity = private_identity(dice, self.operator, self.market, line, home=False)
        talk = private_talk(dice, self.operator, friend=attempt.friend)
        if not attempt.friend:
            talk = replace(talk, engage=0.5, stay_s=35.0, caller_ends=0.5)
        purpose = ORDINARY if attempt.friend else RETURNED
        wish = Wish(purpose, line.identity, caller, attempt.friend, 1, dice.lognormal(25.0, 0.4), talk, 0.3)
        self.switch.schedule(now_s + dice.lognormal(60.0 if signal else 900.0, 1.3), wish)


def plan_ordinary(
    dice: Dice,
    operator: Operator,
    clock: Clock,
    switch: Switch,
    population: Population,
    ties: Ties,
    count: int,
) -> None:
    """Wishes of ordinary people, among whom some ring once instead of paying."""
    rng = dice.rng
    weight = ties.weight / ties.weight.sum()
    chosen = rng.choice(len(weight), count, p=weight)
    ahead = rng.random(count) < ties.forward[chosen]
    callers = np.where(ahead, ties.first[chosen], ties.second[chosen])
    callees = np.where(ahead, ties.second[chosen], ties.first[chosen])
    rhythms = np.array([line.rhythm for line in population.lines], dtype=np.int64)
    times = clock.draw_times(rng, rhythms[callers])
    thrifty = rng.random(len(population.lines)) < operator.prepaid_share
    for caller, callee, at in zip(callers.tolist(), callees.tolist(), times.tolist(), strict=True):
        line = population.lines[caller]
        if line.identity is None:
            continue
        target = population.lines[callee].number
        patience = dice.lognormal(26.0, 0.5)
        purpose = ORDINARY
        if line.sort != "office" and thrifty[caller] and dice.chance(0.7):
            purpose = FLASHER
            patience = dice.lognormal(3.5, 0.4)
        friend = line.sort != "office" or dice.chance(0.5)
        tries = 1 if purpose is FLASHER else dice.pick((1, 1, 2, 2, 3))
        talk = private_talk(dice, operator, friend=friend)
        wish = Wish(purpose, line.identity, target, friend, tries, patience, talk)
        if purpose is ORDINARY and dice.chance(operator.text_share):
            wish.method = "MESSAGE"
        switch.schedule(at, wish)


def plan_travellers(
    dice: Dice, operator: Operator, market: Market, switch: Switch, population: Population, count: int
) -> None:
    """Subscribers abroad and visitors from abroad: a roaming gateway that shows each number a few times."""
    planned = 0
    while planned < count:
        own = dice.chance(0.5)
        number = (
            population.lines[dice.index(population.home)].number
            if own
            else switch.plan.any_of(dice, switch.plan.foreign)
        )
        trunk_identity = market.server_identity(
            dice, ("roaming", "roaming", "international"), number, owned=own
        )
        identity = replace(trunk_identity, equipment=market.catalogue.handset(dice))
        for _ in range(dice.count((1, 7))):
            friend = own and dice.chance(0.7)
            target = population.lines[dice.index(population.home + population.offices)].number
            talk = private_talk(dice, operator, friend=friend)
            wish = Wish(
                TRAVELLER, identity, target, friend, dice.pick((1, 2)), dice.lognormal(24.0, 0.5), talk
            )
            switch.schedule(dice.uniform() * operator.horizon_s, wish)
            planned += 1


def plan_newcomers(
    dice: Dice, operator: Operator, market: Market, switch: Switch, population: Population, count: int
) -> None:
    """New subscribers after a port-in or a new contract: numbers without history that call many at once."""
    plan = switch.plan
    clock = switch.clock
    planned = 0
    while planned < count:
        mobile = dice.chance(operator.mobile_share)
        prefixes = plan.other_carriers if dice.chance(0.4) else plan.mobile if mobile else plan.fixed
        number = plan.any_of(dice, prefixes)
        if number in switch.lines:
            continue
        trunk = market.exchange.pick(dice, ("mobile",) if mobile else ("access", "pbx"))
        anchor = population.lines[dice.index(population.home)]
        own = address(dice) if trunk.role == "access" else None
        identity = private_identity(dice, operator, market, anchor, home=True)
        identity = replace(identity, caller=number, trunk=trunk, asserted=number, address=own)
        moment = float(clock.draw_times(dice.rng, np.array([dice.index(2)]))[0])
        gap = dice.scale((60.0, 2400.0))
        for _ in range(dice.count((3, 60))):
            target = population.lines[dice.index(population.home)].number
            talk = private_talk(dice, operator, friend=dice.chance(0.6))
            trust = dice.between((0.0, 1.0))
            wish = Wish(NEWCOMER, identity, target, False, 1, dice.lognormal(22.0, 0.4), talk, trust)
            switch.schedule(moment, wish)
            moment += dice.exponential(gap)
            planned += 1
