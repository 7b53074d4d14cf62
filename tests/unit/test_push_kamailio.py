"""What a Kamailio gets over JSON-RPC, byte for byte, and what its answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from post_server import PostServer, post_server
from verdict_samples import ALICE, BOB, REJECTED, TAGGED, verdict

from spit.enforce.kamailio import KamailioTable
from spit.enforce.mirror import Entry, TargetError

#: As Kamailio 5.6.3 answers.
TABLES = [
    {"name": "spit", "dbtable": "", "dbmode": 0, "expire": 300, "updateexpire": 1, "size": 1024},
    {"name": "other", "dbtable": "", "dbmode": 0, "expire": 0, "updateexpire": 1, "size": 1024},
]


class Rpc:
    """jsonrpcs with htable, as far as it is asked here."""

    def __init__(self) -> None:
        self.up_since = "Sun Nov 22 14:35:43 2026"
        self.table: dict[str, object] = {}

    def __call__(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        question = json.loads(body)
        method, parameters = question["method"], question["params"]
        fault: tuple[int, str] | None = None
        result: Any = "Ok."
        if method == "core.uptime":
            result = {"now": "…", "up_since": self.up_since, "uptime": 2}
        elif method == "htable.listTables":
            result = TABLES
        elif method == "htable.setxs":
            self.table[parameters[1]] = parameters[2]
        elif method == "htable.flush":
            self.table.clear()
        elif method == "htable.delete":
            fault = None if self.table.pop(parameters[1], None) else (404, "Key not found in htable.")
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": question["id"]}
        answer |= {"error": {"code": fault[0], "message": fault[1]}} if fault else {"result": result}
        return fault[0] if fault else 200, json.dumps(answer).encode(), {"Content-Type": "application/json"}


def bodies(server: PostServer) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in server.requests]


def table_at(server: PostServer, name: str = "spit") -> KamailioTable:
    return KamailioTable(server.url, name, timeout_s=30)


def test_the_bodies() -> None:
    rpc = Rpc()
    with post_server(rpc, path="/RPC") as server:
        table = table_at(server)
        table.connect()
        table.write(
            [Entry(verdict(ALICE, REJECTED, at_s=0), 300), Entry(verdict(BOB, TAGGED, at_s=0), 17)], ["+1999"]
        )
        table.write([], [ALICE])
        table.clear()
        table.close()
    assert bodies(server) == [
        {"jsonrpc": "2.0", "method": "core.uptime", "params": [], "id": 1},
        {"jsonrpc": "2.0", "method": "htable.listTables", "params": [], "id": 2},
        # No "s:": a JSON string is a string; Kamailio would take the two characters into the key.
        {"jsonrpc": "2.0", "method": "htable.setxs", "params": ["spit", ALICE, "reject", 300], "id": 3},
        {"jsonrpc": "2.0", "method": "htable.setxs", "params": ["spit", BOB, "tag", 17], "id": 4},
        {"jsonrpc": "2.0", "method": "htable.delete", "params": ["spit", "+1999"], "id": 5},
        {"jsonrpc": "2.0", "method": "htable.delete", "params": ["spit", ALICE], "id": 6},
        {"jsonrpc": "2.0", "method": "htable.flush", "params": ["spit"], "id": 7},
    ]
    assert server.requests[2][2] == (
        b'{"jsonrpc": "2.0", "method": "htable.setxs", '
        b'"params": ["spit", "+12025550100", "reject", 300], "id": 3}'
    )
    path, headers, _ = server.requests[0]
    assert (path, headers["Content-Type"]) == ("/RPC", "application/json")
    assert server.connections == 1
    assert rpc.table == {}


def test_a_restart_is_noticed_by_since_when_it_runs() -> None:
    rpc = Rpc()
    with post_server(rpc) as server:
        table = table_at(server)
        table.connect()
        assert table.is_intact()
        rpc.up_since = "Sun Nov 22 14:40:00 2026"
        assert not table.is_intact()
        table.connect()
        assert table.is_intact()
        table.close()


@pytest.mark.parametrize(("name", "found"), [("other", "no autoexpire"), ("missing", "no such table")])
def test_a_table_whose_entries_never_expire_is_not_written(name: str, found: str) -> None:
    with post_server(Rpc()) as server:
        table = table_at(server, name)
        with pytest.raises(TargetError, match=rf'expected a table "{name}=>autoexpire=.*found {found}'):
            table.connect()
        table.close()


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (500, b'{"error": {"code": 500, "message": "Failed to set the item"}}', "Failed to set the item"),
        (404, b"not here", "expected a JSON-RPC answer, found status 404"),
        (200, b"[" * 10_000, "expected a JSON-RPC answer, found status 200"),
        (200, b'{"error": 7}', "error"),
    ],
)
def test_a_refusal_says_why(status: int, text: bytes, message: str) -> None:
    with post_server(lambda _: (status, text, {})) as server:
        table = table_at(server)
        with pytest.raises(TargetError, match=rf"^htable\.setxs: .*{message}"):
            table.write([Entry(verdict(ALICE, REJECTED, at_s=0), 300)], [])
        table.close()


def test_nobody_there() -> None:
    with post_server(Rpc()) as server:
        pass
    with pytest.raises(TargetError, match="Connection refused"):
        table_at(server).connect()
