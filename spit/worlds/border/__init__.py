"""Telephone traffic seen at the interconnect border of one operator, with spam campaigns in it.

`generate` draws another operator for every seed: its number blocks, the carriers it exchanges calls
with, its subscribers, the honest callers that look like spam, and the campaigns.
"""

from spit.worlds.border.generation import generate

__all__ = ["generate"]
