"""Write the page of commands and the picture of tables from the code itself: ``python docs/generate.py``."""  # noqa: INP001 - a script beside the pages

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from runpy import run_path
from typing import Any, get_args

import typer
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from splitcart.cli.app import app
from splitcart_scrapy.spiders.base import SiteSpider

PAGE = Path(__file__).with_name("commands.md")

INTRODUCTION = """\
# Commands

Written by `python docs/generate.py` from the commands themselves; a test compares it with them.

Every command reads its settings from the environment or from `.env` ([configuration.md](configuration.md)). A command
ends with exit code 0 when all went well, 1 when the work could not be done, 2 when what it was given is wrong, and says
so in one line on standard error; `splitcart --debug COMMAND …` shows the traceback as well.
"""

SPIDERS = """\
## Spiders

`scrapy crawl NAME` runs one; `scrapy list` names them. They find the project by the `scrapy.cfg` of the working
directory (or `SCRAPY_SETTINGS_MODULE=splitcart_scrapy.settings`). `-s NAME=VALUE` overrides a setting of Scrapy, as in
`scrapy crawl aldi -s LOG_LEVEL=DEBUG`. An argument or setting that is wrong is one line and exit code 2. A crawl
that failed is exit code 1; one that a site blocked is not, since staying away is what it is told to do.

Some sites let in nobody but a browser. With `--browser` a spider that is blocked opens the site once in a real one
(Chromium), and goes on with plain requests as the same visitor: with the browser's cookies, under its name. With
`--headed` the browser is shown, and a person has five minutes to answer what the site asks; the crawl then goes on.
"""

# What -a NAME=VALUE means, for all spiders that know the argument.
ARGUMENTS = {
    "store": (
        "Crawl these stores, by the chain's own ids (IGA's: `ID@NUMBER`, the number being the `retailer_store_id`), "
        "separated by commas, in place of what the scheduler lends."
    ),
    "max_skus": "Ask about so many skus at most; without it, about all that lack a barcode.",
    "max_stores": "Stop after so many stores; without it the spider goes on until no store is due.",
    "cluster": "Only stores of this cluster, by its name (`perth`); not together with `store`.",
}


def commands_page() -> str:
    """Return the whole page."""
    root = typer.main.get_command(app)
    parts = [INTRODUCTION, *_command(root, ("splitcart",)), SPIDERS, *_spiders()]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _command(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    name = " ".join(path)
    marks = "##" if len(path) <= 2 else "###"
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    words = [name, *(["COMMAND"] if hasattr(command, "commands") else map(_placeholder, arguments))]
    usage = " ".join([*words, *(["[OPTIONS]"] if options else [])])
    yield f"{marks} {name}\n"
    yield f"`{usage}`\n"
    yield _plain(command.help) + "\n"
    rows = [f"| `{_placeholder(each)}` | {_meaning(each)} |" for each in arguments]
    rows += [f"| {_names(each)} | {_meaning(each)} |" for each in options]
    if rows:
        yield "\n".join(["| argument or option | meaning |", "| --- | --- |", *rows]) + "\n"
    for word, inner in getattr(command, "commands", {}).items():
        yield from _command(inner, (*path, word))


def _plain(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", cleandoc(text or "")))


def _placeholder(parameter: Any) -> str:
    word = (parameter.metavar or parameter.name).strip("[].").upper()
    many = f"{word}…" if parameter.nargs == -1 else word
    return many if parameter.required else f"[{many}]"


def _names(option: Any) -> str:
    value = "" if option.is_flag else f" {_value(option)}"
    return ", ".join(f"`{name}{value}`" for name in option.opts)


def _value(option: Any) -> str:
    choices = [each for each in get_args(option.type_descriptor.annotation) if isinstance(each, str)]
    return " or ".join(choices) or option.name.upper()


def _meaning(parameter: Any) -> str:
    text = (parameter.help or "").replace("|", "\\|")
    notes = ["required"] if parameter.required and parameter.param_type_name == "option" else []
    if parameter.default is not None and parameter.default is not False:
        notes.append(f"default: `{_default(parameter.default)}`")
    return f"{text} ({'; '.join(notes)})" if notes else text


def _default(value: Any) -> str:
    return f"{value:%Y-%m-%d}" if hasattr(value, "strftime") else str(value)


def _spiders() -> Iterator[str]:
    loader = SpiderLoader(Settings({"SPIDER_MODULES": ["splitcart_scrapy.spiders"]}))
    for name in sorted(loader.list()):
        spider = loader.load(name)
        if not issubclass(spider, SiteSpider):
            raise TypeError(f"{name} is no spider of SplitCart")
        yield f"### scrapy crawl {name}\n"
        kind = "The stores of" if name.endswith("_stores") else "The products and prices of stores of"
        yield f"{kind} `{spider.company}`, one file {'a sweep' if name.endswith('_stores') else 'a store'}.\n"
        if rows := [f"| `-a {each}=…` | {ARGUMENTS[each]} |" for each in spider.arguments]:
            yield "\n".join(["| argument | meaning |", "| --- | --- |", *rows]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
    run_path(str(PAGE.with_name("schema_picture.py")), run_name="__main__")
