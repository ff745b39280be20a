"""Product records as a reader gives them back."""

from dataclasses import asdict

import msgspec

from splitcart.transfer.records import ProductRecord
from splitcart.transfer.rows import ProductRow


def as_read(record: ProductRecord) -> ProductRow:
    """Return the row that reading a record's line gives."""
    return msgspec.convert(asdict(record), ProductRow)
