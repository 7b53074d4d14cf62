"""How parties are written: their canonical identity, and the URI that a trunk sends."""

from __future__ import annotations

from spit.simulate.network import CALLEE_DOMAIN, MIN_NUMBER, Network, Trunk


def canonical(number: int) -> str:
    """The identity that tracking gives: E.164, or ``extension@domain``."""
    return f"+{number}" if number >= MIN_NUMBER else f"{number}@{CALLEE_DOMAIN}"


def uri(number: int, trunk: Trunk, network: Network, *, is_callee: bool) -> str:
    """The URI of a party as this trunk writes it. Callees are of our domain, callers of the trunk's."""
    domain = CALLEE_DOMAIN if is_callee else trunk.domain
    if number < MIN_NUMBER:
        return f"sip:{number}@{domain}"
    if trunk.number_format == "tel":
        return f"tel:+{number}"
    return f"sip:{network.write_number(number, trunk)}@{domain};user=phone"
