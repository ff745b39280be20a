"""What a spider of barcodes has asked already: a file below ``state/``, a line for each sku."""

import os
from collections.abc import Container
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path
from typing import Self

import msgspec

from splitcart.transfer.records import BarcodeRecord

FOUND = tuple(field.name for field in fields(BarcodeRecord))
REST = timedelta(days=90)  # until a sku is asked about again
MAX_DOUBTFUL = 15  # in a row without a barcode, where two of five have none, are one run in a million


class _Asked(msgspec.Struct, omit_defaults=True):
    sku: str
    at: datetime
    barcode: str | None = None
    ingredients: str | None = None
    allergens: str | None = None
    country_of_origin: str | None = None

    def record(self) -> BarcodeRecord | None:
        found = BarcodeRecord(**{name: getattr(self, name) for name in FOUND})
        return found if found != BarcodeRecord(sku=self.sku) else None


class AskedBarcodes:
    """``found``: records by sku that were found out; ``resting``: skus that had no barcode.

    ``doubtful``: the last of these in a row, which nothing that was found since confirms, at most ``MAX_DOUBTFUL`` of
    earlier runs.

    Each answer is on disk before the next question. The crawl's own lock keeps two processes from one file.
    """

    def __init__(self, path: Path, rows: list[_Asked]) -> None:
        self._path = path
        self._rows = rows
        self.found = {row.sku: record for row in rows if (record := row.record())}
        self.resting = {row.sku for row in rows if not row.barcode}
        missing = takewhile(lambda row: not row.barcode, reversed(rows))
        self.doubtful = [row.sku for row in islice(missing, MAX_DOUBTFUL)]

    @classmethod
    def open(cls, data_dir: Path, company: str, wanted: Container[str], now: datetime) -> Self:
        """Read what was asked about the skus that are still ``wanted``; a last line that a crash cut off was not."""
        path = data_dir / "state" / "barcodes" / f"{company}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows: list[_Asked] = []
        whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
        for line in whole.splitlines():
            row = msgspec.json.decode(line, type=_Asked)
            if row.sku in wanted and row.at > now - REST:
                rows.append(row)
        asked = cls(path, rows)
        asked._write()
        return asked

    def note(self, sku: str, found: BarcodeRecord | None, now: datetime) -> None:
        """Write down the answer about a sku."""
        facts = {name: getattr(found, name) for name in FOUND} if found else {"sku": sku}
        row = _Asked(at=now, **facts)
        self._rows.append(row)
        if row.barcode:
            self.believe()
        else:
            self.doubtful.append(sku)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(row) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def believe(self) -> None:
        """Doubt no answer so far: the site still names barcodes."""
        self.doubtful = []

    def forget_doubtful(self) -> None:
        """Take back what was noted of the doubtful, so that they are asked about again."""
        self._rows = [row for row in self._rows if row.sku not in self.doubtful]
        self.believe()
        self._write()

    def _write(self) -> None:
        part = self._path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in self._rows))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)
