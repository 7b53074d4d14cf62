"""The engine: cuts, questions, checkpoints and threads leave the scores alone."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from spit.config import PolicyConfig
from spit.engine import checkpoint
from spit.engine.engine import Engine
from spit.engine.scored import SCORED_CALL_SCHEMA, Scored
from spit.engine.training_traffic import LabelledEvents, labels_of
from spit.errors import InputError, ModelError
from spit.features.table import FeatureTable
from spit.model.bundle import load_bundle
from spit.model.scorer import Model
from spit.model.train import TrainingRows, TrainingSettings, train
from spit.policy.policy import Policy
from spit.records import EVENT_SCHEMA, ActionKind, Label
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate

SETTINGS = TrainingSettings(trees=15, learning_rate=0.5, min_samples_leaf=5, max_weight_per_caller=1000)


@pytest.fixture(scope="module")
def traffic() -> tuple[pa.RecordBatch, pa.Table]:
    """An hour of people and one campaign that dials in sequence."""
    plan = simulate(scenario("sequential", 3))
    return to_events(plan), to_labels(plan)


@pytest.fixture(scope="module")
def model(traffic: tuple[pa.RecordBatch, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Fitted on the traffic it is used on: these tests ask about the engine, not about the model."""
    events, labels = traffic
    rows = LabelledEvents(events, labels, seed=3).rows(len(labels))
    values, callers, spam = rows.values, rows.callers, rows.spam
    # The campaign has one caller; both parts of the split need one.
    copies = TrainingRows(
        np.concatenate([values] * 8),
        np.concatenate([spam] * 8),
        np.concatenate([callers] * 8),
        np.repeat(np.arange(8), len(values)),
    )
    table = FeatureTable()
    trained = train(copies, names=table.names, test_seeds=[], settings=SETTINGS)
    path = trained.write(
        tmp_path_factory.mktemp("models"),
        name="tiny",
        version="1",
        features=table.names,
        schema_hash=table.schema_hash,
        model_card="",
    )
    return load_bundle(path, schema_hash=table.schema_hash)


@pytest.fixture
def engine(model: Model) -> Engine:
    return Engine(model, Policy(PolicyConfig()))


def _observe(engine: Engine, events: pa.RecordBatch, rows: int) -> list[Scored]:
    return [engine.observe(events.slice(at, rows)) for at in range(0, events.num_rows, rows)]


def _columns(parts: list[Scored]) -> dict[str, np.ndarray[Any, Any]]:
    names = ("probability", "score", "label_rank", "attempts", "flagged_at_attempt", "first_seen_us")
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}


