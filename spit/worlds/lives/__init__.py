"""A world seen from the lives of its callers, in Europe, Africa and Asia.

Its author starts from people: every caller is an agent with a day of its own that decides when to call and
what to do with the answer; the called remember, block, complain and call back. ``generate(seed)`` is another
operator of one of several regions for every seed.
"""

from spit.worlds.lives.build import generate

__all__ = ["generate"]
