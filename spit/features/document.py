"""Renders docs/features.md from the declarations: ``python -m spit.features.document > docs/features.md``."""

from __future__ import annotations

import sys
from itertools import groupby

from spit._core import NEIGHBOUR_DIGITS
from spit.features.attempt_columns import YOUNG_ATTEMPTS
from spit.features.declare import IDLE_S, Stage, window_words
from spit.features.table import CONTRIBUTIONS, FEATURES, KEPT, LASTS, PAIRS, schema_hash

#: Of a key and a time.
_BYTES = 16
_KEYS = {
    "caller": "The caller's canonical identity. None when it is withheld.",
    "peer": "Source address and fingerprint together: survives the rotation of numbers.",
    "source": "The source address.",
    "callee": "The callee's canonical identity.",
    "callee_outbound": "The callee's canonical identity, as a caller.",
    "inbound": "The caller's canonical identity, as a callee. None when it is withheld.",
    "block": "The caller's number without its last 4 digits. None without 7 to 15 digits.",
    "callee_block": "The callee's number without its last 4 digits. None without 7 to 15 digits.",
    "origid": "The origination identifier of the PASSporT. None when unsigned.",
    "pair": "Caller and callee, in this order.",
    "attempt": "The attempt itself: no state.",
}
_STAGES = {Stage.ATTEMPT: "attempts", Stage.END: "ends", Stage.BOTH: "attempts, ends"}


def render_markdown() -> str:
    """The whole document, ending in a newline."""
    lines = [
        "# Features",
        "",
        "Generated from `spit/features` by `python -m spit.features.document`; do not edit.",
        "",
        f"{len(FEATURES)} features. Schema hash: `{schema_hash()}`.",
        "",
        "An attempt is read **before** it updates anything. Attempts contribute what the INVITE shows; ends",
        "contribute how the call went, when that is known. Incomplete calls, redirections (RFC 6076) and",
        "rejections by an intermediary (608, RFC 8688) are not counted as ended.",
        "",
        "A sum over a window decays exponentially, the window being its time constant: a steady rate r",
        "settles at r times the window. A ratio is shrunk to a prior while there is little to go by, so",
        "that a new subscriber is not punished. A key untouched for",
        f"{window_words(IDLE_S)} is forgotten. Values are always finite: without a key, or without history,",
        "a feature has the value of its prior or its cap.",
        "",
        "A forwarded call (Diversion, History-Info) counts for its source, peer and origid only: its fan-out",
        "is charged neither to the caller nor to whom forwarded it.",
        "",
        f"A caller is *young* at its first attempts: fewer than {YOUNG_ATTEMPTS:g} before, decayed over 1",
        "day. A campaign that rotates its numbers is made of young callers, whoever else uses its trunk.",
        f"Numbers are *neighbours* when they differ in 1 to {NEIGHBOUR_DIGITS} digits at the end.",
        "",
    ]
    for key, group in groupby(FEATURES, key=lambda feature: feature.key):
        lines += [f"## {key}", "", _KEYS[key], ""]
        lines += ["| Feature | Unit | Window | Meaning | Formula | Source |", "|---|---|---|---|---|---|"]
        for feature in group:
            window = "" if feature.window_s is None else window_words(feature.window_s)
            lines.append(
                f"| `{feature.name}` | {feature.unit} | {window} | {feature.meaning} "
                f"| `{feature.expression.formula}` | {feature.source} |"
            )
        lines.append("")
    lines += ["## What is summed", "", "| Name | Added by | One for each |", "|---|---|---|"]
    lines += [f"| `{c.name}` | {_STAGES[c.stage]} | {c.meaning} |" for c in CONTRIBUTIONS]
    lines += [
        "",
        "## What is kept",
        "",
        "| Primitive | Kind | Key | Bytes a key | Forwarded calls |",
        "|---|---|---|---|---|",
    ]
    for k in KEPT:
        counted = _counted(k.sums.charges_diverted)
        lines.append(f"| `{k.sums.key}` | sums | {k.sums.key} | {_BYTES + 4 * len(k.terms)} | {counted} |")
    for last in LASTS:
        counted = _counted(last.charges_diverted)
        lines.append(f"| `{last.name}` | last | {last.key} | {_BYTES + 16} | {counted} |")
    for contact in PAIRS:
        lines.append(
            f"| `{contact.name}` | pairs | {contact.key} | {_BYTES} | {_counted(contact.charges_diverted)} |"
        )
    lines += ["", "The index adds 5 to 10 bytes a key.", ""]
    return "\n".join(lines)


def _counted(charged: bool) -> str:
    return "counted" if charged else "not counted"


if __name__ == "__main__":
    sys.stdout.write(render_markdown())
