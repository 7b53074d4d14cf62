"""JSON lines, CSV and Parquet of hand-made batches."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from spit.capture.files import CaptureFiles
from spit.cli.formats import open_writer
from spit.records import CALL_SCHEMA, MESSAGE_SCHEMA

MESSAGE: dict[str, Any] = {
    "time": 1700000000.123456,
    "source": "[2001:db8::1]:5060",
    "destination": "192.0.2.2:5060",
    "transport": "udp",
    "method": "INVITE",
    "status": None,
    "call_id": 'a"b,c\nd@example.org',
    "cseq": 1,
    "cseq_method": "INVITE",
    "from_user": "+49301234567",
    "to_user": "Zoë",
    "from_tag": "x",
    "to_tag": None,
    "user_agent": "",
    "anomalies": ["bare_lf", "folded_header"],
}
QUIET: dict[str, Any] = {**MESSAGE, "method": None, "status": 200, "anomalies": []}

REASON = pa.struct([("symbol", pa.string()), ("weight", pa.float64()), ("text", pa.string())])
REASONS_SCHEMA = pa.schema([pa.field("caller", pa.string()), pa.field("reasons", pa.list_(REASON))])


def messages(*rows: dict[str, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=MESSAGE_SCHEMA)


def written(format_: str, schema: pa.Schema, *batches: pa.RecordBatch) -> bytes:
    stream = io.BytesIO()
    writer = open_writer(format_, stream, schema)
    for batch in batches:
        writer.write(batch)
    writer.close()
    return stream.getvalue()


def test_jsonl_writes_nulls_lists_and_microseconds() -> None:
    lines = written("jsonl", MESSAGE_SCHEMA, messages(MESSAGE), messages(QUIET)).splitlines()
    assert [json.loads(line) for line in lines] == [MESSAGE, QUIET]
    assert list(json.loads(lines[0])) == MESSAGE_SCHEMA.names


def test_jsonl_of_nothing_is_empty() -> None:
    assert written("jsonl", MESSAGE_SCHEMA) == b""


def test_csv_joins_anomalies_and_quotes_hostile_text() -> None:
    text = written("csv", MESSAGE_SCHEMA, messages(MESSAGE, QUIET)).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows[0]["anomalies"] == "bare_lf;folded_header"
    assert rows[1]["anomalies"] == ""
    assert rows[0]["call_id"] == MESSAGE["call_id"]
    assert float(rows[0]["time"]) == MESSAGE["time"]
    assert (rows[0]["status"], rows[1]["status"]) == ("", "200")


def test_csv_of_nothing_is_the_header() -> None:
    text = written("csv", MESSAGE_SCHEMA).decode()
    assert next(csv.reader([text])) == MESSAGE_SCHEMA.names
    assert text.count("\n") == 1


def test_csv_writes_reasons_as_json_text() -> None:
    reasons = [{"symbol": "SHORT_RING", "weight": 1.5, "text": "rings 2 s, then hangs up"}]
    batch = pa.RecordBatch.from_pylist(
        [{"caller": "+1", "reasons": reasons}, {"caller": "+2", "reasons": None}], schema=REASONS_SCHEMA
    )
    rows = list(csv.DictReader(io.StringIO(written("csv", REASONS_SCHEMA, batch).decode())))
    assert json.loads(rows[0]["reasons"]) == reasons
    assert rows[1]["reasons"] == ""


def test_parquet_keeps_types_and_gathers_small_batches() -> None:
    data = written("parquet", MESSAGE_SCHEMA, messages(MESSAGE), messages(QUIET))
    file = parquet.ParquetFile(io.BytesIO(data))
    assert file.read().to_pylist() == [MESSAGE, QUIET]
    assert file.num_row_groups == 1
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_parquet_of_nothing_has_the_columns() -> None:
    file = parquet.ParquetFile(io.BytesIO(written("parquet", MESSAGE_SCHEMA)))
    assert file.schema_arrow.names == MESSAGE_SCHEMA.names
    assert file.metadata.num_rows == 0


def test_parquet_to_a_pipe_that_cannot_tell_its_position() -> None:
    class Pipe(io.BytesIO):
        def tell(self) -> int:
            raise OSError("Illegal seek")

    stream = Pipe()
    writer = open_writer("parquet", stream, MESSAGE_SCHEMA)
    writer.write(messages(MESSAGE))
    writer.close()
    assert parquet.read_table(io.BytesIO(stream.getvalue())).num_rows == 1


def test_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="expected jsonl, csv or parquet, found xml"):
        open_writer("xml", io.BytesIO(), MESSAGE_SCHEMA)


def test_csv_of_calls_says_what_jsonl_says() -> None:
    """Both are written in Rust by ways of their own."""
    for capture in sorted(Path("captures").glob("*.pcap*")):
        rows = csv.DictReader(
            io.StringIO(b"".join(CaptureFiles([str(capture)]).calls_text("csv")).decode(), newline="")
        )
        lines = b"".join(CaptureFiles([str(capture)]).calls_text("jsonl")).splitlines()
        wanted = [{name: as_csv(value) for name, value in json.loads(line).items()} for line in lines]
        assert list(rows) == wanted, capture
        assert wanted


def test_csv_of_calls_quotes_and_shows_addresses(tmp_path: Path) -> None:
    """Text from the wire with everything that CSV treats apart; addresses of every length."""
    agent = 'a,"b" é'
    for source in ("1.22.133.4", "255.0.10.100", "2001:db8::1"):
        capture = tmp_path / "one.pcap"
        write_invite(capture, source, agent.encode() + b"\xff")
        (row,) = csv.DictReader(
            io.StringIO(b"".join(CaptureFiles([str(capture)]).calls_text("csv")).decode())
        )
        assert (row["source_ip"], row["user_agent"]) == (source, agent + "\ufffd")


def test_csv_of_no_calls_has_its_header() -> None:
    empty = b"".join(CaptureFiles(["/dev/null"]).calls_text("csv"))
    assert empty.decode().strip().split(",") == CALL_SCHEMA.names


def as_csv(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def write_invite(path: Path, source: str, agent: bytes) -> None:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.utils import wrpcap

    ip = IPv6(src=source, dst="2001:db8::2") if ":" in source else IP(src=source, dst="192.0.2.2")
    invite = (
        b"INVITE sip:b@example.org SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
        b"To: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nUser-Agent: "
        + agent
        + b"\r\nContent-Length: 0\r\n\r\n"
    )
    wrpcap(str(path), [ip / UDP(sport=5060, dport=5060) / invite], linktype=101)
