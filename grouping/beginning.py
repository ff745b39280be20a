"""How a group's list began: the log keeps by whom, and how much was known of them, so that it can be made again."""

import sqlalchemy as sa

from grouping.references import Step
from splitcart.database.models import Crawl, StoreGroup


def log_founders(step: Step, group: StoreGroup, founders: list[int]) -> None:
    """Record whose offers (stores' row ids, Ambassador first) the list was made of, and when each was seen last."""
    seen = dict(
        step.session.execute(
            sa.select(Crawl.store_id, sa.func.max(Crawl.observed_to))
            .where(Crawl.store_id.in_(founders))
            .group_by(Crawl.store_id)
        ).all()
    )
    step.log("listed", group, figures={"founders": [[founder, seen[founder].isoformat()] for founder in founders]})
