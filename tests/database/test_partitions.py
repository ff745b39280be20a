"""The months of the price history: opened by whoever writes into them, and read as one table."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from splitcart.database import transaction
from splitcart.database.models import PriceHistory
from splitcart.database.partitions import (
    month_after,
    month_of,
    open_months,
    partition_of,
    read_months,
)
from tests.grouping.factory import BASE, SmallChain, day, dearer


def ended(session: Session, until: datetime, sku_id: int = 1) -> None:
    row = {"store_id": 1, "sku_id": sku_id, "since": until - timedelta(days=400), "until": until}
    session.execute(sa.insert(PriceHistory).values(**row, reason="changed", crawl_id=1, price_cents=100))


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.timezones()))
def test_every_instant_lies_in_its_month(instant: datetime) -> None:
    month = month_of(instant)
    assert month <= instant < month_after(month)
    assert month_of(month_after(month)) == month_after(month)
    assert month_of(month_after(month) - timedelta(microseconds=1)) == month


def test_an_interval_goes_to_the_month_of_its_end(postgres: sa.Engine) -> None:
    last = datetime(2031, 12, 31, 23, 59, 59, 999999, UTC)
    with transaction(postgres) as session:
        assert open_months(session, [last]) == [datetime(2031, 12, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)]
        ended(session, last)
        ended(session, last + timedelta(microseconds=1))
        found = session.execute(
            sa.text("SELECT tableoid::regclass::text, count(*) FROM price_history GROUP BY 1")
        ).all()
    assert sorted(found) == [("price_history_2031_12", 1), ("price_history_2032_01", 1)]


def test_what_is_open_is_not_opened_again(engine: sa.Engine) -> None:
    for _ in range(2):
        with transaction(engine) as session:
            opened = open_months(session, [datetime(2031, 5, 5, tzinfo=UTC)])
    assert opened == []


def test_ingestion_opens_the_months_that_it_needs_and_the_one_ahead(postgres: sa.Engine) -> None:
    chain = SmallChain(postgres, ["G001"])
    for number in (0, 40, 400):
        chain.crawl("G001", dearer(BASE, range(10), by=number), day(number))
    with transaction(postgres) as session:
        months = {partition_of(month).removeprefix("price_history_") for month in read_months(session)}
        assert session.scalar(sa.select(sa.func.count()).select_from(PriceHistory)) == 20
    assert {"2026_04", "2026_05", "2027_04", "2027_05"} <= months
    assert "2026_03" not in months  # nothing ended there


def test_two_workers_that_need_the_same_month_both_get_it(postgres: sa.Engine) -> None:
    until, held, problems = datetime(2031, 5, 5, tzinfo=UTC), threading.Event(), []

    def second() -> None:
        held.wait()
        try:
            with transaction(postgres) as session:
                open_months(session, [until])
                ended(session, until, sku_id=2)
        except sa.exc.SQLAlchemyError as error:
            problems.append(error)

    worker = threading.Thread(target=second)
    worker.start()
    with transaction(postgres) as session:
        open_months(session, [until])
        ended(session, until)
        held.set()
        worker.join(0.5)
        assert worker.is_alive()  # it waits for the month that is being opened
    worker.join()
    assert problems == []
    with transaction(postgres) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(PriceHistory)) == 2


def test_opening_a_month_waits_for_no_reader_and_no_writer(postgres: sa.Engine) -> None:
    with transaction(postgres) as session:
        open_months(session, [datetime(2031, 5, 5, tzinfo=UTC)])
    with transaction(postgres) as busy, transaction(postgres) as session:
        busy.execute(sa.select(PriceHistory)).all()
        ended(busy, datetime(2031, 5, 5, tzinfo=UTC))
        session.execute(sa.text("SET LOCAL lock_timeout = '200ms'"))
        assert open_months(session, [datetime(2033, 5, 5, tzinfo=UTC)])


def test_reads_of_one_instant_look_into_later_months_only(postgres: sa.Engine) -> None:
    with transaction(postgres) as session:
        open_months(session, [datetime(2031, 5, 5, tzinfo=UTC), datetime(2032, 5, 5, tzinfo=UTC)])
        plan = session.execute(
            sa.text("EXPLAIN SELECT * FROM price_history WHERE store_id = 1 AND until > '2032-05-02 00:00+00'")
        )
        text = "\n".join(plan.scalars())
    assert "price_history_2032_05" in text
    assert "price_history_2031_05" not in text


def test_without_its_month_an_interval_is_refused_rather_than_hidden(postgres: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="no partition"), transaction(postgres) as session:
        ended(session, datetime(1999, 5, 5, tzinfo=UTC))
