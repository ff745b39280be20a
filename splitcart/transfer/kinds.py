"""The kinds of files that travel: their folders, and what must be in them."""

from dataclasses import dataclass

from splitcart.errors import InputError
from splitcart.transfer.gzip_lines import CrawlFileError
from splitcart.transfer.records import BatchRecord, CrawlRecord, FailureClass
from splitcart.transfer.verify import Verified


@dataclass(frozen=True)
class Kind:
    """One kind; ``record`` is the key of its lines, ``folder`` what the names of its outbox and inbox begin with.

    Derived data (``is_derived``) ends with a batch line that names the kind, what was crawled with a crawl line.
    """

    name: str
    record: str
    folder: str
    is_derived: bool = False

    @property
    def outbox(self) -> str:
        """The folder below the data folder where such files wait to be sent."""
        return f"{self.folder}_outbox"

    @property
    def inbox(self) -> str:
        """The folder below the data folder where such files wait to be merged."""
        return f"{self.folder}_inbox"


def _derived(name: str, record: str) -> Kind:
    return Kind(name, record, name.replace("-", "_"), is_derived=True)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("products", "product", "product"),
        Kind("stores", "store", "store"),
        Kind("barcodes", "barcode", "barcode"),
        _derived("bargains", "bargain"),
        _derived("substitutions", "substitution"),
        _derived("category-links", "category_link"),
        _derived("pop-cats", "popular_category"),
        _derived("super-cats", "super_category"),
        _derived("price-summaries", "price_summary"),
        _derived("price-comparisons", "price_comparison"),
        _derived("store-groups", "store_group"),
    )
}


def get_kind(name: str) -> Kind:
    """Return a kind by its name; raise InputError listing the known ones."""
    if name not in KINDS:
        raise InputError(f"unknown kind {name!r}; known: {', '.join(KINDS)}")
    return KINDS[name]


def check_kind(kind: Kind, verified: Verified) -> None:
    """Raise CrawlFileError for a whole file of another kind, or for a crawl that was answered for another store."""
    closing = verified.closing
    if verified.record_key not in {None, kind.record}:
        raise CrawlFileError(f"the file holds {verified.record_key!r} lines; {kind.name} are {kind.record!r} lines")
    if kind.is_derived:
        if not isinstance(closing, BatchRecord):
            raise CrawlFileError(f"the file ends with a crawl line; {kind.name} end with a batch line")
        if closing.kind != kind.name:
            raise CrawlFileError(f"the batch is of the kind {closing.kind!r:.80}, not {kind.name!r}")
        return
    if not isinstance(closing, CrawlRecord):
        raise CrawlFileError(f"the file ends with a batch line; {kind.name} end with a crawl line")
    if (closing.store_id is None) != (kind.record != "product"):
        raise CrawlFileError(f"the crawl is of store {closing.store_id!r}; {kind.name} need {_subject(kind)}")
    if closing.store_verified is False or closing.failure_class is FailureClass.WRONG_STORE:
        raise CrawlFileError(
            f"the site answered crawl {closing.crawl_id} for another store than {closing.store_id!r}; crawl it again"
        )


def _subject(kind: Kind) -> str:
    wholes = {"store": "a sweep of the store list (store_id null)", "barcode": "the whole chain (store_id null)"}
    return wholes.get(kind.record, "one store")


def kind_of(verified: Verified) -> Kind:
    """Return the kind that a whole file is of; raise CrawlFileError when it is of none."""
    for kind in KINDS.values():
        try:
            check_kind(kind, verified)
        except CrawlFileError:
            continue
        return kind
    raise CrawlFileError(f"the file is of no known kind: it holds {verified.record_key!r} lines")
