"""What a user may say about the stores to crawl: ``-a store=… -a max_stores=… -a cluster=…``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from scrapy.exceptions import UsageError

from splitcart.config import Chain
from splitcart.measures.ids import canonical_store_id


@dataclass(frozen=True, slots=True)
class StoreArguments:
    """The stores that a user named (or none: the store source decides), how many at most, and from which cluster.

    ``stores`` holds ids, each with the number that the site knows the store by if the user gave one (``ID@NUMBER``).
    """

    stores: tuple[tuple[str, str | None], ...] = ()
    max_stores: int | None = None
    cluster: str | None = None

    @classmethod
    def parse(cls, arguments: Mapping[str, Any], chain: Chain, *, needs_number: bool = False) -> Self:
        """Read the arguments as text; raise UsageError naming what was wrong and what was expected."""
        named = [
            _named_store(chain, part, needs_number=needs_number)
            for part in str(arguments.get("store") or "").split(",")
            if part.strip()
        ]
        if "store" in arguments and not named:
            raise UsageError(f"store={arguments['store']!r} names no store of {chain.name}", print_help=False)
        cluster = arguments.get("cluster")
        if named and cluster:
            raise UsageError("store and cluster exclude each other: name the stores or the cluster", print_help=False)
        return cls(tuple(named), positive("max_stores", arguments.get("max_stores")), str(cluster) if cluster else None)


def _named_store(chain: Chain, text: str, *, needs_number: bool) -> tuple[str, str | None]:
    written, _, number = (part.strip() for part in text.partition("@"))
    store_id = canonical_store_id(chain.slug, written)
    if not chain.is_store_id(store_id):
        raise UsageError(
            f"store={store_id!r} is no store of {chain.name}: expected the form {chain.store_id_pattern}",
            print_help=False,
        )
    if needs_number and not number:
        raise UsageError(
            f"store={store_id!r}: {chain.name}'s site knows its stores by other numbers; expected ID@NUMBER, "
            "the number being the retailer_store_id of the store list",
            print_help=False,
        )
    return store_id, number or None


def positive(name: str, text: Any) -> int | None:
    """Read an argument that is a number from 1 on, None if it was not given; raise UsageError for anything else."""
    if text is None:
        return None
    number = int(str(text)) if str(text).isascii() and str(text).isdecimal() else 0
    if number < 1:
        raise UsageError(f"{name}={text!r} is no number: expected 1 or more", print_help=False)
    return number
