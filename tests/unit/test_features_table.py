from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from feature_events import ALICE, BOB, attempt, batch, end

from spit.errors import InputError
from spit.features import FeatureTable
from spit.features.declare import Stage
from spit.features.table import FEATURES, KEPT, schema_hash


def table_after(*events: dict[str, object]) -> FeatureTable:
    table = FeatureTable(max_keys=1000)
    table.observe(batch(*events))
    return table


def test_names_are_unique_and_carry_their_window() -> None:
    assert len(set(FeatureTable.names)) == len(FeatureTable.names) >= 40
    for feature in FEATURES:
        if feature.window_s is not None:
            assert feature.name.endswith(("_1m", "_10m", "_1h", "_1d", "_7d")), feature.name
        assert feature.meaning.endswith("."), feature.name
        assert feature.source, feature.name


def test_the_schema_hash_is_over_the_ordered_declarations() -> None:
    lines = "\n".join(feature.identity for feature in FEATURES)
    assert FeatureTable.schema_hash == hashlib.sha256(lines.encode()).hexdigest()
    assert schema_hash(FEATURES[::-1]) != FeatureTable.schema_hash
    assert schema_hash(FEATURES[:-1]) != FeatureTable.schema_hash


def test_what_is_kept_is_what_features_read_and_a_row_is_bounded() -> None:
    read = {(t.key, t.contribution.name, t.window_s) for f in FEATURES for t in f.expression.terms}
    for kept in KEPT:
        names = {kept.sums.key, kept.sums.as_name}
        own = {(contribution.name, window_s) for contribution, window_s in kept.terms}
        assert len(own) == len(kept.terms)
        assert own == {(name, window_s) for key, name, window_s in read if key in names}
        assert 16 + 4 * len(kept.terms) <= 400, kept.sums.key
    assert any(contribution.stage is Stage.BOTH for contribution, _ in KEPT[0].terms)


def test_rows_name_the_attempts_of_the_batch() -> None:
    observed = FeatureTable().observe(
        batch(end(0, "busy"), attempt(1), {**attempt(2), "event": "answer"}, attempt(3), end(4, "incomplete"))
    )
    assert observed.rows.tolist() == [1, 3]
    assert observed.rows.dtype == np.int64
    assert observed.values.shape == (2, len(FeatureTable.names))
    assert observed.values.dtype == np.float32


def test_empty_batches_and_batches_without_attempts() -> None:
    table = FeatureTable()
    for events in (batch(), batch(end(0, "busy"))):
        assert table.observe(events).values.shape == (0, len(FeatureTable.names))
    assert table.read(batch()).shape == (0, len(FeatureTable.names))


def test_read_answers_what_observe_will_and_changes_nothing() -> None:
    table = table_after(attempt(0), end(5, "answered"), attempt(6, caller=BOB, callee=ALICE))
    counters = table.counters()
    next_call = attempt(9, origid="x", attestation="B")
    read = table.read(batch(next_call, next_call))
    assert table.counters() == counters
    np.testing.assert_array_equal(read[0], read[1])
    np.testing.assert_array_equal(table.observe(batch(next_call)).values[0], read[0])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="expected a column outcome, found event, time_us"):
        FeatureTable().observe(batch(attempt(0)).drop_columns(["outcome"]))


def test_save_and_load_continue(tmp_path: Path) -> None:
    table = table_after(*(attempt(i, callee=f"+49890000{i:04d}") for i in range(50)), end(50, "not_found"))
    table.save(tmp_path)
    table.observe(batch(attempt(51)))
    table.save(tmp_path)
    restored = FeatureTable(max_keys=1000)
    restored.load(tmp_path)
    assert restored.counters() == table.counters()
    np.testing.assert_array_equal(restored.read(batch(attempt(60))), table.read(batch(attempt(60))))
    assert len(list(tmp_path.glob("state-*"))) == 1, "older folders are removed"


def test_a_crash_while_saving_keeps_the_former_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_after(attempt(0))
    table.save(tmp_path)
    expected = table.read(batch(attempt(60)))
    table.observe(batch(attempt(1)))

    def crash(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(OSError, match="no space left"):
        table.save(tmp_path)
    monkeypatch.undo()
    restored = FeatureTable(max_keys=1000)
    restored.load(tmp_path)
    np.testing.assert_array_equal(restored.read(batch(attempt(60))), expected)
    restored.save(tmp_path)
    assert len(list(tmp_path.glob("state-*"))) == 1, "what the crash left is removed"


def test_damage_is_refused_and_the_state_stays(tmp_path: Path) -> None:
    table_after(attempt(0)).save(tmp_path)
    table = table_after(attempt(0), attempt(1))
    before = table.read(batch(attempt(2)))
    manifest = tmp_path / "manifest.json"
    good = json.loads(manifest.read_text())

    def refuses(message: str) -> None:
        with pytest.raises(InputError, match=message):
            table.load(tmp_path)
        np.testing.assert_array_equal(table.read(batch(attempt(2))), before)

    manifest.write_text(json.dumps({**good, "schema_hash": "0"}))
    refuses(f"expected the schema_hash {FeatureTable.schema_hash}, found 0")
    manifest.write_text(json.dumps({**good, "format": 9}))
    refuses("expected the format 1, found 9")
    manifest.write_text(json.dumps({**good, "sha256": {}}))
    refuses("expected files for caller, peer")
    manifest.write_text("[1]")
    refuses("expected the format 1, found None")
    manifest.write_text("{")
    refuses("expected the manifest of saved features")
    manifest.write_text(json.dumps(good))
    victim = tmp_path / good["folder"] / "caller.arrow"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    refuses(r"caller\.arrow: expected the SHA-256 .* the file is damaged")
    good["sha256"]["caller"] = hashlib.sha256(b"no arrow file").hexdigest()
    victim.write_bytes(b"no arrow file")
    manifest.write_text(json.dumps(good))
    refuses(r"caller\.arrow: ")
    victim.unlink()
    refuses(r"caller\.arrow")


def test_loading_where_nothing_was_saved_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.json"):
        FeatureTable().load(tmp_path)


def test_more_keys_than_the_limit_are_refused(tmp_path: Path) -> None:
    table_after(*(attempt(i, caller=f"+4930{i:08d}") for i in range(20))).save(tmp_path)
    with pytest.raises(InputError, match=r"expected at most 10 keys, found 20"):
        FeatureTable(max_keys=10).load(tmp_path)


def test_state_is_bounded_and_evictions_are_counted() -> None:
    table = FeatureTable(max_keys=10)
    table.observe(batch(*(attempt(i, caller=f"+4930{i:08d}", callee=f"+4989{i:08d}") for i in range(100))))
    counters = table.counters()
    assert counters["caller_keys"] == counters["caller_last_keys"] == 10
    assert counters["caller_evicted_full"] == 90
    assert counters["contact_keys"] == 40
