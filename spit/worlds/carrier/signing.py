"""Caller identity as it arrives: assertion, STIR attestation, verification."""

from __future__ import annotations

from typing import NamedTuple

from spit.worlds.carrier.draws import Rng, chance, pick
from spit.worlds.carrier.network import Network
from spit.worlds.carrier.sender import Sender


class Identity(NamedTuple):
    """Identity columns of one call. ``passport_orig`` is normalised with a leading plus."""

    asserted: str | None
    attestation: str | None
    origid: str | None
    verstat: str | None
    passport_orig: str | None


def _level(rng: Rng, sender: Sender) -> str:
    provider = sender.provider
    if chance(rng, provider.knows if chance(rng, sender.owns) else provider.careless):
        return "A"
    return "B" if chance(rng, provider.partial) else "C"


def identify(rng: Rng, network: Network, sender: Sender, number: str) -> Identity:
    """Draw the identity of one call that shows ``number``.

    A business group is signed under its pilot number, so that the signature names another number than the
    caller's.
    """
    trunk = sender.trunk
    signed = number.startswith("+") and chance(rng, sender.provider.signs)
    if trunk is None:
        asserted = sender.pilot or number
        if not (signed and network.own_signed_here):
            return Identity(asserted, None, None, None, None)
        return Identity(asserted, _level(rng, sender), sender.group, "TN-Validation-Passed", asserted)
    asserted_here = (sender.pilot or number) if chance(rng, trunk.asserts) else None
    level, group = _level(rng, sender), sender.group
    signed = signed and chance(rng, trunk.keeps_identity)
    if not signed and chance(rng, trunk.resigns):
        # A downstream provider signs what reached it unsigned: it knows its customer, not the caller.
        signed, level, group = True, pick(rng, ("C", "C", "B")), trunk.providers[0].groups[0]
    reported = chance(rng, trunk.reports_verification)
    if not signed:
        return Identity(asserted_here, None, None, "No-TN-Validation" if reported else None, None)
    # A verifier compares with the asserted identity, or with the caller where the assertion was lost on the
    # way.
    lost = sender.pilot is not None and asserted_here is None
    broken = lost or chance(rng, sender.provider.broken)
    verstat = ("TN-Validation-Failed" if broken else "TN-Validation-Passed") if reported else None
    return Identity(asserted_here, level, group, verstat, sender.pilot or number)
