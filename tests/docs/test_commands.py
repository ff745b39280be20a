"""Every command that a page shows exists with its options, and docs/commands.md is what the commands say."""

import re
import shlex
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from typing import Any

import pytest
import typer
from scrapy.spiderloader import SpiderLoader

from splitcart.cli.app import app
from tests.collect.runs import project_settings
from tests.docs.pages import DOCS, PAGES, ROOT, blocks, named, spans

COMMANDS = typer.main.get_command(app)
SPIDERS = SpiderLoader(project_settings())
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
PLACEHOLDER = re.compile(r"[A-Z_]+…?|….*|<.*>")


def shown(page: Any) -> list[list[str]]:
    """The commands of a page as words: each line of a block, and each code within a line."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in blocks(text) for line in re.sub(r"\\\n\s*", "", block).splitlines()] + spans(text)
    found = []
    for line in lines:
        start = re.search(r"(?:^|\s)(splitcart [a-z-]|scrapy (?:crawl|list)|make [a-z])", f" {line}")
        if start and not re.match(r"\s*(?:#|─|│|╭|╰)", line):
            command = f" {line}"[start.start(1) :].split(" # ")[0].split(" && ")[0].split(" | ")[0].split(" > ")[0]
            found.append(shlex.split(command.rstrip(" &").replace("'", '"') if command.count("'") % 2 else command))
    return found


def check_splitcart(words: list[str]) -> None:
    command, rest = COMMANDS, words[1:]
    while rest and hasattr(command, "commands") and not rest[0].startswith("-"):
        if PLACEHOLDER.fullmatch(rest[0]):
            return
        assert rest[0] in command.commands, f"{' '.join(words)}: no command {rest[0]!r}"
        command, rest = command.commands[rest[0]], rest[1:]
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    for word in rest:
        assert not word.startswith("-") or word.split("=")[0] in options, f"{' '.join(words)}: no option {word!r}"


def check_scrapy(words: list[str]) -> None:
    if words[1] == "list" or PLACEHOLDER.fullmatch(words[2]):
        return
    assert words[2] in SPIDERS.list(), f"{' '.join(words)}: no spider {words[2]!r}"
    for flag, argument in pairwise(words[3:]):
        if flag == "-a":
            assert argument.split("=")[0] in SPIDERS.load(words[2]).arguments, f"{' '.join(words)}: {argument!r}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_that_a_page_shows_exists(page):
    for words in shown(page):
        if words[0] == "splitcart":
            check_splitcart(words)
        elif words[0] == "scrapy":
            check_scrapy(words)
        else:
            assert words[1] in TARGETS, f"{' '.join(words)}: no target in the Makefile"


def test_commands_are_found_where_they_stand():
    assert sum(map(len, map(shown, PAGES))) > 60


def test_the_page_of_commands_is_what_the_commands_say():
    spec = spec_from_file_location("generate", DOCS / "generate.py")
    generate = module_from_spec(spec)
    spec.loader.exec_module(generate)
    written = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert written == generate.commands_page(), "run: python docs/generate.py"


def test_the_readme_names_every_group_of_commands_and_every_spider():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"splitcart {name}" in text for name in COMMANDS.commands)
    assert all(f"scrapy crawl {name}" in text for name in SPIDERS.list())
