"""Reading the server's exports: fetched once, kept while they are current, read as typed rows in constant memory."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
import requests

from splitcart.config import Settings
from splitcart.errors import InputError
from splitcart.transfer.client import Client
from splitcart.transfer.disk import publish
from splitcart.transfer.exported import AS_OF, EXPORTS
from splitcart.transfer.judging import TransferError
from splitcart.transfer.lock import FileLock
from splitcart.transfer.pages import Row, read_page, save_page, write_whole
from splitcart.transfer.records import BatchRecord

INDEX = "index.json"
FIRST = ""  # the cursor of the first page

Progress = Callable[[str], None]


class _Page(msgspec.Struct):
    """A page in the cache; ``next`` is the cursor of the page after it, None: it is the last."""

    file: str
    etag: str
    as_of: datetime
    count: int
    next: str | None


@dataclass(frozen=True)
class Fetched:
    """An export as it lies in the cache, its pages in order.

    ``as_of`` is the instant of the oldest page's snapshot, ``pages_new`` how many pages had changed.
    """

    kind: str
    paths: list[Path]
    rows: int
    pages_new: int
    as_of: datetime
    filters: dict[str, str]

    def write(self, final: Path) -> None:
        """Write all rows into one file, ``.jsonl.gz`` with its closing line; it appears as a whole."""
        final.parent.mkdir(parents=True, exist_ok=True)
        closing = BatchRecord(kind=self.kind, generated_at=self.as_of, count=self.rows, inputs=dict(self.filters))
        write_whole(self.paths, closing, final)


class Exports:
    """The exports of one server, behind a cache: what has not changed there is not sent again.

    A page is put into its place when all of it came, so a fetch that broke off goes on where it was. The methods raise
    InputError for what cannot be asked, TransferError for what attempts did not heal.
    """

    def __init__(self, client: Client, cache: Path) -> None:
        self._client = client
        self._cache = cache / _folder_name(client.base_url)

    @classmethod
    def from_settings(cls, settings: Settings, *, dev: bool = False) -> Self:
        """Return the exports of the server that the settings name, with the cache in the data folder."""
        return cls(Client.from_settings(settings, dev=dev), settings.folder("cache"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def fetch(self, kind: str, *, progress: Progress | None = None, **filters: Any) -> Fetched:
        """Bring an export in the cache up to date.

        ``filters`` are those of docs/http-api.md, None for all: ``company``, ``store`` and ``since`` (an aware
        instant). ``progress`` is called with the name of each page that is current.
        """
        asked = _asked(kind, filters)
        folder = self._cache / kind / _folder_name("-".join(f"{name}={asked[name]}" for name in sorted(asked)) or "all")
        lock = FileLock(folder.with_suffix(".lock"))
        if not lock.acquire():
            raise TransferError(f"another fetch of the same {kind} is running; try again when it has ended")
        try:
            return self._fetch(kind, asked, folder, progress)
        finally:
            lock.release()

    def _fetch(self, kind: str, asked: dict[str, str], folder: Path, progress: Progress | None) -> Fetched:
        index = _Index(folder)
        pages: list[_Page] = []
        pages_new = 0
        cursor: str | None = FIRST
        while cursor is not None:
            known = index.pages.get(cursor)
            page = self._fetch_page(kind, asked, cursor, folder, known)
            if page != known:
                pages_new += known is None or page.etag != known.etag
                index.put(cursor, page)
            pages.append(page)
            if progress:
                progress(f"{kind} {page.file}")
            cursor = page.next
        index.keep_only(pages)
        as_of = min(page.as_of for page in pages)
        paths = [folder / page.file for page in pages]
        return Fetched(kind, paths, sum(page.count for page in pages), pages_new, as_of, asked)

    def rows(self, row: type[Row], **filters: Any) -> Iterator[Row]:
        """Fetch the rows of this type and yield them, a whole store's on one page, else in no order."""
        kind = next(kind for kind, each in EXPORTS.items() if each is row)
        for path in self.fetch(kind, **filters).paths:
            yield from read_page(path, row)

    def _fetch_page(self, kind: str, asked: dict[str, str], cursor: str, folder: Path, known: _Page | None) -> _Page:
        params = asked if cursor == FIRST else asked | {"cursor": cursor}
        headers = {"Accept-Encoding": "gzip"}
        if known:
            headers["If-None-Match"] = known.etag
        take = partial(_take, kind=kind, stem=folder / f"page-{cursor or '0'}", known=known)
        return self._client.get(f"api/export/{kind}/", take, params=params, headers=headers)


def _take(response: requests.Response, *, kind: str, stem: Path, known: _Page | None) -> _Page:
    following = response.links.get("next", {}).get("url")
    try:
        etag, as_of = response.headers["ETag"], datetime.fromisoformat(response.headers[AS_OF])
        after = parse_qs(urlsplit(following).query)["cursor"][0] if following else None
    except (KeyError, ValueError) as error:
        raise TransferError(
            f"{response.url} answered without {error}; is API_SERVER_URL the address of a SplitCart server?",
            response.status_code,
        ) from error
    if response.status_code == requests.codes.not_modified:
        if known is None:
            raise TransferError(f"{response.url} says that nothing changed, but nothing was known", 304)
        return _Page(known.file, known.etag, as_of, known.count, after)
    path = stem.with_name(
        f"{stem.name}-{sha256(etag.encode()).hexdigest()[:12]}.jsonl.gz"
    )  # the index names one of two
    return _Page(path.name, etag, as_of, save_page(response, kind, path).count, after)


class _Index:
    """What lies in one folder of the cache, by cursor; a file that is gone or unreadable is as if never fetched."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        try:
            pages = msgspec.json.decode((folder / INDEX).read_bytes(), type=dict[str, _Page])
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            pages = {}
        self.pages = {cursor: page for cursor, page in pages.items() if (folder / page.file).is_file()}

    def put(self, cursor: str, page: _Page) -> None:
        self.pages[cursor] = page
        partial_file = self._folder / f"{INDEX}.partial"
        partial_file.write_bytes(msgspec.json.encode(self.pages))
        publish(partial_file, self._folder / INDEX)

    def keep_only(self, pages: list[_Page]) -> None:
        """Remove what is no page of the export any more."""
        files = {INDEX, *(page.file for page in pages)}
        for path in self._folder.iterdir():
            if path.name not in files:
                path.unlink()


def check_export(kind: str) -> None:
    """Raise InputError for a name that is no export's, listing the known ones."""
    if kind not in EXPORTS:
        raise InputError(f"unknown export {kind!r}; known: {', '.join(EXPORTS)}")


def _asked(kind: str, filters: dict[str, Any]) -> dict[str, str]:
    check_export(kind)
    asked = {name: value for name, value in filters.items() if value is not None}
    since = asked.get("since")
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise InputError(f"since is {since.isoformat()}; expected an instant with its offset")
        asked["since"] = since.astimezone(UTC).isoformat()
    return asked


def _folder_name(text: str) -> str:
    """Return a name for any file system that tells one text from another."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:60]
    return f"{plain}-{sha256(text.encode()).hexdigest()[:8]}"
