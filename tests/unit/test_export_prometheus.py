"""The metrics page is what a Prometheus server reads."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from spit.errors import ConfigError
from spit.export.metrics import LEVELS, MEANINGS, export_samples
from spit.export.prometheus import MetricsPage, Sample, render

SAMPLES = [
    Sample("spit_a_total", "counter", 'words with \\ and "quotes"\nand a line', 3),
    Sample("spit_b", "gauge", "a level", 0.5),
]


def test_a_parser_reads_what_is_rendered() -> None:
    families = list(text_string_to_metric_families(render(SAMPLES)))
    assert [(one.name, one.type, one.samples[0].value) for one in families] == [
        ("spit_a", "counter", 3.0),
        ("spit_b", "gauge", 0.5),
    ]
    assert families[0].documentation == SAMPLES[0].help


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0"])
def test_the_page_is_served_and_nothing_else(address: str) -> None:
    page = MetricsPage(address, lambda: SAMPLES)
    try:
        with urllib.request.urlopen(f"http://{page.address}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert answer.read().decode() == render(SAMPLES)
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            urllib.request.urlopen(f"http://{page.address}/", timeout=10)
        caught.value.close()
    finally:
        page.close()


def test_a_taken_address_is_a_line() -> None:
    page = MetricsPage("127.0.0.1:0", list)
    try:
        with pytest.raises(ConfigError, match=r"agent\.metrics: cannot listen on .*Address already in use"):
            MetricsPage(page.address, list)
    finally:
        page.close()


def test_names_and_kinds() -> None:
    samples = export_samples(dict.fromkeys(MEANINGS, 1), dict.fromkeys(LEVELS, 1))
    assert {sample.kind for sample in samples if sample.name.endswith("_total")} == {"counter"}
    assert {sample.kind for sample in samples if not sample.name.endswith("_total")} == {"gauge"}


def test_samples_of_one_name_are_one_family_with_labels() -> None:
    samples = [
        Sample("spit_c", "gauge", "a level", value, (("name", name),))
        for name, value in (("a", 1.0), ('b "\\\n', 2.0))
    ]
    (family,) = text_string_to_metric_families(render([SAMPLES[1], *samples])[len(render([SAMPLES[1]])) :])
    assert [(one.labels["name"], one.value) for one in family.samples] == [("a", 1.0), ('b "\\\n', 2.0)]
