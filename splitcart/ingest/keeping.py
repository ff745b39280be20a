"""Every accepted file is kept below ``ingested/``: replaying them gives the same rows again."""

from filecmp import cmp
from pathlib import Path
from shutil import copyfile

import orjson

from splitcart.ingest.reading import Quarantined
from splitcart.transfer.disk import make_folder, publish
from splitcart.transfer.records import CrawlRecord


def kept_name(closing: CrawlRecord) -> str:
    """Return where a crawl's file is kept, below the data folder, with forward slashes; crawl ids are file names."""
    return f"ingested/{closing.company}/{closing.started_at:%Y-%m}/{closing.crawl_id}.jsonl.gz"


def keep_file(path: Path, data_dir: Path, name: str) -> Path:
    """Copy ``path`` to its place below ``ingested/``, whole or not at all.

    Other bytes there are of a crawl that was not stored after all; these are, so they replace them.
    """
    final = data_dir / name
    if final.exists() and cmp(path, final, shallow=False):
        return final
    make_folder(final.parent)
    temporary = final.with_suffix(".partial")
    copyfile(path, temporary)
    return publish(temporary, final)


def write_quarantine(data_dir: Path, name: str, lines: list[Quarantined]) -> None:
    """Write the lines that were not stored, with number and reason, beside the kept file."""
    if not lines:
        return
    final = data_dir / name.replace(".jsonl.gz", ".quarantine.jsonl")
    temporary = final.with_suffix(".partial")
    rows = [{"line": line.number, "reason": line.reason, "text": line.line} for line in lines]
    temporary.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    publish(temporary, final)
