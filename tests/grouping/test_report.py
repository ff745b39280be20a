"""What the report says, draws and writes."""

import re
from base64 import b64decode
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from grouping.accuracy import MOST_DAYS, Tally, in_steps, read_tallies, total
from grouping.heatmap import choose_sample
from grouping.pictures import ABOVE, BELOW, draw_accuracy, draw_overlap, draw_sizes, edges
from grouping.report import read_report
from grouping.report_files import write_report
from splitcart.config import get_settings
from splitcart.database import reading
from splitcart.errors import InputError
from tests.cli.front_door import splitcart
from tests.grouping.factory import BASE, SmallChain, day, dearer

OTHER = dearer(BASE, range(0, 200, 4), by=30)  # a quarter of the list


@pytest.fixture
def chain(sqlite):
    """Two groups of three and two stores, one store alone; on later days one of each group was crawled again."""
    chain = SmallChain(sqlite, ["G001", "G002", "G003", "G004", "G005", "G006"])
    lists = {"G004": OTHER, "G005": OTHER, "G006": dearer(BASE, range(200))}
    for position, store_id in enumerate(chain.stores):
        chain.crawl(store_id, lists.get(store_id, BASE), day(0, position))
    chain.run(day(0, 7))
    chain.crawl("G003", dearer(BASE, [150]), day(1))  # the Ambassador's news
    chain.crawl("G001", dearer(BASE, [150, 151]), day(1, 2))
    chain.crawl("G004", OTHER, day(5))
    chain.run(day(5, 2))
    return chain


def report_of(chain, at=None):
    with reading(chain.engine) as session:
        return read_report(session, chain.chain, at or day(6))


def words(figure):
    return " ".join(text.get_text() for text in (*figure.texts, *(t for axes in figure.axes for t in axes.texts)))


def test_stores_of_a_group_lie_together_and_agree(chain):
    report = report_of(chain)
    assert [(block.name, block.stores) for block in report.heat_map.blocks] == [
        ("aldi G003", 3),
        ("aldi G005", 2),
        (None, 1),
    ]
    overlap = report.heat_map.overlap
    assert np.array_equal(overlap, overlap.T, equal_nan=True)
    assert overlap[:3, :3].min() >= 0.99
    assert overlap[3, 4] == 1.0
    assert np.nanmax(overlap[:3, 3:5]) == pytest.approx(0.75, abs=0.01)
    assert np.nanmax(overlap[:5, 5]) < 0.3
    first, second, alone = report.kinships()
    assert (first.nearest, second.nearest, alone.name) == ("aldi G005", "aldi G003", None)
    assert first.nearest_overlap == pytest.approx(0.75, abs=0.01)


def test_a_change_between_two_crawls_is_no_difference_between_stores(chain):
    chain.crawl("G002", dearer(BASE, range(100)), day(5))  # half of the list is new since the others were seen
    overlap = report_of(chain).heat_map.overlap
    assert overlap[:3, :3].min() >= 0.98


def test_what_cannot_be_told_is_left_open(sqlite):
    chain = SmallChain(sqlite, ["G001", "G002"])
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G002", OTHER, day(8))  # never seen before: nothing is known to have stood still
    assert np.isnan(report_of(chain, day(9)).heat_map.overlap[0, 1])


def test_audits_are_told_by_group_and_day(chain):
    report = report_of(chain)
    names = {line.id: line.name for line in report.groups}
    told = {(names[group_id], when): tally for (group_id, when), tally in report.accuracy.items()}
    tally = told["aldi G003", day(1).date()]
    assert (tally.audits, tally.inferred, tally.inferred_equal) == (2, 1, 1)  # G001's 150 was inferred, and right
    assert tally.compared - tally.equal == 2  # the Ambassador's own news, and 151 at G001
    assert report.by_step[day(1).date()] == tally


