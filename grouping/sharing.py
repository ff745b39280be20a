"""Groups whose lists are one in a category share its news: what one Ambassador saw need not wait for all others.

Lists often differ in a few departments only (produce by region), so that two groups are one list everywhere else.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from grouping.effective import Offer
from grouping.lists import ListLine, News, apply_news, offers_before, read_list
from grouping.memberships import active_groups
from grouping.offers import list_table
from grouping.overlap import Mask
from grouping.references import Step
from grouping.told import is_told
from splitcart.database.models import OFFER_COLUMNS, Sku, StoreGroup

ROUGH_SAMPLE = 40  # lines of a category that tell most lists apart there
ROUGHLY_DIFFERENT = 0.1  # of these, at most, where two lists may be one
SAMPLE = 300  # lines of a category that tell whether two lists are one there
MIN_STANDING = 20  # lines that stood still in both
MAX_DIFFERENT = 0.01  # of these


class _Lists:
    """Every group's list: prices (-1: none) and whether each line stood still for long; groups x skus."""

    def __init__(self, step: Step, groups: Sequence[StoreGroup]) -> None:
        still_since = step.now - step.bracket
        ids = [group.id for group in groups]
        lists = step.snapshots.of_lists(ids)
        self.price = np.array([lists[group_id].prices.price for group_id in ids])
        self.still = step.snapshots.changes_since(ids, still_since) <= still_since.timestamp()
        self._root_of = step.catalogue.category_ids[step.catalogue.roots]

    def sample(self, rows: NDArray[np.int64], root: int, size: int) -> "_Sample":
        """Some lines of one category in the lists of some groups."""
        skus = np.flatnonzero(self._root_of == root)
        chosen = np.ix_(rows, skus[:: max(1, -(-len(skus) // size))])
        return _Sample(self.price[chosen], self.still[chosen])


@dataclass(frozen=True, slots=True)
class _Sample:
    """Some lines of one category in groups' lists: prices (-1: none) and whether they stood still; groups x skus."""

    price: NDArray[np.int32]
    still: Mask

    def kin_of(self, at: int, max_different: float, min_standing: int = MIN_STANDING) -> Mask:
        """Which groups' lists are one with that of the group ``at``, on the lines that stood still in both."""
        standing = self.still & self.still[at] & (self.price >= 0) & (self.price[at] >= 0)
        different = (standing & (self.price != self.price[at])).sum(axis=1)
        count = standing.sum(axis=1)
        kin: Mask = (count >= min_standing) & (different <= max_different * count)
        return kin


def share_news(step: Step, since: datetime) -> int:
    """Bring what changed in any list after ``since`` to the lists that are one with it there; return changed lines.

    A line is shared only where the other list still says what this one said before, and has not changed after it. What
    is told its list tells it to nobody.
    """
    groups = sorted(active_groups(step.session, step.company_id), key=lambda group: group.name)
    if len(groups) < 2:
        return 0
    recent = _recent_lines(step, groups, since)
    tellers = {group.id for group in groups if not is_told(group)}
    telling = {key: lines for key, lines in recent.items() if key[0] in tellers}
    if not telling:
        return 0
    lists = _Lists(step, groups)
    changed = 0
    for root in sorted({root for _, root in telling}):
        told = {group_id for group_id, category_id in telling if category_id == root}
        here = _perhaps_kin(lists, groups, root, told)
        sample = lists.sample(here, root, SAMPLE)
        for at, position in enumerate(here.tolist()):
            group = groups[position]
            if not (lines := telling.get((group.id, root))):
                continue
            kin = sample.kin_of(at, MAX_DIFFERENT)
            others = [groups[here[i]] for i in np.flatnonzero(kin) if i != at]
            unheard = [(other, _unheard(lines, recent.get((other.id, root), {}))) for other in others]
            if told_now := {sku_id: line for _, some in unheard for sku_id, line in some.items()}:
                before = offers_before(step.session, group.id, told_now)
                changed += sum(_tell(step, group, other, some, before) for other, some in unheard if some)
    return changed


def _unheard(lines: dict[int, ListLine], recent: dict[int, ListLine]) -> dict[int, ListLine]:
    """The lines of one list that are newer than what the other list says, whose ``recent`` lines these are."""
    return {
        sku_id: line
        for sku_id, line in lines.items()
        if (other := recent.get(sku_id)) is None or other.news_at < line.news_at
    }


def _perhaps_kin(lists: _Lists, groups: Sequence[StoreGroup], root: int, told: Collection[int]) -> NDArray[np.int64]:
    """The places of groups with news (``told``, row ids) and those that may be one with them: of many lists few are."""
    about = np.flatnonzero([group.category_id in {None, root} for group in groups])
    rough = lists.sample(about, root, ROUGH_SAMPLE)
    alike = np.zeros(len(about), dtype=bool)
    for at, position in enumerate(about.tolist()):
        if groups[position].id in told:
            kin = rough.kin_of(at, ROUGHLY_DIFFERENT, min_standing=0)
            if kin.sum() > kin[at]:
                alike |= kin
                alike[at] = True
    return about[alike]


def _recent_lines(
    step: Step, groups: Iterable[StoreGroup], since: datetime
) -> dict[tuple[int, int], dict[int, ListLine]]:
    """The lines that changed since an instant, by group and root category."""
    moved = sa.or_(list_table.c.changed_at > since, list_table.c.left_at > since)
    rows = step.session.execute(
        sa.select(list_table, Sku.root_category_id)
        .join(Sku, Sku.id == list_table.c.sku_id)
        .where(list_table.c.group_id.in_([group.id for group in groups]), moved)
    )
    found: defaultdict[tuple[int, int], dict[int, ListLine]] = defaultdict(dict)
    for row in rows.mappings():
        found[row["group_id"], row["root_category_id"]][row["sku_id"]] = _line(row)
    return found


def _line(row: Any) -> ListLine:
    offer = Offer(*(row[name] for name in OFFER_COLUMNS))
    return ListLine(offer, row["changed_at"], row["listed_from"], row["left_at"], row["crawl_id"])


def _tell(
    step: Step, group: StoreGroup, other: StoreGroup, lines: dict[int, ListLine], before: dict[int, Offer]
) -> int:
    standing = read_list(step.session, other.id, lines.keys())
    news = [
        as_news(sku_id, line)
        for sku_id, line in lines.items()
        if _said_the_same(standing.get(sku_id), before.get(sku_id), line)
    ]
    changed = apply_news(step.session, other.id, news, standing)
    if changed:
        step.snapshots.forget_list(other.id)
        skus = sorted(item.sku_id for item in news)
        step.log("shared", other, figures={"from": group.id, "lines": changed, "skus": skus})
    return changed


def as_news(sku_id: int, line: ListLine) -> News:
    """What a line of one list says, as news for another."""
    return News(sku_id, None if line.left_at else line.offer, line.news_at, line.crawl_id)


def _said_the_same(other: ListLine | None, before: Offer | None, line: ListLine) -> bool:
    """Whether the other list stands where this one stood before its line changed."""
    said = None if other is None or other.left_at else other.offer
    return said == before and (other is None or other.news_at < line.news_at)
