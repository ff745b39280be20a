"""docs/contributing/adding-a-chain.md, followed for a chain that does not exist."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scrapy.exceptions import UsageError

from splitcart.config.chains import read_chains
from splitcart_scrapy.commands.genspider import write_chain

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/contributing/adding-a-chain.md"
WRITTEN_TO = ("splitcart", "splitcart_scrapy", "tests")
LINKED = ("scheduler", "grouping", "archive", "docs", "pyproject.toml", "scrapy.cfg")


def commands() -> list[str]:
    block = PAGE.read_text(encoding="utf-8").partition("## The skeleton")[2].split("```")[1]
    return block.strip().splitlines()


def test_the_page_is_true_line_by_line(tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in WRITTEN_TO:
        shutil.copytree(PROJECT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINKED:
        (checkout / name).symlink_to(PROJECT / name)
    (checkout / "scrapy.cfg").unlink()
    shutil.copy(PROJECT / "scrapy.cfg", checkout)
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    lines = commands()
    assert [line.split()[:2] for line in lines][::2] == [["scrapy", "genspider"], ["scrapy", "checkall"]]
    for line in lines:
        done = subprocess.run(
            [sys.executable, "-m", *line.split()],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        if line.startswith("pytest"):
            assert " 6 passed" in done.stdout, done.stdout  # three crawls, three fixtures
    assert "freshco" in read_chains(checkout / "splitcart/config/chains.toml")
    assert not (PROJECT / "splitcart_scrapy/spiders/freshco.py").exists()


@pytest.mark.parametrize("name", ["aldi", "Freshco", "fresh-co", "9fresh", "pages"])
def test_a_name_that_is_taken_or_none_writes_nothing(name, tmp_path):
    (tmp_path / "splitcart_scrapy/parsers").mkdir(parents=True)
    (tmp_path / "splitcart_scrapy/parsers/pages.py").write_text("")
    with pytest.raises(UsageError, match=name):
        write_chain(tmp_path, name, "www.example.org")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["pages.py"]
