"""The counters of the SIP redirect server as metrics: ``spit_redirect_NAME_total`` and its levels."""

from __future__ import annotations

from collections.abc import Mapping

from spit.enforce.redirect.counters import LEVELS, MEANINGS
from spit.export.prometheus import Sample


def redirect_samples(counters: Mapping[str, int], levels: Mapping[str, int]) -> list[Sample]:
    """A sample per counter and level; each name is in ``MEANINGS`` or ``LEVELS``."""
    return [
        *(
            Sample(f"spit_redirect_{name}_total", "counter", MEANINGS[name], count)
            for name, count in counters.items()
        ),
        *(Sample(f"spit_redirect_{name}", "gauge", LEVELS[name], count) for name, count in levels.items()),
    ]
