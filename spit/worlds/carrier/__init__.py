"""A world seen by a carrier: one North American wholesale and retail operator with sixteen trunks.

Its author starts from the network: numbers, customers, trunks and what each does to signalling; callers are
customers of those networks. ``generate(seed)`` is another operator for every seed. Times are in seconds but
for start_us (microseconds since the epoch). Numbers are E.164 with a plus, user@host for SIP-only users,
short codes, or "anonymous".
"""

from spit.worlds.carrier.simulation import generate

__all__ = ["generate"]
