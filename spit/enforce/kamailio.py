"""A Kamailio htable, written by JSON-RPC over HTTP (modules xhttp, jsonrpcs and htable)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from spit.enforce.mirror import Entry, TargetError
from spit.enforce.verdicts import CallerVerdict
from spit.http_post import PostConnection, PostError

_HEADERS = {"Content-Type": "application/json"}
#: What htable answers when a key is to go that is not there.
_NO_SUCH_KEY = "Key not found"


class KamailioTable:
    """The table ``table`` of the Kamailio at ``url``: the caller is the key, the action the value.

    One request per entry: jsonrpcs takes no batches. A JSON string is a string to it, so the key has no
    ``s:`` before it: that is kamcmd's way to say that ``+1202`` is no number.
    """

    def __init__(self, url: str, table: str, *, timeout_s: float) -> None:
        self.name = url
        self.has_listeners = False
        self._table = table
        self._connection = PostConnection(url, connect_timeout_s=timeout_s, read_timeout_s=timeout_s)
        self._number = 0
        self._up_since: object = None

    def connect(self) -> None:
        """Ask since when it runs, and whether entries of the table expire. Raises TargetError."""
        self._up_since = self._ask_up_since()
        tables = self._call("htable.listTables", [])
        found = [one for one in tables if isinstance(one, dict)] if isinstance(tables, list) else []
        own = [one.get("expire") for one in found if one.get("name") == self._table]
        # Without it htable ignores the expiry of a single entry too: a caller would be blocked for ever.
        if not own or not own[0]:
            what = "no autoexpire" if own else "no such table"
            raise TargetError(f'expected a table "{self._table}=>autoexpire=SECONDS;", found {what}')

    def clear(self) -> None:
        """Empty the table. Raises TargetError."""
        self._call("htable.flush", [self._table])

    def write(self, entries: Sequence[Entry], gone: Sequence[str]) -> None:
        """Set and delete, one by one. Raises TargetError."""
        for entry in entries:
            verdict = entry.verdict
            self._call(
                "htable.setxs", [self._table, verdict.caller, verdict.standing.action.value, entry.ttl_s]
            )
        for caller in gone:
            try:
                self._call("htable.delete", [self._table, caller])
            except TargetError as error:
                if _NO_SUCH_KEY not in str(error):
                    raise

    def refresh(self, *, enforces: bool) -> None:
        """Nothing else is kept there."""

    def tell(self, changes: Sequence[CallerVerdict]) -> None:
        """Nobody listens in an htable."""

    def is_intact(self) -> bool:
        """False when Kamailio has started again: its tables live in its memory. Raises TargetError."""
        return self._ask_up_since() == self._up_since

    def close(self) -> None:
        """The next call connects again."""
        self._connection.close()

    def _ask_up_since(self) -> object:
        result = self._call("core.uptime", [])
        if not isinstance(result, dict) or "up_since" not in result:
            raise TargetError(f"expected up_since of core.uptime, found {_short(result)}")
        return result["up_since"]

    def _call(self, method: str, parameters: list[str | int]) -> object:
        self._number += 1
        question = {"jsonrpc": "2.0", "method": method, "params": parameters, "id": self._number}
        try:
            status, text = self._connection.post(json.dumps(question).encode(), _HEADERS)
        except PostError as error:
            raise TargetError(str(error)) from None
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise TargetError(f"{method}: expected a JSON-RPC answer, found status {status}")
        if "result" in answer:
            return answer["result"]
        fault = answer.get("error")
        message = fault.get("message") if isinstance(fault, dict) else None
        raise TargetError(f"{method}: {_short(message if message is not None else answer)}")


def _short(value: object) -> str:
    return str(value)[:200]
