"""What a market is made from: a seed, a first day, and the figures of each chain."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from splitcart.errors import InputError

CHAINS = ("aldi", "coles", "iga", "woolworths")
MOST_BESIDE = 3  # shops without a range for each that has one: of IGA's, two in three have no online shop


class Move(NamedTuple):
    """A store changes its price list on ``day``; ``store`` is an id or an index, ``to`` a list (None: the next one)."""

    chain: str
    store: str | int
    day: int
    to: str | None = None


class ListChange(NamedTuple):
    """An unscheduled change of ``share`` of a list's prices on ``day``; ``price_list`` is a name ("A") or an index."""

    chain: str
    price_list: str | int
    day: int
    share: float


class ChainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The figures of one chain; every ``*_share`` lies between 0 and 1 (``petrol_share``: 0 and 3).

    Stores: ``stores`` counts the priced shops; ``cities`` weights the cities of places.toml (None: as there);
    ``isolated_share`` of them stand alone in country towns, ``dirty_share`` have a defect in their record,
    ``petrol_share`` of that number stand in the list besides, without a range (petrol, liquor, nothing online).
    Lists: ``lists`` price lists that differ in ``list_difference`` of their prices; ``mixed_share`` of the stores take
    some categories from another list, ``solo_share`` price on their own (``solo_difference``); the first root category
    differs between states in ``regional_difference`` of its prices.
    Ranges: ``skus`` stand on the shelf of a full store on day 0; ``small_share`` of the stores lack whole roots or a
    tenth to a third of the skus; ``range_noise`` of the skus is missing anywhere; ``cross_listed_share`` of them stand
    in a second root category too.
    Time: ``promoted_share`` of the skus are promoted, of which ``flip_share`` change on ``flip_weekday`` (Monday is 0)
    at 00:00 local; on other days ``daily_share`` of the prices; about every ``unscheduled_every_days`` (0: never) a
    list changes by ``unscheduled_share`` (from, to); ``turnover_share`` of the skus leaves and arrives a day;
    ``move_rate`` is the chance of a store to change its list on a day.
    Locally: ``clearance_share`` of each store's skus is on clearance, ``unpriced_share`` is listed without a price.
    """

    stores: int = 40
    skus: int = 600
    lists: int = 3
    roots: int | None = None
    leaves_per_root: int | None = None
    cities: dict[str, float] | None = None
    isolated_share: float = 0.12
    dirty_share: float = 0.05
    petrol_share: float = 0.0
    list_difference: float = 0.12
    mixed_share: float = 0.08
    solo_share: float = 0.05
    solo_difference: float = 0.75
    regional_difference: float = 0.2
    small_share: float = 0.12
    range_noise: float = 0.002
    promoted_share: float = 0.25
    flip_share: float = 0.30
    flip_weekday: int = 2
    daily_share: float = 0.002
    unscheduled_every_days: float = 10.0
    unscheduled_share: tuple[float, float] = (0.01, 0.08)
    turnover_share: float = 0.0005
    move_rate: float = 0.0003
    clearance_share: float = 0.003
    unpriced_share: float = 0.0
    cross_listed_share: float = 0.03

    def __post_init__(self) -> None:
        for name in ("stores", "skus", "lists"):
            if getattr(self, name) < 1:
                raise InputError(f"a market's {name} must be at least 1, got {getattr(self, name)}")
        shares = [
            name for name in self.__struct_fields__ if name.endswith(("_share", "_difference", "_noise", "_rate"))
        ]
        for name in shares:
            figures = getattr(self, name)
            most = MOST_BESIDE if name == "petrol_share" else 1
            for share in figures if isinstance(figures, tuple) else (figures,):
                if not 0 <= share <= most:
                    raise InputError(f"a market's {name} must lie between 0 and {most}, got {share}")
        if not 0 <= self.flip_weekday <= 6:
            raise InputError(f"a market's flip_weekday must be 0 (Monday) to 6, got {self.flip_weekday}")


def default_chains() -> dict[str, ChainConfig]:
    """Forty stores of each chain, with the chain's own habits."""
    return {
        "aldi": ChainConfig(promoted_share=0.10),
        "coles": ChainConfig(skus=900, petrol_share=0.5, unpriced_share=0.008),
        "iga": ChainConfig(solo_share=0.8, solo_difference=0.6, petrol_share=0.5),
        "woolworths": ChainConfig(skus=900, petrol_share=0.3, unpriced_share=0.006),
    }


def still(**figures: object) -> ChainConfig:
    """Return a small chain in which nothing but the weekly flip ever happens and every record is clean, for tests.

    Produce still differs between states; ``figures`` replace any of this.
    """
    quiet: dict[str, object] = dict.fromkeys(
        (
            *("isolated_share", "dirty_share", "mixed_share", "solo_share", "small_share", "range_noise", "move_rate"),
            *("daily_share", "unscheduled_every_days", "turnover_share", "clearance_share", "cross_listed_share"),
        ),
        0.0,
    )
    small: dict[str, object] = {"stores": 4, "skus": 80, "lists": 1, "roots": 3, "leaves_per_root": 2}
    return msgspec.convert({**quiet, **small, **figures}, ChainConfig)


class MarketConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A whole market. Day 0 is the date of ``start`` (aware), in every store's own time zone from its midnight on."""

    seed: int = 1
    start: datetime = datetime(2026, 11, 2, tzinfo=UTC)
    chains: Mapping[str, ChainConfig] = msgspec.field(default_factory=default_chains)
    moves: Sequence[tuple[str, str | int, int] | Move] = ()
    list_changes: Sequence[tuple[str, str | int, int, float] | ListChange] = ()

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise InputError(f"a market needs an aware start, got {self.start!r}; add a time zone")
        if unknown := sorted(set(self.chains) - set(CHAINS)):
            raise InputError(f"the market has no chain {unknown[0]!r}; known: {', '.join(CHAINS)}")
        for row in (*self.moves, *self.list_changes):
            if row[0] not in self.chains:
                raise InputError(f"{row!r} names the chain {row[0]!r}, which this market lacks")
            if row[2] < 1:
                raise InputError(f"{row!r}: changes begin on day 1, the day after the market's first")

    def moves_of(self, chain: str) -> list[Move]:
        """The explicit moves of one chain's stores."""
        return [Move(*row) for row in self.moves if row[0] == chain]

    def list_changes_of(self, chain: str) -> list[ListChange]:
        """The explicit changes of one chain's lists."""
        return [ListChange(*row) for row in self.list_changes if row[0] == chain]
