"""The scraper's side of a transfer, run as Windows would run it as far as that can be had elsewhere.

``python as_on_windows.py URL FOLDER``: a crawl is cut off, resumed, committed and sent. What Windows does not have
cannot be imported or called by our code, open files cannot be renamed or removed, folders cannot be opened.
"""

import builtins
import importlib
import os
import pkgutil
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

ABSENT_MODULES = {"fcntl", "grp", "pwd", "posix", "pty", "resource", "syslog", "termios", "tty", "readline", "crypt"}
ABSENT = {
    os: "chown chroot fchmod fchown fork forkpty getegid geteuid getgid getpgid getuid killpg lchown link mkfifo mknod "
    "nice pread pwrite setsid setuid statvfs symlink sync sysconf uname waitid sched_getaffinity O_CLOEXEC O_DIRECTORY",
    signal: "SIGALRM SIGCHLD SIGHUP SIGKILL SIGQUIT SIGUSR1 SIGUSR2 alarm pause setitimer sigwait pthread_kill",
    time: "tzset",
}
FORBIDDEN_IN_NAMES = set('<>:"|?*\\')


def forbid_modules() -> None:
    real = builtins.__import__

    def guarded(name, globals=None, *rest, **named):  # noqa: A002 - the name that __import__ has
        ours = str((globals or {}).get("__name__", "")).startswith(("splitcart", "scheduler"))
        if ours and name.partition(".")[0] in ABSENT_MODULES:
            raise ModuleNotFoundError(f"Windows has no {name}")
        return real(name, globals, *rest, **named)

    builtins.__import__ = guarded


def forbid_calls() -> None:
    for module, names in ABSENT.items():
        for name in names.split():
            vars(module).pop(name, None)


def is_open(path) -> bool:
    wanted = os.path.realpath(path)
    folder = "/proc/self/fd"
    return any(os.path.realpath(f"{folder}/{number}") == wanted for number in real_listdir(folder))


real_listdir, real_open = os.listdir, os.open


def guard_files() -> None:
    """A file that is open can be neither renamed, replaced nor removed; a folder cannot be opened."""
    for name in ("rename", "replace", "remove", "unlink"):
        real = getattr(os, name)

        def guarded(path, *rest, _real=real, **options):
            for one in [path, *rest]:
                if is_open(one):
                    raise PermissionError(13, "being used by another process", str(one))
            return _real(path, *rest, **options)

        setattr(os, name, guarded)

    def open_file(path, *rest, **options):
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *rest, **options)

    os.open = open_file


def lock_with_msvcrt() -> None:
    """The standard library's locks of Windows, by those of this system."""
    import fcntl

    def locking(descriptor: int, mode: int, _bytes: int) -> None:
        assert mode == 2
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    sys.modules["msvcrt"] = SimpleNamespace(LK_NBLCK=2, locking=locking)


def import_ours() -> None:
    """Import every module of the scraper's side."""
    import splitcart.cli.upload
    import splitcart.transfer
    import splitcart_scrapy

    for package in (splitcart.transfer, splitcart_scrapy):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def crawl_and_send(url: str, folder: Path) -> None:
    from datetime import UTC, datetime

    from splitcart.transfer import Client, CrawlWriter, upload_outbox
    from splitcart.transfer.records import CategoryRecord, ProductRecord

    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    outbox = folder / "product_outbox"

    def open_writer() -> CrawlWriter:
        return CrawlWriter.open(outbox, "aldi", "aldi", "G102", lambda: now, nonce="3f9a1c")

    def crawl(writer: CrawlWriter, name: str) -> None:
        writer.add(ProductRecord(sku=name, name=name, category_path=[name], price_cents=100))
        writer.finish_category(
            CategoryRecord(category=name, rows=1, complete=True, observed_from=now, observed_to=now, pages_seen=1)
        )

    with open_writer() as writer:
        crawl(writer, "Dairy")
    with open_writer() as writer:
        crawl(writer, "Bakery")
        committed = writer.commit(complete=True, finish_reason="finished")
    assert committed is not None
    names = [path.name for path in folder.rglob("*")]
    assert not [name for name in names if FORBIDDEN_IN_NAMES & set(name)]
    (outbox / "plain.jsonl").write_bytes(__import__("gzip").decompress(committed.read_bytes()))
    with Client(url, "sc_secret-key", sleep=lambda _: None) as client:
        outcomes = upload_outbox(folder, ["products"], client, lambda: now, keep_days=30)
        print(*sorted(f"{one.path.name} {one.status}" for one in outcomes), sep="\n")  # noqa: T201
        old = upload_outbox(folder, ["products"], client, lambda: datetime(2027, 11, 20, tzinfo=UTC), keep_days=30)
        assert old == []


if __name__ == "__main__":
    import_ours()  # with other people's code, which may use what it finds here
    for name in [name for name in sys.modules if name.startswith("splitcart")]:
        del sys.modules[name]
    lock_with_msvcrt()
    forbid_modules()
    sys.platform = "win32"
    import_ours()
    forbid_calls()
    guard_files()
    crawl_and_send(sys.argv[1], Path(sys.argv[2]))
