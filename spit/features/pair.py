"""What caller and callee have had to do with each other. Key: the ordered pair."""

from __future__ import annotations

from spit.features.declare import IDLE_S, Age, Feature, PairsDeclaration

CONTACTS = PairsDeclaration("contact", key="contact", charges_diverted=False, reverse_key="contact_reverse")

FEATURES: tuple[Feature, ...] = (
    Feature(
        name="pair_contact_age_s",
        key="pair",
        unit="s",
        meaning="Seconds since the caller last called the callee, at most 7 days.",
        source="X.1244: authorization by former contact; this project",
        expression=Age("contact_age_s", IDLE_S),
    ),
    Feature(
        name="pair_reverse_contact_age_s",
        key="pair",
        unit="s",
        meaning="Seconds since the callee last called the caller, at most 7 days.",
        source="CallRank 2007: calls go both ways between people",
        expression=Age("contact_reverse_age_s", IDLE_S),
    ),
)
