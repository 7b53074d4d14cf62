"""What the attempt itself says of who calls whom. No state."""

from __future__ import annotations

from spit.features.declare import Direct, Feature


def _direct(column: str, unit: str, meaning: str, source: str) -> Feature:
    return Feature(
        name=f"identity_{column}",
        key="attempt",
        unit=unit,
        meaning=meaning,
        source=source,
        expression=Direct(column),
    )


FEATURES: tuple[Feature, ...] = (
    _direct(
        "asserted_differs",
        "0 or 1",
        "Whether P-Asserted-Identity names somebody else than From (a withheld From does not count).",
        "RFC 3325; RFC 3323",
    ),
    _direct(
        "attestation_level",
        "0 to 3",
        "How far the signer vouches for the caller's number: A is 3, B is 2, C is 1, unsigned is 0.",
        "RFC 8588",
    ),
    _direct("caller_withheld", "0 or 1", "Whether the caller withheld his identity.", "RFC 3323"),
    _direct(
        "diverted",
        "0 or 1",
        "Whether the call was forwarded. The fan-out is charged neither to the caller nor to the callee.",
        "RFC 5806; RFC 7044",
    ),
    _direct(
        "callee_is_number", "0 or 1", "Whether the callee is a telephone number of 7 to 15 digits.", "E.164"
    ),
    _direct("is_message", "0 or 1", "Whether the attempt is a MESSAGE instead of a call.", "RFC 3428"),
)