def _assert_same(one: dict[str, np.ndarray[Any, Any]], other: dict[str, np.ndarray[Any, Any]]) -> None:
    for name, column in one.items():
        np.testing.assert_allclose(column, other[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_scores_do_not_depend_on_the_cut(
    model: Model, traffic: tuple[pa.RecordBatch, pa.Table], rows: int
) -> None:
    whole, cut = (Engine(model, Policy(PolicyConfig())) for _ in range(2))
    _assert_same(_columns([whole.observe(traffic[0])]), _columns(_observe(cut, traffic[0], rows)))
    assert [(c.caller, c.label, c.attempts, c.flagged_at_attempt) for c in whole.callers()] == [
        (c.caller, c.label, c.attempts, c.flagged_at_attempt) for c in cut.callers()
    ]


def test_finds_the_caller_and_says_why(engine: Engine, traffic: tuple[pa.RecordBatch, pa.Table]) -> None:
    events, labels = traffic
    scored = engine.observe(events)
    spam = labels_of(scored.events, labels)
    (spammer,) = set(np.array(scored.events["caller"].to_pylist())[spam])
    first, *others = engine.callers()
    assert (first.caller, first.label, first.attempts) == (spammer, Label.SPAM, spam.sum())
    assert first.flagged_at_attempt is not None
    assert 1 < first.flagged_at_attempt < first.attempts
    assert 1 <= len(first.reasons) <= 5
    assert [r.weight for r in first.reasons] == sorted((r.weight for r in first.reasons), reverse=True)
    assert first.action is ActionKind.REJECT
    assert first.model == "tiny/1" == engine.model_name
    assert all(c.label is Label.LEGIT and c.reasons == () and c.action is ActionKind.ALLOW for c in others)
    assert engine.caller(spammer) == first
    assert engine.caller("+0000") is None


def test_flag_is_the_first_attempt_labelled_spam(
    engine: Engine, traffic: tuple[pa.RecordBatch, pa.Table]
) -> None:
    scored = engine.observe(traffic[0])
    spammer = engine.callers()[0]
    mine = np.array(scored.events["caller"].to_pylist()) == spammer.caller
    labels = np.array(scored.labels())[mine]
    assert list(labels).index(Label.SPAM) + 1 == spammer.flagged_at_attempt
    assert spammer.score == scored.score[mine].max()


def test_asking_counts_nothing_and_answers_as_counting_does(
    model: Model, engine: Engine, traffic: tuple[pa.RecordBatch, pa.Table]
) -> None:
    events = traffic[0]
    spammer = _spammer(model, events)
    is_attempt = np.array(events["event"].to_pylist()) == "attempt"
    row = int(np.flatnonzero(is_attempt & (np.array(events["caller"].to_pylist()) == spammer))[-1])
    engine.observe(events.slice(0, row))
    before = engine.counters()
    attempt = events.slice(row, 1)
    asked = engine.assess(attempt)
    assert engine.assess(attempt) == asked
    assert engine.counters() == before
    counted = engine.assess(attempt, observe=True)
    assert counted.verdict.score == pytest.approx(asked.verdict.score, abs=1e-9)
    assert counted.verdict.attempts == asked.verdict.attempts
    assert engine.counters()["attempts"] == before["attempts"] + 1
    assert asked.verdict.label is Label.SPAM
    assert asked.verdict.reasons
    assert (asked.action.kind, asked.action.would) == (ActionKind.ALLOW, ActionKind.REJECT)


def _spammer(model: Model, events: pa.RecordBatch) -> str:
    engine = Engine(model, Policy(PolicyConfig()))
    engine.observe(events)
    return engine.callers()[0].caller


def test_only_one_attempt_can_be_assessed(engine: Engine, traffic: tuple[pa.RecordBatch, pa.Table]) -> None:
    with pytest.raises(InputError, match="expected one attempt, found 2 rows"):
        engine.assess(traffic[0].slice(0, 2))
    kinds = traffic[0]["event"].to_pylist()
    with pytest.raises(InputError, match=r"found 1 rows of \['end'\]"):
        engine.assess(traffic[0].slice(kinds.index("end"), 1))


def test_a_run_split_by_save_and_load_gives_the_same_scores(
    model: Model, traffic: tuple[pa.RecordBatch, pa.Table], tmp_path: Path
) -> None:
    events = traffic[0]
    half = events.num_rows // 2
    whole, first, second = (Engine(model, Policy(PolicyConfig())) for _ in range(3))
    parts = [first.observe(events.slice(0, half))]
    first.save(tmp_path)
    first.save(tmp_path)  # the second snapshot replaces the first
    second.load(tmp_path)
    assert second.now_us() == first.now_us()
    assert second.callers() == first.callers()
    parts.append(second.observe(events.slice(half)))
    _assert_same(_columns([whole.observe(events)]), _columns(parts))
    assert second.counters()["attempts"] == whole.counters()["attempts"]
    assert [p.name for p in tmp_path.glob("snapshot-*")] == ["snapshot-2"]


def test_a_save_that_fails_leaves_the_old_state(
    engine: Engine, traffic: tuple[pa.RecordBatch, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.observe(traffic[0].slice(0, 50))
    engine.save(tmp_path)
    before = engine.now_us()
    engine.observe(traffic[0].slice(50, 50))

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint, "write_facts", full)
    with pytest.raises(OSError, match="disk full"):
        engine.save(tmp_path)
    engine.load(tmp_path)
    assert engine.now_us() == before
    assert [p.name for p in tmp_path.glob("snapshot-*")] == ["snapshot-1"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda d: (d / "CURRENT").unlink(), "expected a saved state with a file CURRENT"),
        (lambda d: (d / "CURRENT").write_text("../../etc\n"), "expected the name of a snapshot here"),
        (lambda d: (d / "snapshot-1/engine.json").write_text("{"), "expected the facts of a saved state"),
        (lambda d: (d / "snapshot-1/callers.arrow").write_bytes(b"x"), "expected an Arrow file"),
        (
            lambda d: (d / "snapshot-1/engine.json").write_text(
                json.dumps({"format_version": 1, "schema_hash": "other"})
            ),
            "saved by another version",
        ),
    ],
)
def test_a_damaged_state_is_refused(engine: Engine, tmp_path: Path, damage: Any, words: str) -> None:
    engine.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError) as caught:
        engine.load(tmp_path)
    assert words in str(caught.value)


