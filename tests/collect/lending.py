"""A store source for tests: lends what the test put on the desk, and remembers what came back."""

from typing import ClassVar

from splitcart.config import Settings
from splitcart.errors import FailedError
from splitcart.measures.lease import StoreLease


class LendingDesk:
    """Named by import path in the settings, as an operator's own source would be."""

    waiting: ClassVar[list[StoreLease]] = []
    released: ClassVar[list[tuple[str, str, str | None]]] = []
    heartbeats: ClassVar[list[str]] = []
    asked: ClassVar[list[tuple[str, str, str | None]]] = []
    broken: ClassVar[set[str]] = set()
    error: ClassVar[type[Exception]] = FailedError

    @classmethod
    def put(cls, company: str, *store_ids: str, **facts: object) -> None:
        cls.waiting += [
            StoreLease(company=company, store_id=store_id, reason="a test asks for it", lease_id=at, **facts)
            for at, store_id in enumerate(store_ids, 1)
        ]

    @classmethod
    def clear(cls) -> None:
        for kept in (cls.waiting, cls.released, cls.heartbeats, cls.asked, cls.broken):
            kept.clear()
        cls.error = FailedError

    def __init__(self, settings: Settings, company: str, worker: str, *, cluster: str | None = None) -> None:
        self.asked.append((company, worker, cluster))

    def next_store(self) -> StoreLease | None:
        self._fail("next_store")
        return self.waiting.pop(0) if self.waiting else None

    def heartbeat(self, lease: StoreLease) -> None:
        self.heartbeats.append(lease.store_id)
        self._fail("heartbeat")

    def release(self, lease: StoreLease, outcome: str, failure_class: str | None) -> None:
        self._fail("release")
        self.released.append((lease.store_id, outcome, failure_class))

    def _fail(self, method: str) -> None:
        if method in self.broken:
            raise self.error(f"{method} does not work in this test")
