"""What every spider is held to: ``scrapy checkall``."""

import inspect
import re
from collections.abc import Iterator
from statistics import median

from scrapy import Spider
from scrapy.settings import BaseSettings

from splitcart.config import get_chain, get_settings
from splitcart.errors import InputError
from splitcart_scrapy.spiders.base import BarcodeSpider, SiteSpider, StoreListSpider, StorePricesSpider

MAX_LINES = 60
MIN_DELAY_SECONDS = 1.0
KINDS: dict[str, type[Spider]] = {
    "": StorePricesSpider,
    "_stores": StoreListSpider,
    "_barcodes": BarcodeSpider,
}


def problems(spider: type[Spider], settings: BaseSettings) -> list[str]:
    """Return what is wrong with a spider: naming, docstrings, length, and the settings that it would run with.

    ``settings`` are the project's, and are changed.
    """
    if not issubclass(spider, SiteSpider):
        return [f"derives from {spider.__bases__[0].__name__}, not from a base of splitcart_scrapy.spiders.base"]
    try:
        get_chain(spider.company)
    except InputError as error:
        return [str(error)]
    return [*_naming(spider), *_words(spider), *_length(spider), *_addresses(spider), *_manners(spider, settings)]


def lines_of(spider: type[Spider]) -> int:
    """Return how many lines a spider's module has."""
    return len(_source(spider).splitlines())


def median_lines(spiders: list[type[Spider]]) -> float:
    """Return the median of their lengths."""
    return median(lines_of(spider) for spider in spiders)


def _source(spider: type[Spider]) -> str:
    module = inspect.getmodule(spider)
    assert module is not None
    return inspect.getsource(module)


def _naming(spider: type[SiteSpider]) -> Iterator[str]:
    kind = spider.name.removeprefix(spider.company)
    if not spider.name.startswith(spider.company) or kind not in KINDS:
        expected = ", ".join(f"{spider.company}{each}" for each in KINDS)
        yield f"is named {spider.name!r}, expected one of {expected}"
    elif not issubclass(spider, KINDS[kind]):
        yield f"is no {KINDS[kind].__name__}, as its name says"
    if (module := spider.__module__.rpartition(".")[2]) != spider.name:
        yield f"lies in the module {module!r}, expected {spider.name!r}"
    class_name = "".join(word.capitalize() for word in spider.name.split("_")) + "Spider"
    if spider.__name__ != class_name:
        yield f"is the class {spider.__name__}, expected {class_name}"


def _words(spider: type[SiteSpider]) -> Iterator[str]:
    module = inspect.getmodule(spider)
    said = inspect.getdoc(module) or ""
    if not re.fullmatch(r"[A-Z][^\n]+ \(docs/retailers\.md#[\w-]+\)\.", said.partition("\n")[0]):
        yield "its module's docstring does not begin with a sentence that ends with (docs/retailers.md#…)."
    own = spider.__dict__.get("__doc__")
    if own and not re.match(r"[A-Z].*?[.:;](\s|$)", inspect.cleandoc(own), re.DOTALL):
        yield "its docstring does not begin with a sentence"


def _length(spider: type[SiteSpider]) -> Iterator[str]:
    if (count := lines_of(spider)) > MAX_LINES:
        yield f"its module has {count} lines, at most {MAX_LINES} are allowed: move logic to the parser or a base"


def _addresses(spider: type[SiteSpider]) -> Iterator[str]:
    chain, source = get_chain(spider.company), _source(spider)
    for key in re.findall(r"""base_url\(["'](\w+)["']\)""", source):
        if key not in chain.base_urls:
            yield f"asks for the base URL {key!r}, which chains.toml does not have"
    if found := re.search(r"""["']https?://[^"']+""", source):
        yield f"names the address {found.group()[1:]} itself: it belongs into chains.toml"


def _manners(spider: type[SiteSpider], settings: BaseSettings) -> Iterator[str]:
    settings.delete("DOWNLOAD_DELAY", "cmdline")
    spider.update_settings(settings)
    delay = settings.getfloat("DOWNLOAD_DELAY")
    if delay < MIN_DELAY_SECONDS or delay != get_chain(spider.company).delay_seconds:
        yield f"DOWNLOAD_DELAY is {delay:g}, expected the chain's delay_seconds, and no less than {MIN_DELAY_SECONDS:g}"
    if settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN") != 1:
        yield "CONCURRENT_REQUESTS_PER_DOMAIN is not 1"
    if not str(settings["USER_AGENT"]).endswith(f"(+{get_settings().contact})"):
        yield "USER_AGENT does not end with our name and contact"
    for name, wanted in (
        ("DOWNLOAD_VERIFY_CERTIFICATES", True),
        ("COOKIES_ENABLED", True),
        ("TELNETCONSOLE_ENABLED", False),
        ("REMOTE_CONTROL_ENABLED", False),
    ):
        if settings.getbool(name) is not wanted:
            yield f"{name} is not {wanted}"
