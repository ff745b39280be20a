"""``splitcart replica`` as a process of its own."""

import re
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import requests

from splitcart.cli.replica import replica
from splitcart.errors import InputError
from splitcart.replica.server import listen
from splitcart.replica.sites.weather import Fault, Rule

MAIN = "from splitcart.cli import main; main()"
OPTIONS = ["--port", "0", "--stores", "3", "--skus", "60", "--lists", "1", "--city", "Perth"]
OPTIONS += ["--weather", "rate_limit,chain=coles,seconds=7", "--weather", "server_error,path=stores,share=1"]


def test_it_serves_what_its_env_lines_say_until_ctrl_c():
    command = [sys.executable, "-c", MAIN, "replica", *OPTIONS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        said = ""
        while "Ctrl-C" not in said:
            line = running.stdout.readline()
            assert line, f"it ended early, saying {said}"
            said += line
        urls = dict(re.findall(r"export (\w+)=(\S+)", said))
        store = re.search(r"scrapy crawl aldi -a store=(G\d{3})", said)[1]
        tree = requests.get(f"{urls['ALDI_API_URL']}/v2/product-category-tree?servicePoint={store}", timeout=10)
        assert tree.json()["data"]
        assert requests.get(f"{urls['WOOLWORTHS_SITE_URL']}/", timeout=10).status_code == 200
        limited = requests.get(f"{urls['COLES_SITE_URL']}/", timeout=10)
        assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
        running.send_signal(signal.SIGINT)
        ended = running.stdout.read(), running.wait(10)
    assert ended == ("served 3 requests\n", 0)


def test_a_port_in_use_is_one_clear_line():
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"127.0.0.1:{port}.*choose another port"):
            replica(port=port, stores=2, skus=40, lists=1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("snow", r"weather 'snow': Invalid enum value 'snow'.*the faults are delay, rate_limit"),
        ("block,chance=0.1", "no 'chance'; known are chain, store, path"),
        ("block,fault=html", "no 'fault'; known are"),
        ("block,share=2", "share is 2, expected 0 to 1"),
        ("block,share=much", "share"),
        ("block,every=0", "every is 0, expected 1 or more"),
        ("delay,seconds=-1", "seconds is -1, expected 0 or more"),
        ("html,since=2026-11-05T02:00:00", "since is 2026-11-05T02:00:00, expected an instant with an offset"),
    ],
)
def test_weather_that_cannot_be_is_one_clear_line(text, problem):
    with pytest.raises(InputError, match=problem):
        replica(port=0, weather=[text])


def test_a_rule_is_read_as_it_is_written():
    text = "rate_limit, chain=coles, store=COL:584, path=/api/, after=20, every=3, times=4, seconds=0.5, share=0.25"
    rule = Rule.parse(f"{text}, seed=7, since=2026-11-05T02:00:00Z, until=2026-11-05T13:30:00+11:00")
    assert rule == Rule(
        fault=Fault.RATE_LIMIT,
        chain="coles",
        store="COL:584",
        path="/api/",
        after=20,
        every=3,
        times=4,
        seconds=0.5,
        share=0.25,
        seed=7,
        since=datetime(2026, 11, 5, 2, tzinfo=UTC),
        until=datetime(2026, 11, 5, 2, 30, tzinfo=UTC),
    )
    assert Rule.parse("reset") == Rule(fault=Fault.RESET)


def test_an_unknown_city_is_one_clear_line():
    with pytest.raises(InputError, match=r"no city 'Atlantis'.*Perth"):
        replica(port=0, city=["Atlantis"])
