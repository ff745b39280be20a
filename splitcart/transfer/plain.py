"""Plain ``.jsonl`` files that somebody put into an outbox: whole ones are compressed, others are left as they are."""

import gzip
import shutil
from pathlib import Path

from splitcart.errors import InputError
from splitcart.transfer.disk import publish, sync_folder
from splitcart.transfer.gzip_lines import CrawlFileError
from splitcart.transfer.verify import verify_file

PLAIN = ".jsonl"
LEVEL = 6
COPY_BYTES = 1 << 18


def compress_plain(path: Path) -> Path:
    """Put ``NAME.jsonl.gz`` in the place of ``NAME.jsonl``, durably, and return it; the same lines, the same bytes.

    Raises InputError, and leaves the file alone, when it is not whole (somebody may still be writing it) or when
    another file has its compressed name. Killed at any point, it is done again from the beginning.
    """
    final = path.with_name(f"{path.name}.gz")
    partial = path.with_name(f"{path.name}.gz.partial")
    with path.open("rb") as plain, partial.open("wb") as raw, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed:
        shutil.copyfileobj(plain, packed, COPY_BYTES)
    try:
        sha256 = verify_file(partial).sha256
        if final.exists() and verify_file(final).sha256 != sha256:
            raise InputError(f"{path.name} and {final.name} are not the same; rename one of them")
    except CrawlFileError as error:
        partial.unlink()
        what = str(error).replace(partial.name, path.name)
        raise InputError(f"{what}; it stays as it is, since somebody may still be writing it") from error
    except InputError:
        partial.unlink()
        raise
    publish(partial, final)
    path.unlink()
    sync_folder(path.parent)
    return final
