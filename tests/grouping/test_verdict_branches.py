"""Every branch of the verdict on a candidate crawl, one row each: what is known, what follows, and by what."""

from dataclasses import dataclass, field

import pytest

from grouping.verdict import Snapshot, judge
from splitcart.config import get_chain
from tests.grouping.test_verdict import (
    BASE,
    CATALOGUE,
    DAIRY,
    FLIP,
    OTHER_LIST,
    PRODUCE,
    REGION,
    part,
    priced,
    snapshot,
)

SHORT = {sku_id: BASE[sku_id] for sku_id in range(100)}
HALF_PRICE = set(range(0, 1000, 30))


def promoted():
    """A local promotion: other ticket prices, the same regular ones."""
    prices = {sku_id: price // 2 if sku_id in HALF_PRICE else price for sku_id, price in BASE.items()}
    return CATALOGUE.price_list(prices, [PRODUCE, DAIRY], BASE)


@dataclass
class Known:
    """What a verdict is given; days are those of the crawls."""

    candidate: Snapshot
    near: list[Snapshot] = field(default_factory=list)
    before: list[Snapshot] = field(default_factory=list)
    after: list[Snapshot] = field(default_factory=list)
    around: list[Snapshot] = field(default_factory=list)
    rest: Snapshot | None = None


def flipped(changed=(), **known):
    """A candidate between a crawl with the old prices and one with the new ones."""
    before, after = [snapshot(priced(), 0, 7)], [snapshot(priced(FLIP), 3, 8)]
    return Known(snapshot(priced(changed), 2), before, before, after, **known)


def blocked(changed=()):
    """A candidate between two crawls that were blocked before produce; the list speaks for that."""
    return Known(snapshot(priced(changed), 2), [], [part(0, 7, DAIRY)], [part(3, 8, DAIRY)], rest=snapshot(priced(), 2))


BRANCHES = [
    ("nothing is known", Known(snapshot(priced(), 0)), ("pending", None)),
    (
        "only a crawl after it, out of the window",
        Known(snapshot(priced(), 0), after=[snapshot(priced(), 5, 8)]),
        ("pending", None),
    ),
    ("the nearest crawl matches", Known(snapshot(priced({5}), 1), [snapshot(priced(), 0, 7)]), ("confirmed", "near")),
    (
        "the nearest does not, the list does",
        Known(snapshot(priced(), 1), [snapshot(priced(OTHER_LIST), 0, 7), snapshot(priced(), 1)]),
        ("confirmed", "near"),
    ),
    (
        "local promotions, one regular list",
        Known(snapshot(promoted(), 1), [snapshot(priced(), 0, 7)]),
        ("confirmed", "near"),
    ),
    (
        "a mismatch, and no crawl after it",
        Known(snapshot(priced(FLIP), 2), [snapshot(priced(), 1, 7)], [snapshot(priced(), 1, 7)]),
        ("pending", "near"),
    ),
    ("what stood still matches: time", flipped(FLIP), ("confirmed", "bracket")),
    ("what stood still differs: place", flipped(FLIP | OTHER_LIST), ("rogue", "bracket")),
    ("one category of what stood still differs", flipped(FLIP | set(range(500, 560))), ("rogue", "bracket")),
    (
        "too small a share stood still",
        Known(
            snapshot(priced(OTHER_LIST), 2), [], [snapshot(priced(), 0, 7)], [snapshot(priced(set(range(800))), 3, 8)]
        ),
        ("pending", "bracket"),
    ),
    (
        "too few skus stood still",
        Known(
            snapshot(priced(set(range(1000))), 2),
            [],
            [snapshot(priced(), 0, 7)],
            [snapshot(CATALOGUE.price_list({k: BASE[k] for k in range(150)}, [PRODUCE]), 3, 8)],
        ),
        ("pending", "bracket"),
    ),
    (
        "a short list, by the share alone",
        Known(
            snapshot(priced(set(range(100)), base=SHORT), 2),
            [],
            [snapshot(priced(base=SHORT), 0, 7)],
            [snapshot(priced(set(range(50)), base=SHORT), 3, 8)],
        ),
        ("rogue", "bracket"),
    ),
    (
        "a confirmed crawl around shows it too",
        Known(
            snapshot(priced(FLIP), 2),
            [],
            [snapshot(priced(), 0, 7)],
            [snapshot(priced(), 3, 8)],
            [snapshot(priced(FLIP), 2, 9)],
        ),
        ("confirmed", "bracket"),
    ),
    ("what the bracket lacks matches the list", blocked(), ("confirmed", "bracket")),
    ("what the bracket lacks differs from the list", blocked(REGION), ("pending", "bracket")),
    ("the bracket differs, whatever the list says", blocked(OTHER_LIST), ("rogue", "bracket")),
]


@pytest.mark.parametrize(("known", "expected"), [row[1:] for row in BRANCHES], ids=[row[0] for row in BRANCHES])
def test_every_branch(known, expected):
    verdict = judge(known.candidate, known.near, known.before, known.after, get_chain("aldi"), known.around, known.rest)
    assert (verdict.kind, verdict.by) == expected


def test_the_rows_reach_every_kind_by_every_way():
    assert {row[2] for row in BRANCHES} == {
        ("pending", None),
        ("confirmed", "near"),
        ("pending", "near"),
        ("confirmed", "bracket"),
        ("rogue", "bracket"),
        ("pending", "bracket"),
    }
