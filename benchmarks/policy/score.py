"""What came out of one market, and the figures of a table row."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import mean

SERIES = ("ours", "oracle", "second oracle", "flat 98 %", "freshest wins")


@dataclass
class Errors:
    """Shares by day: wrong prices and false availability, of the effective prices; missing, of the shelves' offers."""

    wrong: list[float] = field(default_factory=list)
    ghosts: list[float] = field(default_factory=list)
    missing: list[float] = field(default_factory=list)


@dataclass
class Mover:
    """A store that changed its list on ``day``.

    ``verdict`` is the first one on a crawl that shows the new list, ``ejected_on`` when it lost its place, and
    ``right_after`` whether it stood where its new list is on the evening of that day, ``right_on`` when it first did;
    ``was_ambassador`` when it moved.
    """

    day: int
    was_ambassador: bool
    crawled_on: int | None = None
    verdict: str | None = None
    ejected_on: int | None = None
    right_on: int | None = None
    right_after: bool = False


@dataclass
class Score:
    """What came out for one seed. Days of stores are counted once a day."""

    seed: int
    brute_force: float = 0.0
    inferred: list[float] = field(default_factory=list)
    errors: dict[str, Errors] = field(default_factory=lambda: {name: Errors() for name in SERIES})
    causes: dict[str, int] = field(
        default_factory=Counter
    )  # wrong prices beyond the oracle's, by where the store stood
    checks: int = 0
    rightly_ejected: int = 0
    falsely_ejected: int = 0
    evidence: list[str] = field(default_factory=list)  # what false ejections and confirmed movers were decided on
    merged: int = 0  # price lists of two or more known stores in a group of another list, at most on any day
    flat_merged: int = 0
    strangers: int = 0  # days of stores in a group of another list, though crawled since they have their list
    homeless: int = 0  # days of covered stores without a group, although one has their list
    together: float = 0.0  # of the stores that share a list, those in one group at the end
    alone: float = 0.0  # of the stores that price alone, those without a group at the end
    movers: dict[str, Mover] = field(default_factory=dict)
    groups: int = 0
    restless: int = 0
    stood_still: int | None = None  # in a standing market: runs that changed the partition
    seconds: float = 0.0

    def excess(self, over: str, of: str = "wrong", ours: str = "ours") -> float:
        """The mean over the days of our share less another's."""
        mine, theirs = (getattr(self.errors[name], of) for name in (ours, over))
        return mean(mine) - mean(theirs) if mine else 0.0

    @property
    def false_per_500(self) -> float:
        """False ejections per 500 checks."""
        return 500 * self.falsely_ejected / max(self.checks, 1)

    def movers_of(self, *verdicts: str | None) -> int:
        """How many movers got one of these as their first verdict, of those that were crawled since."""
        known = [mover for mover in self.movers.values() if mover.crawled_on is not None]
        return sum(mover.verdict in verdicts for mover in known)

    @property
    def rehomed_at_once(self) -> int:
        """Movers that were found and stood in the right place after the run that ejected them."""
        found = [mover for mover in self.movers.values() if mover.verdict == "rogue"]
        return sum(mover.right_after for mover in found)


@dataclass(frozen=True)
class Figure:
    """One row of the table; ``digits`` after the point."""

    name: str
    of: Callable[[Score], float]
    aim: str = ""
    digits: int = 0


EXCESS_AIM = "0.1 median, 0.3 most"
FIGURES = (
    Figure("wrong, points over the oracle", lambda score: 100 * score.excess("oracle"), EXCESS_AIM, 3),
    Figure("… over the second oracle", lambda score: 100 * score.excess("second oracle"), EXCESS_AIM, 3),
    Figure(
        "false availability, points over the oracle",
        lambda score: 100 * score.excess("oracle", "ghosts"),
        EXCESS_AIM,
        3,
    ),
    Figure("… over the second oracle", lambda score: 100 * score.excess("second oracle", "ghosts"), "", 3),
    Figure("missing, points over the oracle", lambda score: 100 * score.excess("oracle", "missing"), "", 3),
    Figure("inferred, % of effective prices", lambda score: 100 * mean(score.inferred or [0]), "", 1),
    Figure("checks", lambda score: score.checks),
    Figure("false ejections", lambda score: score.falsely_ejected, "1 per 500 checks"),
    Figure("right ejections", lambda score: score.rightly_ejected),
    Figure("price lists merged", lambda score: score.merged, "0"),
    Figure("… by the flat rule", lambda score: score.flat_merged),
    Figure("stores of one list in one group, %", lambda score: 100 * score.together, "97", 1),
    Figure("per-store pricers without a group, %", lambda score: 100 * score.alone, "100", 1),
    Figure("movers crawled since", lambda score: score.movers_of("rogue", "confirmed", "expired", None), "of 8"),
    Figure("… first verdict rogue", lambda score: score.movers_of("rogue"), "all of these"),
    Figure("… first verdict confirmed", lambda score: score.movers_of("confirmed"), "0"),
    Figure("… no verdict", lambda score: score.movers_of(None, "expired")),
    Figure("… right after the run that ejected them", lambda score: score.rehomed_at_once, "all of the rogues"),
    Figure("runs without news that changed anything", lambda score: score.restless, "0"),
    Figure("groups at the end", lambda score: score.groups),
    Figure("crawls, % of brute force", lambda score: 100 * score.brute_force, "3 to 4", 2),
)
