"""Stores leased from the server over HTTP."""

from typing import Any, TypeVar

import msgspec

from splitcart.config import Settings
from splitcart.measures.lease import StoreLease
from splitcart.transfer.client import Client
from splitcart.transfer.judging import TransferError

LOST = 409

Answer = TypeVar("Answer")


class LeaseLostError(TransferError):
    """The lease has run out and may be another worker's; what was crawled under it is still worth sending."""


class _Leases(msgspec.Struct):
    leases: list[StoreLease]


class HttpStores:
    """The store source of a scraper host: one store at a time from the server's scheduler (docs/http-api.md).

    All methods block, and raise TransferError for what the client's attempts did not heal. A lease whose answer got
    lost on the way returns to the queue when it runs out.
    """

    def __init__(
        self, settings: Settings, company: str, worker: str, *, cluster: str | None = None, client: Client | None = None
    ) -> None:
        self._client = client or Client.from_settings(settings)
        self._company = company
        self._worker = worker
        self._cluster = cluster

    def next_store(self) -> StoreLease | None:
        """Lease the store that the scheduler wants crawled next, None when there is none now."""
        wanted = {"company": self._company, "worker": self._worker, "limit": 1, "cluster": self._cluster}
        leases = self._read("api/schedule/lease/", wanted, _Leases).leases
        return leases[0] if leases else None

    def heartbeat(self, lease: StoreLease) -> None:
        """Prolong a lease; raise LeaseLostError when it is lost. A store that the user named has none to prolong."""
        if lease.lease_id is not None:
            lease.expires_at = self._read(f"api/schedule/leases/{lease.lease_id}/heartbeat/", {}, StoreLease).expires_at

    def release(self, lease: StoreLease, outcome: str, failure_class: str | None) -> None:
        """Give a store back; raise LeaseLostError when the lease ended otherwise, which costs nothing but the news."""
        if lease.lease_id is not None:
            body = {"outcome": outcome, "failure_class": failure_class}
            self._post(f"api/schedule/leases/{lease.lease_id}/release/", body)

    def _read(self, path: str, body: dict[str, Any], expected: type[Answer]) -> Answer:
        answer = self._post(path, body)
        try:
            return msgspec.json.decode(answer, type=expected)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise TransferError(
                f"{path}: the server's answer is not understood ({error}); update SplitCart on both sides"
            ) from error

    def _post(self, path: str, body: dict[str, Any]) -> bytes:
        try:
            return self._client.post(path, body)
        except TransferError as error:
            if error.status == LOST:
                raise LeaseLostError(str(error), LOST) from error
            raise
