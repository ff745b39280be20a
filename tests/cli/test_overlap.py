"""Two of a kind, as cron may start them: the second says so in one line and leaves."""

import pytest
import sqlalchemy as sa

from splitcart.database import only_one
from tests.cli.front_door import splitcart


@pytest.mark.parametrize("arguments", [["update", "products"], ["update", "stores"]])
def test_a_second_of_a_kind_says_that_another_is_running(own_engine: sa.Engine, arguments: list[str]) -> None:
    job = " ".join(arguments)
    with only_one(own_engine, job):
        refused = splitcart(*arguments)
    assert (refused.exit_code, refused.error) == (
        1,
        f"error: another {job} is running; this one has done nothing\n",
    )
    assert splitcart(*arguments).exit_code == 0
