"""How quickly one server process takes uploads, and in how much memory.

    python -m benchmarks.transfer

floor: one core inflates (isal), hashes (SHA-256) and syntax-checks (msgspec, all lines in one call) the same bytes, in
memory and with nothing around it. stdlib: the endpoint as one would write it first, with gunzip and checks of the
standard library in the event loop. upload: the real server, a process of its own on loopback, four clients in another.
Then 50 clients at once, and a body of 500 MB; peak is the most memory that the server ever held (VmHWM).
"""

# ruff: noqa: S603 - the processes are this file's own

import argparse
import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import BinaryIO, Self

import msgspec
import requests
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from isal import isal_zlib
from pydantic import SecretStr

from splitcart.config import Settings
from splitcart.database import open_database
from splitcart.server import Limits, create_app
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CrawlRecord, ProductRecord

KEY = "sc_benchmark"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MANY = "1000000/minute"
WORDS = [f"{a}{b}{c}" for a in ("al", "be", "cor", "de") for b in ("no", "ri", "sta") for c in ("", "ng", "lo", "ted")]

_check_lines = msgspec.json.Decoder(msgspec.Raw).decode_lines
_sessions = threading.local()


def product_lines(rows: int, rng: random.Random, noise_bytes: int = 0) -> bytes:
    """Return lines of products with the details that shops show, and so many bytes of noise in hex for a text."""
    return b"".join(encode_line(_product(row, rng, noise_bytes)) for row in range(rows))


def _product(row: int, rng: random.Random, noise_bytes: int) -> ProductRecord:
    code = rng.randrange(10**6)
    name = f"Article {code} of the house {' '.join(rng.choices(WORDS, k=3))}"
    return ProductRecord(
        sku=f"{rng.randrange(10**17):018}",
        name=name,
        category_path=["Dairy", f"Shelf {row % 40}"],
        brand=f"Brand {rng.randrange(500)}",
        price_cents=rng.randrange(100, 3000),
        unit_price_cents=rng.randrange(10, 300),
        unit_measure="100 g",
        available=True,
        size=f"{rng.randrange(1, 40) * 25} g",
        barcode=f"{rng.randrange(10**13):013}",
        description=rng.randbytes(noise_bytes).hex() or " ".join(rng.choices(WORDS, k=25)),
        image_url=f"https://images.example.com/large/{code}.jpg",
        url=f"https://www.example.com/product/{code}/{name.lower().replace(' ', '-')}",
    )


def closing_line(number: int, rows: int) -> bytes:
    """Return the closing line of a crawl."""
    closing = CrawlRecord(
        crawl_id=f"aldi-g{number}-{rows}",
        spider="aldi",
        company="aldi",
        store_id="G102",
        started_at=NOON,
        finished_at=NOON,
        rows=rows,
        complete=True,
    )
    return encode_line(closing)


def crawl_bytes(number: int, rows: int) -> bytes:
    """Return a whole crawl."""
    return gzip.compress(product_lines(rows, random.Random(number)) + closing_line(number, rows))


