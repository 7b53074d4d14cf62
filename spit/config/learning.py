"""What scores, and what is learned from reports: [model] and [feedback]."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spit.config.fields import PATH, integer_field, text_field, texts_field


def _read_decoy(text: str) -> str:
    if re.fullmatch(r"[^\s*]+", text) is None:
        raise ValueError
    return text.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """[model]: which bundle scores (empty: the one that is shipped), and which only looks on."""

    path: str = text_field("", PATH, 'the folder of a model bundle, or ""')
    challenger: str = text_field("", PATH, 'the folder of a model bundle, or ""')


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackConfig:
    """[feedback]: where reports about calls are kept, and how much one reporter may say."""

    store: str = text_field("", PATH, 'a file for reports, or ""')
    decoys: tuple[str, ...] = texts_field(
        (),
        _read_decoy,
        'a list of canonical identities such as "+12025550100" that nobody has a reason to call',
    )
    reports_per_day: int = integer_field(10, 1, 10_000)
    last_call_s: int = integer_field(3_600, 1, 7 * 86_400)
    appeal_lift_s: int = integer_field(86_400, 0, 30 * 86_400)
