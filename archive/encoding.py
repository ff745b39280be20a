"""JSON as the archive writes it: instants in UTC with ``Z``, unknown values left out, the same value the same bytes."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson


def encode(value: Any, *, indented: bool = False) -> bytes:
    """Return ``value`` as JSON; datetimes must be aware."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z | (orjson.OPT_INDENT_2 if indented else 0))


def known(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``facts`` without the keys that have nothing to say (None, empty text, empty list)."""
    return {key: value for key, value in facts.items() if value is not None and value not in ("", [])}


def joined(first: bytes, second: bytes) -> bytes:
    """Return two JSON objects, neither of them empty, as one; saves encoding the first again for every store."""
    return first[:-1] + b"," + second[1:]


class HashedFile:
    """A new file that is hashed while it is written and is on the disk when it is closed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("xb")
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, text: bytes) -> None:
        self._file.write(text)
        self._hash.update(text)
        self.size_bytes += len(text)

    @property
    def sha256(self) -> str:
        """The hash of everything written so far, in hexadecimal."""
        return self._hash.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
