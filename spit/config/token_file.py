"""A file that holds a token."""

from __future__ import annotations

import re
from pathlib import Path

from spit.errors import ConfigError


def read_token(path: str) -> str:
    """The token that the file holds: one line of printable ASCII. Raises ConfigError."""
    try:
        text = Path(path).read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"{path}: the token cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        text = ""
    if re.fullmatch(r"[!-~]+", text) is None:
        raise ConfigError(f"{path}: expected a token of printable ASCII on one line, found something else")
    return text
