"""Which campaigns run in a seed, how strong and how large they are."""

from __future__ import annotations

from collections.abc import Callable

from spit.worlds.lives.campaigns import attacks, dialling, disguise, schemes
from spit.worlds.lives.campaigns.plan import STRENGTHS, Plan
from spit.worlds.lives.draws import around, between, pick
from spit.worlds.lives.exchange import World
from spit.worlds.lives.signalling import Label

Launcher = Callable[[World, Plan], None]

KINDS: dict[str, Launcher] = {
    "telemarketer": dialling.telemarketer,
    "robocaller": dialling.robocaller,
    "sequential_dialler": dialling.sequential_dialler,
    "random_dialler": dialling.random_dialler,
    "snowshoe": dialling.snowshoe,
    "low_and_slow": dialling.low_and_slow,
    "harvest": dialling.harvest,
    "neighbour_spoof": disguise.neighbour_spoof,
    "burner": disguise.burner,
    "spoofed_victim": disguise.spoofed_victim,
    "attestation_shopping": disguise.attestation_shopping,
    "compromised_subscriber": disguise.compromised_subscriber,
    "wangiri": schemes.wangiri,
    "scam_centre": schemes.scam_centre,
    "ai_voice": schemes.ai_voice,
    "one_time_code_fraud": schemes.one_time_code_fraud,
    "tdos": attacks.tdos,
    "scanner": attacks.scanner,
    "message_spam": attacks.message_spam,
}

# Attempts relative to each other: what is blatant can afford to be loud.
VOLUME = {"blatant": 1.5, "medium": 1.0, "stealthy": 0.8}


def launch_campaigns(world: World, attempts: int) -> None:
    """Start 10 to 22 campaigns, each strength several times, that add up to the attempts."""
    rng = world.rng
    count = max(6, min(between(rng, 10, 22), attempts // 40))
    order = [str(kind) for kind in rng.permutation(list(KINDS))]
    drawn = [
        (order[i % len(order)], STRENGTHS[i % 3] if i < 9 else pick(rng, STRENGTHS)) for i in range(count)
    ]
    sizes = [VOLUME[strength] * around(rng, 1.0, 0.7) for _, strength in drawn]
    for i, ((kind, strength), size) in enumerate(zip(drawn, sizes, strict=True)):
        quota = max(5, int(attempts * size / sum(sizes)))
        KINDS[kind](world, Plan(Label(kind, True, strength, f"{kind}-{strength}-{i}"), quota))
