"""``scrapy genspider -t chain NAME [DOMAIN]``: the parts of a new chain, with fixtures and a test that passes."""

import argparse
import json
import re
import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import msgspec
from scrapy.commands import genspider
from scrapy.exceptions import UsageError
from scrapy.utils.conf import closest_scrapy_cfg

from splitcart.config import get_chains
from splitcart_scrapy.parsers import Listing

TEMPLATES = files("splitcart_scrapy") / "templates" / "chain"
CHAINS = "splitcart/config/chains.toml"
PLACES = {
    "parser.py": "splitcart_scrapy/parsers/{name}.py",
    "spider.py": "splitcart_scrapy/spiders/{name}.py",
    "stores.py": "splitcart_scrapy/spiders/{name}_stores.py",
    "test.py": "tests/collect/test_{name}.py",
}
CASES = {"tree": "parse_category_tree", "listing": "parse_listing", "stores": "parse_stores"}


class Command(genspider.Command):
    def syntax(self) -> str:
        return "-t chain <name> [<domain>] | [options] <name> <domain>"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if opts.template != "chain" or opts.list or opts.dump:
            super().run(args, opts)
            return
        if len(args) not in {1, 2}:
            raise UsageError("scrapy genspider -t chain NAME [DOMAIN]", print_help=False)
        for path in write_chain(_project(), args[0], args[1] if len(args) == 2 else f"www.{args[0]}.example"):
            sys.stdout.write(f"{path}\n")


def write_chain(project: Path, name: str, domain: str) -> list[str]:
    """Write the parts of the chain ``name`` into a checkout and return their paths; raise UsageError for a bad name.

    Nothing is overwritten: a name that is taken is an error before anything is written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*", name):
        raise UsageError(f"{name!r} is no name for a chain: expected small letters and digits", print_help=False)
    places = {project / place.format(name=name): part for part, place in PLACES.items()}
    taken = [path for path in places if path.exists()]
    if name in get_chains() or taken:
        raise UsageError(f"the chain {name!r} is there already: {taken[0] if taken else CHAINS}", print_help=False)
    words = {"name": name, "title": name.capitalize(), "class_name": name.capitalize(), "domain": domain}
    for path, part in places.items():
        path.write_text(_filled(part, words), encoding="utf-8")
    with (project / CHAINS).open("a", encoding="utf-8") as chains:
        chains.write(_filled("chains.toml", words))
    cases = [_write_case(project, name, case, _filled(f"{case}.json", words)) for case in CASES]
    return [CHAINS, *(path.relative_to(project).as_posix() for path in places), *cases]


def _write_case(project: Path, name: str, case: str, body: str) -> str:
    """Write a body as a fixture, with what the parser of the skeleton makes of it."""
    cases: dict[str, dict[str, Any]] = {
        "tree": {"excluded": []},
        "listing": {
            "listing": {"key": "10", "slug": "pantry", "path": ["Pantry"], "root_slug": "pantry"},
            "roots": {"pantry": "Pantry"},
        },
        "stores": {},
    }
    arguments = cases[case]
    folder = project / "tests" / "fixtures" / name / case
    folder.mkdir(parents=True)
    given = dict(arguments)
    if "listing" in given:
        given["listing"] = msgspec.convert(given["listing"], Listing)
    parser = getattr(import_module(f"splitcart_scrapy.parsers.{name}"), CASES[case])
    output = msgspec.json.format(msgspec.json.encode(parser(body.encode(), **given)), indent=1)
    (folder / "input.json").write_text(body, encoding="utf-8")
    (folder / "meta.json").write_text(
        json.dumps({"parser": CASES[case], "arguments": arguments}, indent=1) + "\n", encoding="utf-8"
    )
    (folder / "output.json").write_bytes(output + b"\n")
    return folder.relative_to(project).as_posix()


def _filled(part: str, words: dict[str, str]) -> str:
    return Template((TEMPLATES / f"{part}.tmpl").read_text(encoding="utf-8")).substitute(words)


def _project() -> Path:
    cfg = closest_scrapy_cfg()
    if not cfg:
        raise UsageError("no scrapy.cfg here or above: run this in a checkout", print_help=False)
    return Path(cfg).parent
