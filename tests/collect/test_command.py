"""``scrapy crawl`` as an operator runs it: a process of its own."""

import re
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest
from scrapy.exceptions import UsageError
from scrapy.spiderloader import SpiderLoader

from splitcart.replica.sites.weather import Fault, Rule
from splitcart_scrapy.commands.crawl import Command
from splitcart_scrapy.spiders.coles import ColesSpider
from tests.collect.runs import project_settings, small_market

PROJECT = Path(__file__).parents[2]


def scrapy(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scrapy", *arguments], capture_output=True, text=True, cwd=PROJECT, check=False
    )


def test_the_spiders_are_listed():
    assert scrapy("list").stdout.split() == [
        "aldi",
        "aldi_stores",
        "coles",
        "coles_barcodes",
        "coles_stores",
        "iga",
        "iga_stores",
        "woolworths",
        "woolworths_stores",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("aldi", {"store": "102"}), "store='102' is no store of ALDI: expected the form G\\d{3}"),
        (("woolworths", {"store": ","}), "names no store of Woolworths"),
        (("aldi", {"max_stores": "none"}), "max_stores='none' is no number"),
        (("aldi", {"max_stores": "0"}), "expected 1 or more"),
        (("aldi", {"stores": "G102"}), "unknown argument 'stores'; known: -a store=…"),
        (("aldi", {"store": "G102", "cluster": "perth"}), "exclude each other"),
        (("aldi_stores", {"store": "G102"}), "known: none"),
    ],
)
def test_an_argument_is_checked_before_anything_is_fetched(arguments, said):
    spider, given = arguments
    with pytest.raises(UsageError, match=re.escape(said)):
        SpiderLoader(project_settings()).load(spider).check_arguments(given)


def test_a_wrong_argument_is_one_clear_line_and_exit_code_2():
    done = scrapy("crawl", "aldi", "-a", "store=102")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("'102' is no store of ALDI: expected the form G\\d{3}")
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_one_clear_line_and_exit_code_2(monkeypatch):
    monkeypatch.setenv("SPLITCART_CLOCK_START", "yesterday")
    done = scrapy("crawl", "aldi", "-a", "store=G102")
    assert done.returncode == 2
    assert "SPLITCART_CLOCK_START" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_block_is_no_failure(replica):
    replica(small_market("aldi")).weather.add(Rule(fault=Fault.BLOCK))
    done = scrapy("crawl", "aldi", "-a", "store=G102", "-s", "DOWNLOAD_DELAY=0", "-s", "RETRY_TIMES=0")
    assert done.returncode == 0, done.stderr
    assert "blocked: 403" in done.stderr


def test_a_store_source_that_does_not_work_is_exit_code_1(monkeypatch):
    monkeypatch.setenv("SPLITCART_STORE_SOURCE", "nowhere.Stores")
    done = scrapy("crawl", "aldi")
    assert done.returncode == 1
    assert "'nowhere.Stores' cannot be loaded" in done.stderr


@pytest.mark.parametrize(("option", "setting"), [("--browser", "BROWSER_SESSIONS"), ("--headed", "BROWSER_HEADED")])
def test_a_browser_is_asked_for_by_an_option(option, setting):
    command = Command()
    command.settings = project_settings()
    parser = ArgumentParser(conflict_handler="resolve")
    command.add_options(parser)
    command.process_options([], parser.parse_args([option]))
    assert command.settings.getbool(setting)
    ColesSpider.update_settings(command.settings)
    assert "playwright" in command.settings.getdict("DOWNLOAD_HANDLERS")["https"].lower()
    assert command.settings.getdict("PLAYWRIGHT_LAUNCH_OPTIONS")["headless"] is (option == "--browser")


def test_no_browser_is_prepared_unless_it_is_asked_for():
    settings = project_settings()
    ColesSpider.update_settings(settings)
    assert not settings.getdict("DOWNLOAD_HANDLERS")
