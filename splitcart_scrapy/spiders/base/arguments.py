"""What a user may say about the stores to crawl: ``-a store=… -a max_stores=… -a cluster=…``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from scrapy.exceptions import UsageError

from splitcart.config import Chain
from splitcart.measures.ids import canonical_store_id


@dataclass(frozen=True, slots=True)
class StoreArguments:
    """The stores that a user named (or none: the store source decides), how many at most, and from which cluster."""

    stores: tuple[str, ...] = ()
    max_stores: int | None = None
    cluster: str | None = None

    @classmethod
    def parse(cls, arguments: Mapping[str, Any], chain: Chain) -> Self:
        """Read the arguments as text; raise UsageError naming what was wrong and what was expected."""
        named = [
            canonical_store_id(chain.slug, part)
            for part in str(arguments.get("store") or "").split(",")
            if part.strip()
        ]
        if "store" in arguments and not named:
            raise UsageError(f"store={arguments['store']!r} names no store of {chain.name}", print_help=False)
        for store_id in named:
            if not chain.is_store_id(store_id):
                raise UsageError(
                    f"store={store_id!r} is no store of {chain.name}: expected the form {chain.store_id_pattern}",
                    print_help=False,
                )
        cluster = arguments.get("cluster")
        if named and cluster:
            raise UsageError("store and cluster exclude each other: name the stores or the cluster", print_help=False)
        return cls(tuple(named), _positive(arguments.get("max_stores")), str(cluster) if cluster else None)


def _positive(text: Any) -> int | None:
    if text is None:
        return None
    number = int(str(text)) if str(text).isascii() and str(text).isdecimal() else 0
    if number < 1:
        raise UsageError(f"max_stores={text!r} is no number of stores: expected 1 or more", print_help=False)
    return number
