"""What nobody should send, each with the answer that it gets; docs/reliability.md has the same table."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.server.conftest import crawl_file

WHOLE = crawl_file()
LINES = gzip.decompress(WHOLE)
FIRST, CLOSING = LINES.split(b"\n", 1)[0], LINES.splitlines()[-1]
MANY = b'{"product":{}}\n'


@dataclass(frozen=True)
class Hostile:
    """A request that differs from a good one; ``headers`` replace (None: leave out), ``more`` are added as they are."""

    what: str
    status: int
    body: bytes = WHOLE
    headers: Mapping[str, bytes | None] = field(default_factory=dict)
    more: bytes = b""
    line: bytes = b"POST /api/upload/products/ HTTP/1.1"

    def request(self, key: str) -> bytes:
        """Return its bytes; the connection is to be closed after the answer."""
        right: dict[str, bytes | None] = {
            "Host": b"x",
            "Connection": b"close",
            "X-API-Key": key.encode(),
            "Content-Type": b"application/gzip",
            "Content-Length": str(len(self.body)).encode(),
            "X-Content-SHA256": hashlib.sha256(self.body).hexdigest().encode(),
        }
        sent = {name: value for name, value in (right | dict(self.headers)).items() if value is not None}
        head = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in sent.items())
        return self.line + b"\r\n" + head + self.more + b"\r\n" + self.body


def closing(**changes: object) -> bytes:
    """A file of one product whose closing line says something else."""
    crawl = json.loads(CLOSING)["crawl"] | {"rows": 1} | changes
    return gzip.compress(FIRST + b"\n" + json.dumps({"crawl": crawl}).encode() + b"\n")


def row(line: bytes) -> bytes:
    """A file of one line."""
    return gzip.compress(line + b"\n" + json.dumps({"crawl": json.loads(CLOSING)["crawl"] | {"rows": 1}}).encode())


def named_gzip(name: bytes) -> bytes:
    """A gzip whose header says what the file is to be called."""
    return WHOLE[:3] + bytes([8]) + WHOLE[4:10] + name + b"\0" + WHOLE[10:]


def upload_to(path: bytes) -> bytes:
    return b"POST " + path + b" HTTP/1.1"


SHA256 = hashlib.sha256(WHOLE).hexdigest().encode()
STATED = b"X-Content-SHA256: " + SHA256 + b"\r\n"

HOSTILE = [
    Hostile("a bomb: few bytes, many lines", 413, gzip.compress(MANY * 1_000_000, 9)),
    Hostile("a bomb in a hundred members", 413, gzip.compress(MANY * 10_000, 9) * 100),
    Hostile("a bomb behind a good file", 422, WHOLE + gzip.compress(MANY * 1_000_000, 9)),
    Hostile("a bomb of one endless line", 413, gzip.compress(b" " * 6_000_000, 9)),
    Hostile("an endless line that is no bomb", 422, gzip.compress(b" " * 6_000_000, 1)),
    Hostile("a gzip in a gzip", 422, gzip.compress(WHOLE)),
    Hostile("twenty thousand empty members", 422, gzip.compress(b"", mtime=0) * 20_000),
    Hostile("a wrong checksum at the end", 422, WHOLE[:-8] + bytes(4) + WHOLE[-4:]),
    Hostile("a member cut in the middle, another after it", 422, WHOLE[:-20] + WHOLE),
    Hostile("zlib or deflate, not gzip", 422, b"\x78\x9c" + WHOLE[10:]),
    Hostile("a name with a path in the gzip header", 201, named_gzip(b"../../../etc/passwd")),
    Hostile("a crawl id that climbs", 422, closing(crawl_id="../../../tmp/x")),
    Hostile("a crawl id that is absolute", 422, closing(crawl_id="/etc/cron.d/x")),
    Hostile("a crawl id with a backslash", 422, closing(crawl_id="..\\x")),
    Hostile("a crawl id with a NUL", 422, closing(crawl_id="x\0y")),
    Hostile("a crawl id of 5,000 letters", 422, closing(crawl_id="x" * 5000)),
    Hostile("a crawl id that looks like a hidden file", 422, closing(crawl_id=".profile")),
    Hostile("a crawl id in letters of another script", 422, closing(crawl_id="\u0430ldi-1")),
    Hostile("a kind that climbs", 404, line=upload_to(b"/api/upload/../../product_inbox/")),
    Hostile("a kind that climbs, encoded", 404, line=upload_to(b"/api/upload/..%2f..%2fproduct_inbox/")),
    Hostile("a kind with a NUL", 404, line=upload_to(b"/api/upload/products%00/")),
    Hostile("a kind that is no UTF-8", 404, line=upload_to(b"/api/upload/%ff%fe/")),
    Hostile("a path of 100,000 bytes", 404, line=upload_to(b"/api/upload/" + b"x" * 100_000 + b"/")),
    Hostile("a path without its last slash", 307, line=upload_to(b"/api/upload/products")),
    Hostile("another method", 405, line=b"PUT /api/upload/products/ HTTP/1.1"),
    Hostile("no HTTP at all", 400, line=b"\x16\x03\x01\x02"),
    Hostile("a length below nothing", 400, headers={"Content-Length": b"-1"}),
    Hostile("a length in words", 400, headers={"Content-Length": b"1e3"}),
    Hostile("a length with a sign", 400, headers={"Content-Length": b"+5"}),
    Hostile("two lengths that differ", 400, more=b"Content-Length: 1\r\n"),
    Hostile("a length of nineteen digits", 413, b"", {"Content-Length": b"9" * 19}),
    Hostile("a length too short", 422, headers={"Content-Length": b"40"}),
    Hostile("a length too long", 408, headers={"Content-Length": str(len(WHOLE) + 9).encode()}),
    Hostile("no length", 411, b"", {"Content-Length": None}),
    Hostile("chunks", 411, b"0\r\n\r\n", {"Content-Length": None, "Transfer-Encoding": b"chunked"}),
    Hostile("chunks and a length", 411, b"0\r\n\r\n", {"Transfer-Encoding": b"chunked"}),
    Hostile("an unknown transfer coding", 400, headers={"Transfer-Encoding": b"gzip, chunked"}),
    Hostile("a header of 400,000 bytes", 400, headers={"X-Filler": b"x" * 400_000}),
    Hostile("four thousand headers of 100 bytes", 400, more=b"X-Filler: %s\r\n" % (b"x" * 90) * 4000),
    Hostile("a header with a line end in it", 400, headers={"X-Filler": b"a\rb"}),
    Hostile("a header that is folded", 201, crawl_file(crawl_id="aldi-folded"), more=b"X-Filler: a\r\n b\r\n"),
    Hostile("two SHA-256, the second right", 422, headers={"X-Content-SHA256": b"0" * 64}, more=STATED),
    Hostile("a SHA-256 with a path in it", 400, headers={"X-Content-SHA256": b"../" + SHA256[3:]}),
    Hostile("a SHA-256 in other digits", 400, headers={"X-Content-SHA256": "²".encode("latin-1") * 64}),
    Hostile("two keys, the second right", 401, headers={"X-API-Key": b"wrong"}, more=b"X-API-Key: sc_secret-key\r\n"),
    Hostile("a key that is no ASCII", 401, headers={"X-API-Key": b"\xff\xfe"}),
    Hostile("the key with spaces in it", 401, headers={"X-API-Key": b"sc_secret- key"}),
    Hostile("a form", 415, headers={"Content-Type": b"multipart/form-data; boundary=x"}),
    Hostile("compressed once more by the way", 415, headers={"Content-Encoding": b"gzip"}),
    Hostile("a byte order mark", 422, row(b"\xef\xbb\xbf" + FIRST)),
    Hostile("bytes that are no UTF-8", 422, row(b'{"product":{"name":"\xff"}}')),
    Hostile("UTF-16", 422, gzip.compress(LINES.decode().encode("utf-16"))),
    Hostile("arrays ten thousand deep", 422, row(b'{"product":' + b"[" * 10_000 + b"]" * 10_000 + b"}")),
    Hostile("a number that is none", 422, row(b'{"product":{"price_cents":NaN}}')),
    Hostile("two records in a line", 422, row(b'{"product":{},"store":{}}')),
    Hostile("a key written with an escape", 422, row(b'{"pr\\u006fduct":{}}')),
    Hostile("a count below nothing", 422, closing(rows=-1)),
    Hostile("a count of a thousand digits", 422, closing(rows=10**1000)),
    Hostile("a time without its offset", 422, closing(started_at="2026-11-20T11:00:00")),
    Hostile("a time before all time", 422, closing(started_at="0001-01-01T00:00:00+14:00")),
    Hostile("two closing lines", 422, gzip.compress(LINES + CLOSING + b"\n")),
    Hostile("lines after the closing one", 422, gzip.compress(CLOSING + b"\n" + LINES)),
]
