"""The batches of the Rust core have exactly the columns, types and nullability that ``records`` promises."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from spit import _core, records

CAPTURE = str(Path(__file__).parents[2] / "captures" / "wangiri.pcap")


@pytest.mark.parametrize(
    ("read", "schema"),
    [
        ("read_messages", records.MESSAGE_SCHEMA),
        ("read_events", records.EVENT_SCHEMA),
        ("read_calls", records.CALL_SCHEMA),
    ],
)
def test_batches_have_the_schema_of_the_records(read: str, schema: pa.Schema) -> None:
    batch = getattr(_core.CaptureReader([CAPTURE]), read)(100)
    assert batch.num_rows > 0
    assert batch.schema.equals(schema)
