"""What caller and callee have had to do with each other. Key: the ordered pair."""

from __future__ import annotations

from spit.features.declare import IDLE_S, Age, Direct, Expression, Feature, PairsDeclaration

CONTACTS = PairsDeclaration("contact", key="contact", charges_diverted=False, reverse_key="contact_reverse")
TALKS = PairsDeclaration("talk", key="contact", charges_diverted=False, talks=True)


def _feature(name: str, unit: str, meaning: str, source: str, expression: Expression) -> Feature:
    return Feature(
        name=f"pair_{name}", key="pair", unit=unit, meaning=meaning, source=source, expression=expression
    )


FEATURES: tuple[Feature, ...] = (
    _feature(
        "contact_age_s",
        "s",
        "Seconds since the caller last called the callee, at most 7 days.",
        "X.1244: authorization by former contact; this project",
        Age("contact_age_s", IDLE_S),
    ),
    _feature(
        "reverse_contact_age_s",
        "s",
        "Seconds since the callee last called the caller, at most 7 days.",
        "CallRank 2007: calls go both ways between people",
        Age("contact_reverse_age_s", IDLE_S),
    ),
    _feature(
        "talk_age_s",
        "s",
        "Seconds since a talk of more than 6 s, called by this caller, with the callee; at most 7 days.",
        "X.1244: authorization by former contact; strong ties",
        Age("talk_age_s", IDLE_S),
    ),
    _feature(
        "shared_digits",
        "digits",
        "How many digits the numbers of caller and callee share from the front.",
        "neighbour spoofing; this project",
        Direct("shared_digits"),
    ),
    _feature(
        "differing_digits",
        "digits",
        "How many digits at the end of the numbers differ; 15 where either is no number.",
        "neighbour spoofing; this project",
        Direct("differing_digits"),
    ),
)
