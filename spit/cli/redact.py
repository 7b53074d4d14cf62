"""Takes secrets out of text that is logged or printed: a net under the rule that none is put there."""

from __future__ import annotations

import re

HIDDEN = "[hidden]"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host
    (re.compile(r"(?<=://)([^\s/@:\"']*):[^\s/@\"']+(?=@)"), rf"\1:{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+[!-~]+"), rf"\1 {HIDDEN}"),
    # Headers, and names with values as tables and queries have them; "token: cannot …" is prose.
    (
        re.compile(
            r"(?i)\b(authorization|x-api-key)((?:['\"]\s*,|['\"]?\s*[=:])\s*b?['\"]?)"
            r"(?!bearer\b|basic\b|digest\b)[^\s'\",)}\]]+"
        ),
        rf"\1\2{HIDDEN}",
    ),
    (
        re.compile(
            r"(?i)\b(api[-_]?key|\w*token|\w*password|passwd|\w*secret)"
            r"(=|['\"]\s*:\s*['\"])(?!\[hidden\])[^\s'\",;&)}\]]+"
        ),
        rf"\1\2{HIDDEN}",
    ),
)


def redact(text: str) -> str:
    """``text`` without passwords in URLs, credentials of Authorization headers, and keys named as such."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
