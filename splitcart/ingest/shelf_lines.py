"""Product lines as the ingestion takes them: read, checked, and remembered.

The stores of a price list show the same lines, today and mostly tomorrow. What a line says depends on its bytes alone,
so a worker that has read it once need not read it again.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from msgspec import Struct

from splitcart.database.models import OFFER_COLUMNS, SKU_DETAILS
from splitcart.measures.sizes import total_size
from splitcart.measures.unit_prices import UnitPrice, measures_bought
from splitcart.transfer.lines import decode_product, decode_products
from splitcart.transfer.rows import ProductRow

MEMORY_BYTES = 80 << 20
ROW_BYTES = 600  # that a line takes in memory, measured, beside its own bytes
USES = 32  # of each line, on average, before all are read anew: rows that were read at different times lie apart
MAX_PATHS = 20_000
MAX_PATH_LENGTH = 1024
# Real rows are up to ten times off where the site prints a wrong measure, and a multipack's size may be that of one.
MAX_UNIT_PRICE_RATIO = 60
USUAL_MEASURES = (0.02, 15.0)  # 20 g to 15 kg: what a price buys; reading a size takes longer than all other checks
WEIGHED_MEASURES = frozenset({"1 kg", "1 l"})
UNCATEGORISED = "Uncategorised"
PATH_SEPARATOR = " > "

_details_of = attrgetter(*SKU_DETAILS)
_stock_and_offer_of = attrgetter("available", *OFFER_COLUMNS)


class ShelfRow(Struct, gc=False):
    """A product line: what most files need of it, and the line itself for the rest.

    ``category_path`` is as it is kept, ``root`` the name of the root category that showed the row. ``details_hash`` is
    of the sku's details and the path, in this process. ``stock_and_offer`` holds ``available`` and the offer's columns.
    ``problem``: why the row cannot be true.
    """

    line: bytes
    sku: str
    category_path: tuple[str, ...]
    details_hash: int
    stock_and_offer: tuple[Any, ...]
    problem: str | None
    root: str

    @property
    def price_cents(self) -> int | None:
        """The price, None for a row without an offer that can be used."""
        cents: int | None = self.stock_and_offer[1]
        return cents

    def product(self) -> ProductRow:
        """Return all that the line says, its category path as it is kept."""
        row = decode_product(self.line)
        row.category_path = self.category_path
        return row


class ShelfLines:
    """Reads product lines, and remembers the latest ones in up to about ``max_bytes``.

    Now and then it forgets all of them. A file's rows are quick to go through while they lie in memory as they were
    read, one after the other; after twenty days of 3 % changed lines each a file took a fifth longer.
    """

    def __init__(self, max_bytes: int = MEMORY_BYTES) -> None:
        self._room_bytes = max_bytes // 2
        self._taken_bytes = 0
        self._used = 0  # lines since any were forgotten
        self._latest: dict[bytes, ShelfRow] = {}
        self._before: dict[bytes, ShelfRow] = {}  # thrown away, all at once, when the latest have filled their room
        self._paths: dict[tuple[str, ...], tuple[tuple[str, ...], str | None]] = {}  # as written → as kept, problem

    def read(self, lines: Sequence[bytes]) -> list[ShelfRow] | None:
        """Return a row for each line; None when one of them is no product line."""
        self._used += len(lines)
        if self._used > USES * max(len(self._latest) + len(self._before), len(lines)):
            self._forget()
        rows = list(map(self._latest.get, lines))
        if not all(rows):
            missing = [position for position, row in enumerate(rows) if row is None]
            found = self._find([lines[position] for position in missing])
            if found is None:
                return None
            for position, row in zip(missing, found, strict=True):
                rows[position] = row
        return rows  # type: ignore[return-value]  # none of them is None any more

    def _forget(self) -> None:
        self._latest, self._before, self._taken_bytes, self._used = {}, {}, 0, 0

    def _find(self, lines: list[bytes]) -> list[ShelfRow] | None:
        """Return the rows of lines that are not among the latest, which they are from now on."""
        unread = [line for line in lines if line not in self._before]
        products = decode_products(unread)
        if products is None:
            return None
        rows = self._checked(unread, products)
        if len(rows) < len(lines):
            read = dict(zip(unread, rows, strict=True))
            rows = [read.get(line) or self._before[line] for line in lines]
        self._latest.update(zip(lines, rows, strict=True))
        self._taken_bytes += sum(map(len, lines)) + ROW_BYTES * len(lines)
        if self._taken_bytes > self._room_bytes:
            self._before, self._latest, self._taken_bytes, self._used = self._latest, {}, 0, 0
        return rows

    def _checked(self, lines: Sequence[bytes], products: Sequence[ProductRow]) -> list[ShelfRow]:
        known = self._paths
        kept = [known.get(product.category_path) or self._keep(product.category_path) for product in products]
        paths = [path for path, _ in kept]
        skus = [product.sku for product in products]
        hashes = map(hash, zip(map(_details_of, products), paths, strict=True))
        problems = [problem or _problem(product) for (_, problem), product in zip(kept, products, strict=True)]
        roots = [
            path[0] if product.listed_in is None else category_name(product.listed_in) or UNCATEGORISED
            for path, product in zip(paths, products, strict=True)
        ]
        return list(map(ShelfRow, lines, skus, paths, hashes, map(_stock_and_offer_of, products), problems, roots))

    def _keep(self, written: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
        if len(self._paths) >= MAX_PATHS:
            self._paths.clear()
        path = tuple(name for text in written if (name := category_name(text))) or (UNCATEGORISED,)
        self._paths[written] = path, _path_problem(path)
        return self._paths[written]


def category_name(text: str) -> str:
    """Return a category's name as it is kept: single spaces, and no character that separates the names of a path."""
    return " ".join(text.replace(PATH_SEPARATOR.strip(), " ").split())


def _path_problem(names: tuple[str, ...]) -> str | None:
    if len(PATH_SEPARATOR.join(names)) > MAX_PATH_LENGTH:
        return f"the category path is longer than {MAX_PATH_LENGTH} characters"
    return None


def _problem(row: ProductRow) -> str | None:
    if not row.sku.strip() or not row.name.strip():
        return "sku and name must not be empty"
    cents, per_measure, measure = row.price_cents, row.unit_price_cents, row.unit_measure
    if cents is None or per_measure is None or measure not in WEIGHED_MEASURES:
        return None
    least, most = USUAL_MEASURES
    return None if least < cents / per_measure < most else _contradiction(row, cents, UnitPrice(per_measure, measure))


def _contradiction(row: ProductRow, cents: int, unit_price: UnitPrice) -> str | None:
    """A price that its own unit price contradicts beyond any multipack was misread: dollars for cents, say."""
    measures = measures_bought(unit_price, total_size(row.name, row.size))
    if not measures:
        return None
    expected = unit_price.cents * measures
    if cents < expected * MAX_UNIT_PRICE_RATIO and expected < cents * MAX_UNIT_PRICE_RATIO:
        return None
    return f"price_cents is {cents}, {unit_price.cents} per {unit_price.measure} make {expected:.0f} cents of it"
