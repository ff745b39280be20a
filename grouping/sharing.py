"""Groups whose lists are one in a category share its news: what one Ambassador saw need not wait for all others.

Lists often differ in a few departments only (produce by region), so that two groups are one list everywhere else.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
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
from grouping.references import Step
from splitcart.database.models import OFFER_COLUMNS, Sku, StoreGroup

ROUGH_SAMPLE = 40  # lines of a category that tell most lists apart there
ROUGHLY_DIFFERENT = 0.1  # of these, at most, where two lists may be one
SAMPLE = 300  # lines of a category that tell whether two lists are one there
MIN_STANDING = 20  # lines that stood still in both
MAX_DIFFERENT = 0.01  # of these


@dataclass(frozen=True, slots=True)
class _Sample:
    """Some lines of one category in every group's list: price (-1: none) and when it last changed; groups x skus."""

    price: NDArray[np.int64]
    changed: NDArray[np.float64]

    def kin_of(
        self, at: int, still_since: float, max_different: float, min_standing: int = MIN_STANDING
    ) -> NDArray[np.bool_]:
        """Which groups' lists are one with that of the group ``at``, on the lines that stood still since an instant."""
        still = (self.changed <= still_since) & (self.changed[at] <= still_since)
        still &= (self.price >= 0) & (self.price[at] >= 0)
        different = (still & (self.price != self.price[at])).sum(axis=1)
        standing = still.sum(axis=1)
        kin: NDArray[np.bool_] = (standing >= min_standing) & (different <= max_different * standing)
        return kin


def share_news(step: Step, since: datetime) -> int:
    """Bring what changed in any list after ``since`` to the lists that are one with it there; return changed lines.

    A line is shared only where the other list still says what this one said before, and has not changed after it.
    """
    groups = sorted(active_groups(step.session, step.company_id), key=lambda group: group.name)
    if len(groups) < 2:
        return 0
    recent = _recent_lines(step, groups, since)
    changed = 0
    for root in sorted({root for _, root in recent}):
        told = {group_id for group_id, category_id in recent if category_id == root}
        here = _perhaps_kin(step, [group for group in groups if group.category_id in {None, root}], root, told)
        sample = _read_sample(step, here, root, SAMPLE)
        for at, group in enumerate(here):
            if not (lines := recent.get((group.id, root))):
                continue
            kin = sample.kin_of(at, _still_since(step), MAX_DIFFERENT)
            others = [here[i] for i in np.flatnonzero(kin) if i != at]
            before = offers_before(step.session, group.id, lines) if others else {}
            for other in others:
                changed += _tell(step, group, other, lines, before)
    return changed


def _perhaps_kin(step: Step, groups: list[StoreGroup], root: int, told: Collection[int]) -> list[StoreGroup]:
    """The groups with news (``told``, row ids) and those that may be one with them: of many lists few are."""
    rough = _read_sample(step, groups, root, ROUGH_SAMPLE)
    alike = np.zeros(len(groups), dtype=bool)
    for at, group in enumerate(groups):
        if group.id in told:
            kin = rough.kin_of(at, _still_since(step), ROUGHLY_DIFFERENT, min_standing=0)
            if kin.sum() > kin[at]:
                alike |= kin
                alike[at] = True
    return [groups[at] for at in np.flatnonzero(alike)]


def _still_since(step: Step) -> float:
    return (step.now - step.bracket).timestamp()


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


def _read_sample(step: Step, groups: list[StoreGroup], root: int, size: int) -> _Sample:
    skus = step.catalogue.sku_ids[step.catalogue.category_ids[step.catalogue.roots] == root]
    chosen = skus[:: max(1, -(-len(skus) // size))]
    price = np.full((len(groups), len(chosen)), -1, dtype=np.int64)
    changed = np.zeros(price.shape)
    rows = step.session.execute(
        sa.select(list_table.c.group_id, list_table.c.sku_id, list_table.c.price_cents, list_table.c.changed_at).where(
            list_table.c.group_id.in_([group.id for group in groups]),
            list_table.c.sku_id.in_(chosen.tolist()),
            list_table.c.left_at.is_(None),
        )
    )
    place = {group.id: at for at, group in enumerate(groups)}
    column = {sku_id: at for at, sku_id in enumerate(chosen.tolist())}
    for group_id, sku_id, cents, changed_at in rows:
        at = place[group_id], column[sku_id]
        price[at], changed[at] = cents, changed_at.timestamp()
    return _Sample(price, changed)


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
