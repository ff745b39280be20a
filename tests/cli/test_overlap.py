"""Two of a kind, as cron may start them: the second says so in one line and leaves."""

import pytest

from splitcart.config import get_settings
from splitcart.database import only_one, open_database
from tests.cli.front_door import splitcart


@pytest.mark.parametrize("arguments", [["update", "products"], ["update", "stores"]])
def test_a_second_of_a_kind_says_that_another_is_running(arguments: list[str]) -> None:
    job = " ".join(arguments)
    engine = open_database(get_settings().resolved_database_url)
    with only_one(engine, job):
        refused = splitcart(*arguments)
    engine.dispose()
    assert (refused.exit_code, refused.error) == (
        1,
        f"error: another {job} is running; this one has done nothing\n",
    )
    assert splitcart(*arguments).exit_code == 0
