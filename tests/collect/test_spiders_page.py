"""docs/spiders.md: each command is run, and says what the page says."""

import re
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
import pytest_twisted

from splitcart.replica.config import MarketConfig, default_chains
from splitcart.replica.market import Market
from splitcart.replica.sites.weather import Fault, Rule
from splitcart_scrapy.commands.crawl import ENDED_WELL
from tests.collect.runs import figures

PAGE = Path(__file__).parents[2] / "docs/spiders.md"
ADDRESS = "http://127.0.0.1:8900"
EXIT_CODE = re.compile(r"exit code (\d)", re.IGNORECASE)


def without_key(server):
    site = server.sites["coles"]
    site.build = site.build._replace(key="")


def struck(**rule):
    return lambda server: server.weather.add(Rule(**rule))


CIRCUMSTANCES = {
    "A site that blocks": struck(fault=Fault.BLOCK, path="product-search", after=20),
    "A site that changed": struck(fault=Fault.OTHER_FORM, path="/browse/category"),
    "A page without the key": without_key,
}


def examples():
    """Under which heading, which commands, what they say, and the exit code told last before them (0: none)."""
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading = section.partition("\n")[0]
        prose, *rest = section.split("```\n")
        for commands, said, before in zip(rest[::4], rest[2::4], [prose, *rest[3::4]], strict=False):
            codes = EXIT_CODE.findall(before)
            yield heading, commands.splitlines(), said.splitlines(), int(codes[0]) if codes else 0


@cache
def market():
    """As ``splitcart replica --stores 4 --skus 80 --city Perth`` makes it."""
    asked = {"stores": 4, "skus": 80, "lists": 3, "cities": {"Perth": 1.0}}
    chains = {chain: msgspec.structs.replace(config, **asked) for chain, config in default_chains().items()}
    return Market(MarketConfig(start=datetime(2026, 11, 2, tzinfo=ZoneInfo("Australia/Sydney")), chains=chains))


@pytest.mark.parametrize(("heading", "commands", "said", "exit_code"), list(examples()))
@pytest_twisted.ensureDeferred
async def test_a_command_says_what_the_page_says(replica, crawl, caplog, heading, commands, said, exit_code):
    server = replica(market())
    CIRCUMSTANCES.get(heading, lambda _: None)(server)
    lines = []
    for command in commands:
        _, _, name, *arguments = command.replace(" -a ", " ").split()
        caplog.clear()
        crawler = await crawl(name, **dict(each.split("=", 1) for each in arguments))
        assert (figures(crawler)["finish_reason"] not in ENDED_WELL) == bool(exit_code)
        lines += [
            f"[{record.name}] {record.levelname}: {record.getMessage().replace(server.url, ADDRESS)}"
            for record in caplog.records
            if record.name == name
        ]
    assert lines == said
