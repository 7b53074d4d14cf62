"""What the service tells a Prometheus server about itself and about the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spit.export.prometheus import Sample
from spit.service.answer_forms import ScoreAnswer
from spit.service.guard import SCORE_PATH
from spit.service.overload import SHED_REASONS

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Around the 100 ms within which an SBC wants its answer.
_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class EngineCounters(Collector):
    """Reads the engine's counters when it is scraped."""

    def __init__(self, read: Callable[[], dict[str, int]]) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("spit_engine_counter", "Counters of the engine, by name", labels=["name"])
        for name, value in sorted(self._read().items()):
            family.add_metric([name], value)
        yield family


class Samples(Collector):
    """Reads what else this process counts, such as its capture, when it is scraped."""

    def __init__(self, read: Callable[[], list[Sample]]) -> None:
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        family: CounterMetricFamily | GaugeMetricFamily | None = None
        name = ""
        for sample in self._read():
            if family is None or sample.name != name:
                if family is not None:
                    yield family
                name = sample.name
                kind = CounterMetricFamily if sample.kind == "counter" else GaugeMetricFamily
                family = kind(name, sample.help, labels=[label for label, _ in sample.labels])
            family.add_metric([text for _, text in sample.labels], sample.value)
        if family is not None:
            yield family


class ServiceMetrics:
    """One registry per app, so that two apps in one process never share a counter."""

    def __init__(
        self,
        read_engine_counters: Callable[[], dict[str, int]],
        read_samples: Callable[[], list[Sample]] | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "spit_http_requests",
            "HTTP requests",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.score_seconds = Histogram(
            "spit_score_duration_seconds",
            "Time from the whole request to the answer of /v1/score",
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.verdicts = Counter(
            "spit_verdicts",
            "Answers of /v1/score",
            ["label", "action", "would_action"],
            registry=self.registry,
        )
        # A counter of a label set takes longer to find than to count up.
        self._verdict_of: dict[tuple[str, str, str], Counter] = {}
        self._question_of: dict[str, Counter] = {}
        self.degraded = Counter(
            "spit_degraded",
            "Answers of /v1/score that allowed a call because nothing was scored",
            registry=self.registry,
        )
        self.shed = Counter(
            "spit_score_shed",
            "Attempts that were allowed without a verdict because there was no time for one, by reason",
            ["reason"],
            registry=self.registry,
        )
        for reason in SHED_REASONS:
            self.shed.labels(reason)  # an alarm needs the 0 before the first
        self.events = Counter("spit_events", "Call events accepted by /v1/events", registry=self.registry)
        self.duplicate_batches = Counter(
            "spit_duplicate_batches",
            "Numbered batches that were sent again and not counted again",
            registry=self.registry,
        )
        self.duplicate_events = Counter(
            "spit_duplicate_events", "Call events in those batches", registry=self.registry
        )
        self.registry.register(EngineCounters(read_engine_counters))
        if read_samples is not None:
            self.registry.register(Samples(read_samples))

    def count_question(self, method: str) -> None:
        """A request of /v1/score that was answered before RequestCounter could see it."""
        found = self._question_of.get(method)
        if found is None:
            found = self._question_of[method] = self.requests.labels(SCORE_PATH, method, "200")
        found.inc()

    def count_shed(self, reason: str) -> None:
        """An attempt for which there was no time."""
        self.shed.labels(reason).inc()

    def count_answer(self, answer: ScoreAnswer) -> None:
        """A degraded answer is no verdict and is counted apart."""
        if answer.degraded:
            self.degraded.inc()
            return
        labels = (answer.label.value, answer.action.value, answer.would_action.value)
        found = self._verdict_of.get(labels)
        if found is None:
            found = self._verdict_of[labels] = self.verdicts.labels(*labels)
        found.inc()

    def exposition(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)


def refusal_samples(refusals: dict[str, int]) -> list[Sample]:
    """What the guard refused."""
    evicted = refusals.pop("buckets_evicted")
    words = "Requests refused for want of a key or a scope, or for their rate, by reason"
    return [
        *(
            Sample("spit_refused_total", "counter", words, count, (("reason", reason),))
            for reason, count in refusals.items()
        ),
        Sample(
            "spit_rate_buckets_evicted_total",
            "counter",
            "Rate limits of keys and peers that were forgotten because there were too many",
            evicted,
        ),
    ]


class RequestCounter:
    """ASGI middleware: counts requests by route template, so that paths cannot make labels without end."""

    def __init__(self, app: ASGIApp, *, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # what the client sees when nothing was sent

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path_format", "unmatched")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(route, method, str(status)).inc()
