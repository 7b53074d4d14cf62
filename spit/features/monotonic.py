"""Features whose meaning forbids one direction: worse behaviour never lowers a score."""

from __future__ import annotations

from spit.features.declare import Feature, window_name
from spit.features.table import FEATURES

#: By name without key, window and "young_"; of who calls, not of who is called.
_SIGNS = {
    "sequential_ratio": 1,
    "short_call_ratio": 1,
    "one_ring_ratio": 1,
    "not_found_ratio": 1,
    "unwanted_ratio": 1,
    "declined_ratio": 1,
    "callee_hang_up_ratio": 1,
    "quick_hang_up_ratio": 1,
    "first_contact_ratio": 1,
    "differing_identity_ratio": 1,
    "near_caller_ratio": 1,
    "answer_ratio": -1,
    "stranger_answer_ratio": -1,
    "reciprocal_ratio": -1,
    "known_callee_ratio": -1,
    "known_talk_ratio": -1,
}
_CALLING_KEYS = ("caller", "peer", "source", "block", "origid", "callee_block")
_SINGLE = {
    "identity_asserted_differs": 1,
    "identity_passport_orig_differs": 1,
    "identity_passport_dest_differs": 1,
    "identity_verstat": -1,
    "inbound_not_found_ratio_7d": 1,
}


def _sign(feature: Feature) -> int:
    if feature.key not in _CALLING_KEYS or feature.window_s is None:
        return _SINGLE.get(feature.name, 0)
    name = feature.name.removeprefix(f"{feature.key}_").removesuffix(f"_{window_name(feature.window_s)}")
    return _SIGNS.get(name.removeprefix("young_"), 0)


#: 1 where a higher value never makes an attempt less suspicious, -1 where it never makes it more so.
MONOTONIC: dict[str, int] = {feature.name: _sign(feature) for feature in FEATURES if _sign(feature)}
