"""What a run has read of the database and need not read again."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grouping.verdict import Snapshot

MAX_KEPT = 1_000  # snapshots of 20,000 skus each: 200 MB

Kind = Literal["crawl", "list", "store"]
Read = Callable[[list[int]], dict[int, Snapshot]]


@dataclass(frozen=True, slots=True)
class Changes:
    """Which lines of a list changed after ``since``, as places in the catalogue, and when (seconds since 1970)."""

    since: datetime
    at: NDArray[np.int64]
    when: NDArray[np.float64]


class Shelf:
    """Snapshots by kind, scope and row id: kept over the steps of a run, the latest used to the number of ``MAX_KEPT``.

    What a crawl showed stays true. A list, or what a store offers, is kept until a crawl comes in between two steps, or
    the run itself changes the list.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Kind, int | None, int], Snapshot | None] = OrderedDict()
        self._changes: dict[tuple[int | None, int], Changes] = {}
        self._newest_crawl: int | None = None

    def heed(self, newest_crawl: int) -> None:
        """Forget what may have changed if this (row id) is not the company's newest crawl as it was."""
        if newest_crawl != self._newest_crawl:
            self._changes.clear()
            for key in [key for key in self._kept if key[0] != "crawl"]:
                del self._kept[key]
        self._newest_crawl = newest_crawl

    def forget_list(self, group_id: int) -> None:
        """The group's list has changed: it is to be read anew."""
        for scope in {scope for _, scope, _ in self._kept}:
            self._kept.pop(("list", scope, group_id), None)
            self._changes.pop((scope, group_id), None)

    def find(self, kind: Kind, scope: int | None, row_ids: Iterable[int], read: Read) -> dict[int, Snapshot]:
        """Return snapshots by row id as far as they are about the scope; what is not at hand is read.

        What nothing is known of is left out.
        """
        found, unknown = {}, []
        for row_id in row_ids:
            key = kind, scope, row_id
            if key not in self._kept:
                unknown.append(row_id)
                continue
            self._kept.move_to_end(key)
            if (snapshot := self._kept[key]) is not None:
                found[row_id] = snapshot
        if unknown:
            fresh = read(unknown)
            self._kept |= {(kind, scope, row_id): fresh.get(row_id) for row_id in unknown}
            found |= fresh
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found

    def find_changes(
        self,
        scope: int | None,
        group_ids: Iterable[int],
        since: datetime,
        read: Callable[[list[int]], dict[int, Changes]],
    ) -> dict[int, Changes]:
        """Return the changes of lists since an instant, or a longer time; what is not at hand is read."""
        asked = {group_id: (scope, group_id) for group_id in group_ids}
        unknown = [
            group_id for group_id, key in asked.items() if key not in self._changes or self._changes[key].since > since
        ]
        if unknown:
            self._changes |= {asked[group_id]: changes for group_id, changes in read(unknown).items()}
        return {group_id: self._changes[key] for group_id, key in asked.items()}
