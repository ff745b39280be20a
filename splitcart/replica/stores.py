"""The stores of a chain: where they stand, what their records say, which lists they price by, what they range."""

from collections.abc import Iterator, Sequence
from math import asin, cos, radians, sin, sqrt
from random import Random

import msgspec

from splitcart.errors import InputError
from splitcart.replica.config import ChainConfig
from splitcart.replica.trees import packaged

Place = tuple[
    str, str, str, float, float, str
]  # suburb, state, postcode, latitude, longitude, city ("" in the country)

STREETS = (
    *(
        "Albany Highway",
        "Station Street",
        "High Street",
        "Beaufort Street",
        "Main Road",
        "Railway Parade",
        "King Street",
    ),
    *(
        "Victoria Road",
        "Scarborough Beach Road",
        "Princes Highway",
        "Church Street",
        "Market Street",
        "Marina Boulevard",
    ),
)
STATES_WITHOUT_ALDI = {"TAS", "NT"}
DIVISIONS = {
    "aldi": None,
    "coles": "Coles Supermarkets",
    "iga": "IGA Online",
    "woolworths": "SUPERMARKETS",
}  # those that have a range


class MarketStore(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a chain's store list, as the site shows it, with the truth beside it.

    ``latitude`` and ``longitude`` are what the site says (None, 0 or nonsense in a dirty row); ``true_latitude`` and
    ``true_longitude`` where the shop stands. ``city`` is the cluster it belongs to, "" for a shop that stands alone.
    ``retailer_store_id`` is the number that the shop of a chain with two registries knows the store by.
    ``priced`` is False for a shop without a grocery range. ``defect`` names what is wrong with the row.
    """

    chain: str
    store_id: str
    name: str
    division: str | None
    address: str
    suburb: str
    state: str
    postcode: str
    latitude: float | None
    longitude: float | None
    true_latitude: float
    true_longitude: float
    phone: str
    city: str
    retailer_store_id: str | None = None
    priced: bool = True
    small: bool = False
    defect: str | None = None


def distance_km(store: MarketStore, latitude: float, longitude: float) -> float:
    """Great-circle distance from where a store really stands."""
    a, b = radians(store.true_latitude), radians(latitude)
    across = radians(longitude - store.true_longitude)
    return 12742 * asin(min(1, sqrt(sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(across / 2) ** 2)))


def build_stores(seed: int, chain: str, config: ChainConfig) -> list[MarketStore]:
    """Make the chain's store list, city by city, then the country; those without a range come last."""
    rng = Random(f"{seed}/{chain}/stores")
    places = _places(rng, config)
    numbers = _ids(chain, rng, len(places))
    small = set(rng.sample(range(len(places)), round(config.small_share * len(places))))
    stores = [
        _store(chain, rng, store_id, place, at in small)
        for at, (store_id, place) in enumerate(zip(numbers, places, strict=True))
    ]
    stores = _spoil(rng, stores, round(config.dirty_share * len(stores)))
    without_range = {"coles": _liquor, "iga": _offline, "woolworths": _petrol}.get(chain)
    if without_range is not None:
        stores += without_range(rng, stores, round(config.petrol_share * len(stores)))
    return stores


def shares(total: int, weights: Sequence[float]) -> list[int]:
    """Deal ``total`` out by weight, by the largest remainder; ties go to the first."""
    exact = [total * weight / sum(weights) for weight in weights]
    dealt = [int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda at: dealt[at] - exact[at])
    for at in by_remainder[: total - sum(dealt)]:
        dealt[at] += 1
    return dealt


def _places(rng: Random, config: ChainConfig) -> list[Place]:
    geography = packaged("places.toml")
    isolated = round(config.isolated_share * config.stores)
    weights = config.cities or {city["name"]: city["weight"] for city in geography["city"]}
    cities = {city["name"]: city for city in geography["city"]}
    if unknown := sorted(set(weights) - set(cities)):
        raise InputError(f"places.toml has no city {unknown[0]!r}; known: {', '.join(cities)}")
    places: list[Place] = []
    for name, count in zip(weights, shares(config.stores - isolated, list(weights.values())), strict=True):
        city = cities[name]
        for at in range(count):
            suburb, postcode, latitude, longitude = city["suburbs"][at % len(city["suburbs"])]
            # Some 1.5 km around the suburb's centre: near enough that a city stays one cluster.
            around = (latitude + rng.uniform(-0.013, 0.013), longitude + rng.uniform(-0.015, 0.015))
            places.append((suburb, city["state"], postcode, *around, name))
    towns = geography["towns"]["all"]
    for at in range(isolated):
        suburb, state, postcode, latitude, longitude = towns[at % len(towns)]
        places.append(
            (suburb, state, postcode, latitude + rng.uniform(-0.01, 0.01), longitude + rng.uniform(-0.01, 0.01), "")
        )
    return places


def _ids(chain: str, rng: Random, count: int) -> list[str]:
    """Ids in the chain's form, not in geographic order; ALDI's have three digits, so there are at most 999."""
    if chain == "aldi":
        if count > 999:
            raise InputError(f"ALDI store ids have three digits: at most 999 stores, got {count}")
        span = min(999, max(50, round(count * 1.4)))
        return [f"G{number:03d}" for number in rng.sample(range(1, span + 1), count)]
    if chain == "iga":
        return [str(number) for number in rng.sample(range(14_127, 23_400), count)]
    if chain == "coles":
        return [f"COL:{number}" for number in rng.sample(range(205, max(1000, 205 + 2 * count)), count)]
    return [str(number) for number in rng.sample(range(1002, 8973), count)]


def _store(chain: str, rng: Random, store_id: str, place: Place, small: bool) -> MarketStore:
    suburb, state, postcode, latitude, longitude, city = place
    address = f"{rng.randrange(1, 480)} {rng.choice(STREETS)}"
    metro = f"{suburb} (Metro)" if small else suburb
    name = {"aldi": address, "coles": f"Coles {suburb}", "iga": f"IGA {suburb}"}.get(chain, metro)
    area = {"NSW": "02", "ACT": "02", "VIC": "03", "TAS": "03", "QLD": "07"}.get(state, "08")
    latitude, longitude = round(latitude, 6), round(longitude, 6)
    return MarketStore(
        chain=chain,
        store_id=store_id,
        name=name,
        division=DIVISIONS[chain],
        retailer_store_id=_tag(store_id) if chain == "iga" else None,
        address=address,
        suburb=suburb,
        state=state,
        postcode=postcode,
        latitude=latitude,
        longitude=longitude,
        true_latitude=latitude,
        true_longitude=longitude,
        phone=f"({area}) {rng.randrange(5000, 9999)} {rng.randrange(1000, 9999)}",
        city=city,
        small=small,
    )


def _spoil(rng: Random, stores: list[MarketStore], count: int) -> list[MarketStore]:
    """Give ``count`` rows one defect each, of the kinds that real store lists have (docs/retailers.md#store-lists)."""
    spoilt = list(stores)
    kinds = ("no coordinates", "empty name", "coordinates 0, 0", "name N/A", "coordinates outside", "twin")
    for turn, at in enumerate(rng.sample(range(len(stores)), count)):
        store, kind = spoilt[at], kinds[turn % len(kinds)]
        twin = spoilt[at - 1]
        changes: dict[str, object] = {
            "no coordinates": {"latitude": None, "longitude": None},
            "empty name": {"name": ""},
            "coordinates 0, 0": {"latitude": 0.0, "longitude": 0.0},
            "name N/A": {"name": "N/A"},
            "coordinates outside": {"latitude": store.true_longitude, "longitude": store.true_latitude},
            "twin": {"latitude": twin.true_latitude, "longitude": twin.true_longitude},
        }[kind]  # type: ignore[assignment]  # the values are of the fields' own types
        spoilt[at] = msgspec.structs.replace(store, defect=kind, **changes)
    return spoilt


def _petrol(rng: Random, stores: list[MarketStore], count: int) -> Iterator[MarketStore]:
    """Shops of Woolworths' petrol divisions: five-digit ids, beside a supermarket, without a range."""
    for at, number in enumerate(rng.sample(range(20_000, 99_999), count)):
        beside = stores[at % len(stores)]
        division = ("AMPOL", "EG")[at % 2]
        name = f"{division.title() if division == 'AMPOL' else division} {beside.suburb}"
        yield _beside(beside, str(number), name, division)


def _liquor(rng: Random, stores: list[MarketStore], count: int) -> Iterator[MarketStore]:
    """Shops of Coles' liquor brands beside its supermarkets, one in thirty of the smaller brand."""
    for at, number in enumerate(rng.sample(range(1_000, 9_999), count)):
        beside = stores[at % len(stores)]
        code, division = ("VIN", "Vintage Cellars") if at % 30 == 29 else ("LQR", "Liquorland")
        yield _beside(beside, f"{code}:{number}", f"{division} {beside.suburb}", division)


def _offline(rng: Random, stores: list[MarketStore], count: int) -> Iterator[MarketStore]:
    """Shops of IGA that sell nothing online, their ids after those that do; one in five has no tag either."""
    taken = {int(store.store_id) for store in stores}
    free = [number for number in range(14_127, 23_400) if number not in taken]
    for at, number in enumerate(rng.sample(free, count)):
        beside = stores[at % len(stores)]
        shop = _beside(beside, str(number), f"IGA X-press {beside.suburb}", "IGA In Store")
        yield msgspec.structs.replace(shop, retailer_store_id=_tag(str(number)) if at % 5 else None)


def _tag(store_id: str) -> str:
    """The number that IGA's shop knows a store by: another one for every id."""
    return str(10_000 + int(store_id) * 7919 % 90_000)


def _beside(store: MarketStore, store_id: str, name: str, division: str) -> MarketStore:
    """Another shop, without a range, some 300 m from ``store``."""
    latitude, longitude = store.true_latitude + 0.002, store.true_longitude + 0.002
    return msgspec.structs.replace(
        store,
        store_id=store_id,
        name=name,
        division=division,
        latitude=round(latitude, 6),
        longitude=round(longitude, 6),
        true_latitude=latitude,
        true_longitude=longitude,
        priced=False,
        small=False,
        defect=None,
    )