def test_calls_are_shown_as_known_at_the_attempt(
    engine: Engine, traffic: tuple[pa.RecordBatch, pa.Table]
) -> None:
    scored = engine.observe(traffic[0])
    calls = scored.to_calls()
    assert calls.schema == SCORED_CALL_SCHEMA
    assert calls.num_rows == len(scored)
    for row in calls.to_pylist():
        assert bool(row["reasons"]) == (row["label"] != "legit")
        assert (row["action"] == "reject") == (row["label"] == "spam")
        assert row["flagged_at_attempt"] is None or row["flagged_at_attempt"] <= row["attempts"]
        assert row["first_seen"] <= row["last_seen"] == row["time"]


def test_no_events_and_no_attempts(engine: Engine, traffic: tuple[pa.RecordBatch, pa.Table]) -> None:
    assert engine.now_us() is None
    assert len(engine.observe(traffic[0].slice(0, 0))) == 0
    assert engine.now_us() is None
    kinds = traffic[0]["event"].to_pylist()
    end = traffic[0].slice(kinds.index("end"), 1)
    assert engine.observe(end).to_calls().num_rows == 0
    assert engine.now_us() == end["time_us"][0].as_py()


def test_an_attempt_without_caller_is_scored_and_not_counted_for_anyone(
    engine: Engine, traffic: tuple[pa.RecordBatch, pa.Table]
) -> None:
    attempt = traffic[0].slice(0, 1)
    at = attempt.schema.get_field_index("caller")
    attempt = attempt.set_column(at, EVENT_SCHEMA.field("caller"), pa.nulls(1, pa.string()))
    for _ in range(2):
        assessment = engine.assess(attempt, observe=True)
        assert assessment.verdict.caller is None
        assert assessment.verdict.attempts == 1
        assert 0.0 < assessment.verdict.score < 1.0
    assert engine.callers() == []


def test_a_model_for_other_features_is_refused(model: Model) -> None:
    class Other(FeatureTable):
        names = (*FeatureTable.names[:-1], "something_else")

    with pytest.raises(ModelError, match="something_else"):
        Engine(model, Policy(PolicyConfig()), features=Other())


def test_readers_see_batches_whole(engine: Engine, traffic: tuple[pa.RecordBatch, pa.Table]) -> None:
    attempt = traffic[0].slice(0, 1)
    caller = attempt["caller"][0].as_py()
    batch = pa.concat_batches([attempt] * 10)
    torn: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            summary = engine.caller(caller)
            verdict = engine.assess(attempt).verdict
            torn.extend(n for n in (summary.attempts if summary else 0, verdict.attempts - 1) if n % 10)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(20):
        engine.observe(batch)
    done.set()
    for reader in readers:
        reader.join()
    assert torn == []
    summary = engine.caller(caller)
    assert summary is not None
    assert summary.attempts == 200
