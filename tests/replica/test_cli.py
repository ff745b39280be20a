"""``splitcart replica`` as a process of its own."""

import re
import signal
import subprocess
import sys

import pytest
import requests

from splitcart.cli.replica import replica
from splitcart.errors import InputError
from splitcart.replica.server import listen

MAIN = "from splitcart.cli import main; main()"
OPTIONS = ["--port", "0", "--stores", "3", "--skus", "60", "--lists", "1", "--city", "Perth"]


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
        running.send_signal(signal.SIGINT)
        ended = running.stdout.read(), running.wait(10)
    assert ended == ("served 2 requests\n", 0)


def test_a_port_in_use_is_one_clear_line():
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"127.0.0.1:{port}.*choose another port"):
            replica(port=port, stores=2, skus=40, lists=1)


def test_an_unknown_city_is_one_clear_line():
    with pytest.raises(InputError, match=r"no city 'Atlantis'.*Perth"):
        replica(port=0, city=["Atlantis"])
