"""What docs/http-api.md says of metrics is what is told."""

from splitcart.measures.clock import system_clock
from splitcart.server.counting import REASONS, Counters
from splitcart.server.metrics import ServerCollector
from splitcart.server.space import Space
from tests.docs.pages import DOCS, code, rows, section

METRICS = section(DOCS / "http-api.md", "### Metrics")


def test_every_metric_is_documented_and_no_other(tmp_path, sqlite):
    collector = ServerCollector(Space(tmp_path, 0), sqlite, system_clock, Counters(tmp_path / "counters"))
    told = {one.name + ("_total" if one.type == "counter" else "") for one in collector.collect()}
    _, *shown = rows(METRICS)
    assert {code(name).partition("{")[0] for name, _ in shown} == told


def test_every_reason_of_a_reject_is_documented():
    assert all(f"`{reason}` ({status})" in METRICS for status, reason in REASONS.items() if status != 499)
    assert f"`{REASONS[499]}`" in METRICS
