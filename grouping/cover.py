"""Greedy star cover: which price lists belong together, when likeness is not transitive; pure.

A star is a leader and those that match it. Any two of its members may differ by more than the match rule allows, each
of them from the leader does not: a group's list is such a leader.
"""

import numpy as np
from numpy.typing import NDArray


def star_cover(overlap: NDArray[np.float32]) -> list[list[int]]:
    """Cover rows by stars of at least two: the largest possible star first, its leader in front of its members.

    ``overlap`` is symmetric, 0 where two rows do not match. Of equally large stars the one whose leader stands in the
    lower row is first; a row that matches several leaders belongs to the one that it overlaps most, and of these to the
    first. What belongs to no star matches no leader.
    """
    leaders = _leaders(overlap > 0)
    if not leaders:
        return []
    mine = overlap[leaders]
    mine[np.arange(len(leaders)), leaders] = np.inf  # a leader leads
    best = np.where(mine.max(axis=0) > 0, mine.argmax(axis=0), -1)
    stars = []
    for place, leader in enumerate(leaders):
        members = np.flatnonzero(best == place).tolist()
        stars.append([leader, *(row for row in members if row != leader)])
    return [star for star in stars if len(star) > 1]


def _leaders(match: NDArray[np.bool_]) -> list[int]:
    match = match.copy()
    np.fill_diagonal(match, val=False)
    left = np.ones(len(match), dtype=bool)
    degree = match.sum(axis=1, dtype=np.int64)
    leaders: list[int] = []
    while len(degree) and degree.max() > 0:
        leader = int(degree.argmax())
        leaders.append(leader)
        covered = match[leader] & left
        covered[leader] = True
        left &= ~covered
        degree -= match[:, covered].sum(axis=1, dtype=np.int64)
        degree[covered] = 0
    return leaders
