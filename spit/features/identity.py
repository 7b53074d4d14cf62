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
    _direct(
        "verstat",
        "-1 to 1",
        "What a trusted network says of the signature: passed is 1, failed -1, nothing 0.",
        "3GPP TS 24.229 (verstat)",
    ),
    _direct(
        "passport_orig_differs",
        "0 or 1",
        "Whether a PASSporT was signed for another caller.",
        "RFC 8225 (orig): cut and paste",
    ),
    _direct(
        "passport_dest_differs",
        "0 or 1",
        "Whether a PASSporT was signed for another callee.",
        "RFC 8225 (dest): cut and paste",
    ),
    _direct(
        "passport_age_s",
        "s",
        "Seconds between the signing of the PASSporT and the attempt, at most 1 h; 0 when unsigned.",
        "RFC 8224 section 6.2 (iat): replay",
    ),
    _direct("passport_div", "0 or 1", "Whether a PASSporT tells of a diversion.", "RFC 8946"),
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
    _direct(
        "caller_digits",
        "digits",
        "How many digits the caller's number has; 0 when it is no number.",
        "E.164: at most 15; implausible numbers are invented",
    ),
    _direct(
        "callee_digits",
        "digits",
        "How many digits the callee's number has; 0 when it is no number.",
        "short codes and extensions have fewer than 7",
    ),
    _direct("media_video", "0 or 1", "Whether video is offered.", "X.1244: video spam"),
    _direct("media_fax", "0 or 1", "Whether a fax is offered (T.38).", "RFC 3362"),
)
