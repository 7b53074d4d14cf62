"""STIR/SHAKEN as a call shows it on arrival (RFC 8224, RFC 8588; ATIS-1000074 for the levels)."""

from typing import NamedTuple

from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.settings import Operator
from spit.worlds.agenda.trunks import Identity


class Passport(NamedTuple):
    """Columns that a signature fills; all None for an unsigned call."""

    attestation: str | None = None
    origid: str | None = None
    verstat: str | None = None
    orig: str | None = None


_UNSIGNED = Passport()


def sign(dice: Dice, operator: Operator, identity: Identity) -> Passport:
    """What the trunk's signer vouches for: A for the customer's number, B for the customer, C for neither."""
    trunk = identity.trunk
    if not dice.chance(trunk.signing):
        # Verifiers that mark every call say so even where nothing was signed.
        return Passport(verstat="No-TN-Validation") if dice.chance(0.15 * operator.signing) else _UNSIGNED
    if trunk.role in ("international", "roaming") or (trunk.role == "wholesale" and not identity.owned):
        level = "C"
    elif identity.owned or trunk.lenient:
        level = "A"
    else:
        level = "B"
    number = identity.caller if identity.caller.startswith("+") else identity.asserted
    orig = number if number and number.startswith("+") else None
    verstat = None
    if dice.chance(operator.verifying):
        # Expired certificates and numbers rewritten on the way break a few signatures of anybody.
        verstat = "TN-Validation-Failed" if dice.chance(0.02) else "TN-Validation-Passed"
    return Passport(level, identity.origid, verstat, orig)
