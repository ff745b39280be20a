"""What is particular to each chain, read from ``chains.toml`` (or the file that SPLITCART_CHAINS_FILE names)."""

import re
from datetime import time
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from splitcart.config.addresses import is_address
from splitcart.errors import InputError
from splitcart.measures.slugs import slug

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Share = Annotated[float, Meta(ge=0, le=1)]
Span = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class ChangeTime(msgspec.Struct, frozen=True):
    """A weekly instant, local to the store, at which a chain changes prices. ``weekday``: Monday is 0."""

    weekday: int
    at: time


class Chain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One chain's settings; docs/configuration.md explains every key."""

    name: str
    store_id_pattern: str
    base_urls: dict[str, str]
    slug: str = ""
    divisions_kept: list[str] = []
    excluded_categories: list[str] = []
    change_times: list[str] = []
    own_brands: list[str] = []
    delay_seconds: Span = 1.0
    # geography
    eps_km: Annotated[float, Meta(gt=0)] = 25.0
    min_samples: Count = 3
    crawls_a_day: Count = 0  # how many stores all hosts together crawl; clusters are cut to it; 0: not at all
    # what is crawled next; docs/scheduling.md tells how
    discovery_share: Share = 0.5  # of the crawls, while both phases have work
    # comparing; docs/grouping.md tells how
    true_overlap: Share = 0.98
    range_overlap: Share = 0.95
    min_shared_skus: Count = 20
    category_min_shared: Count = 8
    category_min_different: Count = 3
    category_error_rate: Share = 0.02
    category_tail: Share = 0.001
    window_hours: Span = 48.0
    bracket_days: Span = 10.0
    min_stable_share: Share = 0.30
    min_stable_skus: Count = 200
    current_pricing_hours: Span = 72.0
    check_hours: Span = 20.0  # a group, or an outlier, at most once in so many: daily, with slack for the hour
    roll_out_hours: Span = 12.0  # after a change time, until every store shows the new prices
    max_solo_change: Share = 0.10
    max_flip_change: Share = 0.20  # the same across a change time
    price_event_share: Share = 0.01
    remerge_days: Span = 14.0
    max_exception_categories: Count = 3
    max_exception_share: Share = 0.25
    min_category_stores: Count = 3
    # completeness
    complete_share: Share = 0.90
    min_reference_rows: Count = 10
    # watching; docs/watching.md tells how
    min_field_coverage: dict[str, Share] = msgspec.field(default_factory=lambda: {"price_cents": 0.8})
    max_silence_hours: Span = 48.0
    store_doubt: str = ""

    def is_store_id(self, text: str) -> bool:
        """Tell whether ``text`` has the form of this chain's store ids."""
        return re.fullmatch(self.store_id_pattern, text) is not None

    def parsed_change_times(self) -> list[ChangeTime]:
        """Return the change times; raise InputError for one that is not like ``Wed 00:00``."""
        return [_change_time(self.slug, text) for text in self.change_times]


def _change_time(slug: str, text: str) -> ChangeTime:
    match = re.fullmatch(r"(\w{3}) (\d\d):(\d\d)", text)
    if match is None or match[1] not in WEEKDAYS or int(match[2]) > 23 or int(match[3]) > 59:
        raise InputError(f"chains file, {slug}.change_times: {text!r} is not like 'Wed 00:00'; correct it")
    return ChangeTime(WEEKDAYS.index(match[1]), time(int(match[2]), int(match[3])))


def read_chains(path: Path | None = None) -> dict[str, Chain]:
    """Read all chains by slug from ``path`` (the packaged file when None); raise InputError naming what is wrong."""
    try:
        source = path.read_bytes() if path else files("splitcart.config").joinpath("chains.toml").read_bytes()
    except OSError as error:
        raise InputError(f"SPLITCART_CHAINS_FILE names {path}: {error.strerror}; correct or unset it") from error
    try:
        chains = msgspec.toml.decode(source, type=dict[str, Chain])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(
            f"chains file {path or 'chains.toml'}: {error}; docs/configuration.md lists the keys"
        ) from error
    chains = {name: msgspec.structs.replace(chain, slug=name) for name, chain in chains.items()}
    for chain in chains.values():
        _check(chain)
    return chains


def _check(chain: Chain) -> None:
    """Raise InputError for what the form of the file does not tell: texts that mean something."""
    chain.parsed_change_times()
    if slug(chain.slug) != chain.slug:
        raise InputError(f"chains file: {chain.slug!r} cannot name a chain; expected lower-case letters and digits")
    try:
        re.compile(chain.store_id_pattern)
    except re.error as error:
        raise InputError(
            f"chains file, {chain.slug}.store_id_pattern: {chain.store_id_pattern!r} is no pattern: {error}; correct it"
        ) from error
    for key, url in chain.base_urls.items():
        if not is_address(url):
            raise InputError(
                f"chains file, {chain.slug}.base_urls.{key}: {url!r} is not the address of a site; correct it"
            )


@cache
def _chains(path: Path | None) -> dict[str, Chain]:
    return read_chains(path)


def get_chains() -> dict[str, Chain]:
    """All chains by slug, from the file that the settings name."""
    from splitcart.config.settings import get_settings  # noqa: PLC0415 - settings and chains are one room

    return _chains(get_settings().chains_file)


def get_chain(slug: str) -> Chain:
    """Return one chain; raise InputError listing the known ones for an unknown slug."""
    chains = get_chains()
    if slug not in chains:
        raise InputError(f"unknown company {slug!r}; known: {', '.join(sorted(chains))}")
    return chains[slug]
