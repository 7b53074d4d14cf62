"""The application that `benches/service.py` measures: an engine that knows callers, and a constant beside it.

python benches/service_app.py make FOLDER --callers 100000   simulate traffic, fold it, save the state
python benches/service_app.py serve FOLDER --port 8000       serve it in one worker
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

#: The body of `/constant`: what `/v1/score` says of most calls.
CONSTANT = (
    '{"action": "allow", "would_action": "allow", "sip": null, "label": "legit", '
    '"score": 0.01234567890123456, "reasons": [], "ttl_s": 300, "model": "baseline/3", "mode": "monitor", '
    '"degraded": false, "evidence": [], "add_headers": {}, "listed": null}'
)
QUESTIONS = 20_000


def simulated() -> pa.RecordBatch:
    """Twelve hours of a network with more than 100,000 callers, three calls in a hundred of them spam."""
    from spit.simulate.events import to_events
    from spit.simulate.spec import CampaignKind, CampaignSpec, SimulationSpec
    from spit.simulate.traffic import simulate

    kinds = ("TELEMARKETER", "ROBOCALLER", "WANGIRI", "SEQUENTIAL", "SNOWSHOE")
    spec = SimulationSpec(
        seed=11,
        duration_s=43_200,
        residential=40_000,
        light_callers=110_000,
        new_subscribers=2_000,
        businesses=1_500,
        pbxs=50,
        call_centres=4,
        elderly=3_000,
        teenagers=3_000,
        families=2_000,
        visitors=30_000,
        trunks=12,
        spam_ratio=0.03,
        campaigns=tuple(CampaignSpec(CampaignKind[kind], 0.5) for kind in kinds),
    )
    return to_events(simulate(spec))


def make(folder: Path, callers: int) -> None:
    """The state of an engine that knows ``callers`` callers, the events after it, and questions to ask."""
    from spit.cli.detector import build_engine
    from spit.config import Config

    folder.mkdir(parents=True, exist_ok=True)
    events = simulated()
    names = events["caller"].dictionary_encode().indices.to_numpy(zero_copy_only=False)
    seen, cut = set[int](), 0
    for cut, name in enumerate(names):  # noqa: B007
        seen.add(name)
        if len(seen) > callers:
            break
    else:
        raise SystemExit(f"bench: expected more than {callers} callers, found {len(seen)}")
    engine = build_engine(Config())
    for start in range(0, cut, 8192):
        engine.observe(events.slice(start, min(8192, cut - start)))
    engine.save(folder / "state")
    rest = pa.Table.from_batches([events.slice(cut)])
    with pa.ipc.new_file(folder / "events.arrow", rest.schema) as writer:
        writer.write_table(rest)
    # What is asked: the calls that come after, in their order; a few callers among them are not known yet.
    asked = rest.filter(pc.equal(rest["event"], "attempt")).slice(0, QUESTIONS)
    columns = [asked[name].to_pylist() for name in ("caller", "callee", "source_ip")]
    rows = [row for row in zip(*columns, strict=True) if None not in row]
    lines = ["\t".join(row) for row in rows]
    (folder / "questions.tsv").write_text("\n".join(lines) + "\n")
    known = sum(engine.caller(caller) is not None for caller in set(columns[0]) if caller)
    facts = {
        "callers": engine.counters()["callers"],
        "events": cut,
        "questions": len(rows),
        "questions_callers": len(set(columns[0])),
        "questions_callers_known": known,
    }
    (folder / "facts.json").write_text(json.dumps(facts))


def serve(folder: Path, port: int) -> None:
    """Serve until killed. Time goes on from where the saved events end."""
    import uvicorn
    from fastapi import APIRouter, Response

    from spit.cli.detector import build_engine
    from spit.config import Config, ServiceConfig
    from spit.service.app import create_app
    from spit.service.connections import http_protocol
    from spit.service.server import prepare_process

    # One client asks for all: the limit per client is not what is measured.
    config = Config(service=ServiceConfig(request_rate=0))
    engine = build_engine(config)
    engine.load(folder / "state")
    begin_us, monotonic_s = engine.now_us() or 0, time.monotonic()
    (folder / "clock.json").write_text(json.dumps({"begin_us": begin_us, "monotonic_s": monotonic_s}))

    def now_us() -> int:
        return begin_us + round((time.monotonic() - monotonic_s) * 1e6)

    app = create_app(engine, config, time_source=now_us)

    router = APIRouter()

    @router.get("/constant")
    @router.post("/constant")
    async def constant() -> Response:
        return Response(CONSTANT, media_type="application/json")

    app.include_router(router)
    # Before all others: it must not seem slower because they are looked at first.
    app.router.routes.insert(0, app.router.routes.pop())

    prepare_process()
    # As spit.service.server runs it.
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        http=http_protocol(config.service.header_timeout_s, app.state.plain_questions),
        ws="none",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=config.service.max_connections,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["make", "serve"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--callers", type=int, default=100_000)
    parser.add_argument("--port", type=int, default=8123)
    arguments = parser.parse_args()
    if arguments.what == "make":
        make(arguments.folder, arguments.callers)
    else:
        serve(arguments.folder, arguments.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
