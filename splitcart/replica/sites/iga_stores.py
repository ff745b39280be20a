"""IGA's two registries: all shops by place, behind a script of another company, and the online shop's own list."""

import html
from collections.abc import Sequence
from heapq import nsmallest
from random import Random
from typing import Any

import orjson

from splitcart.measures.local_time import zone_for_state
from splitcart.replica.stores import MarketStore, distance_km

LOCATIONS = 23_001
NEARBY = 29  # an answer holds no more, whatever limit is asked for
HOURS = "Mon-Fri: 7am-9pm\r\nSat-Sun: 8am-8pm"


class Registries:
    """Writes both lists; a shop's number in the second is its tag in the first."""

    def __init__(self, stores: Sequence[MarketStore]) -> None:
        self._stores = stores

    def around(self, location: int) -> bytes | None:
        """Return the answer for a location id, None for one that does not exist.

        Locations are the neighbourhoods of shops, as many of each; their ids follow no order of places.
        """
        if not 1 <= location <= LOCATIONS:
            return None
        rng = Random(f"location {location}")
        home = self._stores[rng.randrange(len(self._stores))]
        here = home.true_latitude + rng.uniform(-0.2, 0.2), home.true_longitude + rng.uniform(-0.2, 0.2)
        ranked = nsmallest(NEARBY, ((distance_km(store, *here), store.store_id, store) for store in self._stores))
        shops = "".join(
            f'<div class="store" data-storedata="{html.escape(orjson.dumps(_shop(store, away)).decode())}"></div>'
            for away, _, store in ranked
        )
        return b"callbackName(" + orjson.dumps({"content": shops, "breadcrumb": "Store Locator"}) + b")"

    def online(self, stores: Sequence[MarketStore] | None = None) -> bytes:
        """Return the online shop's list: of all online stores, or of these."""
        stores = [store for store in self._stores if store.priced] if stores is None else stores
        return orjson.dumps({"total": len(stores), "items": [_online_store(store) for store in stores]})


def _shop(store: MarketStore, away: float) -> dict[str, str]:
    """A shop as the registry has it: nothing but texts, coordinates of zero where it has none."""
    shown = [f"{value or 0:.4f}" for value in (store.latitude, store.longitude)]
    return {
        "storeId": store.store_id,
        "retailerId": "183",
        "storeName": store.name,
        "address": store.address,
        "suburb": store.suburb,
        "state": store.state,
        "postcode": store.postcode,
        "phone": store.phone,
        "fax": "",
        "hours": HOURS.replace("\r\n", "; "),
        "hoursDay": HOURS,
        "regionId": "0",
        "latitude": shown[0],
        "longitude": shown[1],
        "tag": store.retailer_store_id or "",
        "locationNumber": "",
        "saleGroupId": "0",
        "christmasHours": "",
        "updateTimeStamp": "1757390000",
        "postcodeId": "0",
        "storeUrl": "",
        "updated": "1",
        "onlineShopUrl": f"https://www.igashop.com.au/?rsid={store.retailer_store_id}" if store.priced else "",
        "ecommerceUrl": "",
        "distance": f"{away:.2f}",
    }


def _online_store(store: MarketStore) -> dict[str, Any]:
    has_place = bool(store.latitude and store.longitude)
    return {
        "id": f"d5517e32-285c-4805-aa82-{int(store.store_id):012d}",
        "status": "Active",
        "type": "Regular",
        "name": store.name,
        "addressLine1": store.address,
        "addressLine2": "",
        "addressLine3": None,
        "countyProvinceState": store.state,
        "postCode": store.postcode,
        "city": store.suburb,
        "country": "Australia",
        "email": "store@example.com.au",
        "phone": store.phone,
        "retailerStoreId": store.retailer_store_id,
        "timeZone": zone_for_state(store.state).key,
        "currency": "AUD",
        "openingHours": "Mon-Fri: 7am\u20139pm; Sat-Sun: 8am\u20138pm",
        "location": {"latitude": store.latitude, "longitude": store.longitude} if has_place else None,
        "languages": [{"isoCode": "en-AU", "isDefault": True}],
        "siteId": "8c744d67-1ce2-4e4b-81d1-e29966f362a7",
        "urls": [],
        "categoryHierarchyId": "93c41c59-c564-4639-ae57-2cff46842aa0",
        "shoppingModes": ["planning", "delivery", "pickup"],
    }