def test_a_long_time_is_told_by_weeks():
    monday = date(2026, 3, 2)
    daily = {
        (1, monday + timedelta(days=n)): Tally(audits=1, inferred=10, inferred_equal=9) for n in range(MOST_DAYS + 5)
    }
    weekly, days = in_steps(daily)
    assert (days, weekly[1, monday].audits, min(when for _, when in weekly)) == (7, 7, monday)
    assert total(weekly.values()) == total(daily.values())
    assert in_steps({key: daily[key] for key in list(daily)[:MOST_DAYS]})[1] == 1


@pytest.mark.parametrize("sizes", [[3, 2], [260, 140, 90, 60, 44] + [3] * 60, [800], [2] * 400])
def test_a_sample_keeps_every_group_it_shows_and_says_what_it_leaves_out(sizes):
    groups = [(f"g{place}", list(range(1000 * place, 1000 * place + size))) for place, size in enumerate(sizes)]
    groups.append((None, list(range(-10, 0))))
    sample, left_out = choose_sample(groups, 100)
    assert sum(len(ids) for _, ids, _ in sample) <= 100
    assert len(sample) + left_out == len(groups)
    assert sample[-1][0] is None
    for (name, ids, size), whole in zip(sample[:-1], groups, strict=False):
        assert (name, size) == (whole[0], len(whole[1]))
        assert len(ids) >= min(2, size)
        assert ids[0] == whole[1][0]
        assert set(ids) <= set(whole[1])
    shown = [len(ids) for _, ids, _ in sample[:-1]]
    assert shown == sorted(shown, reverse=True)


@pytest.mark.parametrize("threshold", [0.98, 0.95, 0.9, 0.4])
def test_colours_part_at_the_threshold(threshold):
    bounds = edges(threshold)
    assert len(bounds) == len(BELOW) + len(ABOVE) + 1
    assert all(low < high for low, high in pairwise(bounds))
    assert bounds[len(BELOW)] == threshold


def test_pictures_say_what_they_show_and_of_when(chain):
    report = report_of(chain)
    assert "as of 7 Mar 2026, 01:00 UTC" in words(draw_overlap(report))
    assert "6 stores, every one" in words(draw_overlap(report))
    assert "6 stores: 5 in 2 groups, 1 in none" in words(draw_sizes(report))
    assert "by day" in words(draw_accuracy(report))


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.sources, self.rows = [], [], 0

    def handle_starttag(self, tag, attributes):
        self.rows += tag == "tr"
        if tag == "img":
            self.sources.append(dict(attributes)["src"])
            assert dict(attributes)["alt"]
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_holds_its_pictures_and_tables_and_needs_nothing_else(chain, tmp_path):
    paths = write_report([report_of(chain)], tmp_path / "out", "groups.html")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in paths)
    text = paths[-1].read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.rows > 10
    pictures = [b64decode(source.removeprefix("data:image/png;base64,")) for source in page.sources]
    assert sorted(pictures) == sorted(path.read_bytes() for path in paths[:-1])
    assert not re.search(r'(?:src|href)="(?!data:)', text)
    assert "Written 8 Mar 2026" in text
    again = write_report([report_of(chain)], tmp_path / "again", "groups.html")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


def test_the_command_writes_below_the_data_folder_and_refuses_what_is_not_there(chain, monkeypatch, tmp_path):
    monkeypatch.setenv("SPLITCART_DATABASE_URL", str(chain.engine.url))
    get_settings.cache_clear()
    written = splitcart("group", "report", "--company", "aldi").output.splitlines()
    assert {path.rsplit("/", 1)[1] for path in written} == {
        "aldi-overlap.png",
        "aldi-sizes.png",
        "aldi-accuracy.png",
        "groups-aldi.html",
    }
    assert all(path.startswith(str(tmp_path / "data/reports")) for path in written)
    assert splitcart("group", "report", "--company", "coles").exit_code == 2
    (tmp_path / "file").touch()
    refused = splitcart("group", "report", "--out", str(tmp_path / "file"))
    assert (refused.exit_code, refused.error.count("\n")) == (2, 1)


def test_no_report_of_a_company_without_crawls(sqlite):
    chain = SmallChain(sqlite, ["G001"])
    with pytest.raises(InputError, match="no crawl of aldi"):
        report_of(chain)
    with reading(sqlite) as session:
        assert read_tallies(session) == {}