def write_large(path: Path, size_mb: int) -> None:
    """Write a crawl of so many MB that hardly shrink: the same gzip member again and again."""
    rows = 100
    member = gzip.compress(product_lines(rows, random.Random(1), 50_000), 1)
    times = -(-size_mb * 1_000_000 // len(member))
    with path.open("wb") as file:
        for _ in range(times):
            file.write(member)
        file.write(gzip.compress(closing_line(5000, rows * times)))


def floor(body: bytes) -> None:
    """Inflate, hash and check one body, all at once in memory: values of JSON, as many as lines."""
    hashlib.sha256(body).hexdigest()
    text = isal_zlib.decompress(body, 31)
    if len(_check_lines(text)) != text.count(b"\n"):
        raise ValueError("not one value a line")


def stdlib_app(folder: Path) -> FastAPI:
    """Return an endpoint that checks the same with the standard library, in the event loop."""
    app = FastAPI()

    @app.post("/api/upload/products/")
    async def upload(request: Request) -> None:
        inflate, digest, rest, count = zlib.decompressobj(31), hashlib.sha256(), b"", 0
        sha256 = request.headers["X-Content-SHA256"]
        path = folder / f"{sha256}.part"
        with path.open("wb") as file:
            async for piece in request.stream():
                digest.update(piece)
                file.write(piece)
                lines = (rest + inflate.decompress(piece)).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    count += len(json.loads(line))
            file.flush()
            os.fsync(file.fileno())
        if not inflate.eof or digest.hexdigest() != sha256:
            raise HTTPException(422)
        path.replace(folder / sha256)

    return app


def serve(folder: Path, which: str, port: int) -> None:
    """Serve until killed; ``which``: upload or stdlib."""
    if which == "stdlib":
        app = stdlib_app(folder)
    else:
        settings = Settings(data_dir=folder, api_secret_key=SecretStr(KEY), rate_internal=MANY)
        engine = open_database(settings.resolved_database_url)
        app = create_app(settings, engine, lambda: NOON, limits=Limits(max_bytes=1 << 30))
    uvicorn.run(app, port=port, log_level="error")


def peak_mb(process: "subprocess.Popen[bytes]") -> int:
    """Return the most memory that a process ever held, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def send(url: str, body: bytes | BinaryIO, sha256: str) -> None:
    """Send one file; raise for any answer but a good one."""
    headers = {"X-API-Key": KEY, "X-Content-SHA256": sha256}
    if not hasattr(_sessions, "one"):
        _sessions.one = requests.Session()  # as our client keeps its connection
    _sessions.one.post(f"{url}/api/upload/products/", data=body, headers=headers, timeout=300).raise_for_status()


def send_all(url: str, bodies: list[bytes], clients: int) -> float:
    """Send them with so many clients at once; return seconds."""
    begin = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda body: send(url, body, hashlib.sha256(body).hexdigest()), bodies))
    return time.perf_counter() - begin


class Served:
    """A server in a process of its own; ``port`` must be free."""

    def __init__(self, folder: Path, which: str, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "benchmarks.transfer", "--serve", which, str(folder), str(port)]
        self.process = subprocess.Popen(command)

    def __enter__(self) -> Self:
        while True:
            try:
                requests.get(f"{self.url}/healthz", timeout=5)
            except requests.ConnectionError:
                time.sleep(0.05)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large-mb", type=int, default=500)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        which, folder, port = given.serve
        serve(Path(folder), which, int(port))
        return
    with TemporaryDirectory() as name:
        measure(Path(name), given)


def measure(folder: Path, given: argparse.Namespace) -> None:
    """Run all of it below ``folder``."""
    bodies = [crawl_bytes(number, given.rows) for number in range(given.files)]
    size = sum(map(len, bodies)) / 1e6
    print(f"{given.files} files of {given.rows:,} rows, {size / given.files:.2f} MB each; median of {given.rounds}")
    seconds: dict[str, list[float]] = {"floor": [], "stdlib": [], "upload": []}
    for turn in range(given.rounds):
        begin = time.process_time()
        for body in bodies:
            floor(body)
        seconds["floor"].append(time.process_time() - begin)
        for place, which in enumerate(("stdlib", "upload")):
            below = folder / f"{which}-{turn}"
            below.mkdir()
            with Served(below, which, 8700 + place) as server:
                seconds[which].append(send_all(server.url, bodies, 4))
    least, first = median(seconds["floor"]), median(seconds["stdlib"])
    for what, found in seconds.items():
        took = median(found)
        print(f"{what:8} {size / took:7.1f} MB/s gz {least / took:5.2f} of the floor {first / took:5.2f} of stdlib")
    small = [crawl_bytes(1000 + number, given.rows // 4) for number in range(200)]
    with Served(folder / "many", "upload", 8703) as server:
        before = peak_mb(server.process)
        took = send_all(server.url, small, 50)
        print(f"50 clients at once: 200 files in {took:.1f} s, no error; peak {before} -> {peak_mb(server.process)} MB")
    path = folder / "large.jsonl.gz"
    write_large(path, given.large_mb)
    with Served(folder / "large", "upload", 8704) as server:
        before = peak_mb(server.process)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            begin = time.perf_counter()
            send(server.url, file, sha256)
        took = time.perf_counter() - begin
        size = path.stat().st_size / 1e6
        print(f"one body of {size:.0f} MB: {took:.1f} s; peak {before} -> {peak_mb(server.process)} MB")


if __name__ == "__main__":
    main()
