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
LINKED = ("scheduler", "grouping", "archive", "docs", "pyproject.toml")


def commands() -> list[str]:
    block = PAGE.read_text(encoding="utf-8").partition("## The skeleton")[2].split("```")[1]
    return block.strip().splitlines()


# A process for each line, forked from one that has imported what all of them need.
FOLLOW = """
import os, sys
import pytest, scrapy.cmdline, scrapy.crawler
for line in sys.argv[1:]:
    if child := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            sys.exit(f"{line}: {code}")
        continue
    command, *arguments = line.split()
    sys.exit(pytest.main(arguments) if command == "pytest" else scrapy.cmdline.execute([command, *arguments]))
"""


def test_the_page_is_true_line_by_line(tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in WRITTEN_TO:
        shutil.copytree(PROJECT / name, checkout / name)
    for name in LINKED:
        (checkout / name).symlink_to(PROJECT / name)
    shutil.copy(PROJECT / "scrapy.cfg", checkout)
    lines = commands()
    assert [line.split()[:2] for line in lines][::2] == [["scrapy", "genspider"], ["scrapy", "checkall"]]
    done = subprocess.run(
        [sys.executable, "-c", FOLLOW, *lines],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert " 6 passed" in done.stdout, done.stdout  # three crawls, three fixtures
    assert " 0 problems" in done.stdout, done.stdout
    assert "freshco" in read_chains(checkout / "splitcart/config/chains.toml")
    assert not (PROJECT / "splitcart_scrapy/spiders/freshco.py").exists()


@pytest.mark.parametrize("name", ["aldi", "Freshco", "fresh-co", "9fresh", "pages"])
def test_a_name_that_is_taken_or_none_writes_nothing(name, tmp_path):
    (tmp_path / "splitcart_scrapy/parsers").mkdir(parents=True)
    (tmp_path / "splitcart_scrapy/parsers/pages.py").write_text("")
    with pytest.raises(UsageError, match=name):
        write_chain(tmp_path, name, "www.example.org")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["pages.py"]
