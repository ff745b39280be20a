"""How Woolworths' site writes a product and a store (docs/retailers.md#woolworths)."""

import re
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from splitcart.replica.catalogue import MarketSku
from splitcart.replica.pricelist import MarketOffer
from splitcart.replica.stores import MarketStore
from splitcart.replica.trees import Node

_MARKER = b'"IsSponsoredAd":false,"AdStatus":null,"FulfilmentStoreId":0'
_IMAGES = "https://cdn1.woolworths.media/content/wowproductimages"


class Bundle(NamedTuple):
    """A product row's bundle in two pieces; between them stands what depends on the store and on advertising."""

    head: bytes
    tail: bytes

    def written(self, store: bytes, *, sponsored: bool = False) -> bytes:
        """Return the bundle as answered for ``store`` (its number)."""
        advert = b'"IsSponsoredAd":true,"AdStatus":"SP"' if sponsored else b'"IsSponsoredAd":false,"AdStatus":null'
        return self.head + advert + b',"FulfilmentStoreId":' + store + self.tail


def product_bundle(sku: MarketSku, offer: MarketOffer, departments: list[Node], *, vendor: str | None = None) -> Bundle:
    """Write a product. ``departments``: those that list it, its own first; ``vendor``: a marketplace row's seller."""
    row = _row(sku, offer, departments, vendor)
    whole = orjson.dumps({"Products": [row], "Name": row["Name"], "DisplayName": row["DisplayName"]})
    head, marker, tail = whole.partition(_MARKER)
    assert marker, "the row lost its marker"
    return Bundle(head, tail)


def _row(sku: MarketSku, offer: MarketOffer, departments: list[Node], vendor: str | None) -> dict[str, Any]:
    shown = offer.price_shown
    price = offer.price_cents / 100 if shown else None
    was = (offer.was_cents or offer.price_cents) / 100 if shown else None
    cup = offer.cup_cents / 100 if shown else None
    display = f"{sku.name} {sku.size}"
    return {
        "Stockcode": int(sku.code),
        "Barcode": sku.gtin,
        "GtinFormat": len(sku.gtin or "") or 13,
        "CupPrice": cup,
        "InstoreCupPrice": cup,
        "CupMeasure": sku.unit.shown,
        "CupString": f"${cup:,.2f} / {sku.unit.shown}" if cup is not None else "None",
        "InstoreCupString": f"${cup:,.2f} / {sku.unit.shown}" if cup is not None else "None",
        "HasCupPrice": cup is not None,
        "Price": price,
        "InstorePrice": price,
        "Name": sku.name,
        "DisplayName": display,
        "UrlFriendlyName": re.sub(r"[^a-z0-9]+", "-", sku.name.lower()).strip("-"),
        "Description": f" {sku.name}<br>{sku.size}",
        "SmallImageFile": f"{_IMAGES}/small/{sku.code:0>6}.jpg",
        "MediumImageFile": f"{_IMAGES}/medium/{sku.code:0>6}.jpg",
        "LargeImageFile": f"{_IMAGES}/large/{sku.code:0>6}.jpg",
        "IsNew": False,
        "IsHalfPrice": offer.special_kind == "half_price",
        "IsOnlineOnly": False,
        "IsOnSpecial": offer.was_cents is not None and shown,
        "IsEdrSpecial": False,
        "SavingsAmount": (offer.was_cents - offer.price_cents) / 100 if offer.was_cents and shown else 0.0,
        "WasPrice": was,
        "InstoreWasPrice": was,
        "QuantityInTrolley": 0,
        "Unit": "KG" if sku.pack.form == "weighed" else "Each",
        "MinimumQuantity": 1,
        "HasBeenBoughtBefore": False,
        "IsInTrolley": False,
        "Source": "Browse",
        "SupplyLimit": 36,
        "ProductLimit": 36,
        "IsInStock": shown,
        "PackageSize": sku.size,
        "IsPmDelivery": False,
        "IsForCollection": True,
        "IsForDelivery": True,
        "IsForExpress": True,
        "CentreTag": _centre_tag(offer),
        "IsCentreTag": False,
        "ImageTag": {"TagType": "None", "FallbackText": None},
        "AgeRestricted": False,
        "IsMarketProduct": vendor is not None,
        "Vendor": vendor,
        "IsSponsoredAd": False,
        "AdStatus": None,
        "FulfilmentStoreId": 0,
        "IsRanged": True,
        "IsPurchasable": shown,
        "IsAvailable": shown,
        "Brand": sku.brand,
        "Variety": None,
        "Rating": {"Average": 0, "RatingCount": 0, "ReviewCount": 0},
        "AdditionalAttributes": _attributes(sku, departments),
    }


def _centre_tag(offer: MarketOffer) -> dict[str, Any]:
    tag: dict[str, Any] = {"TagType": "None", "TagContent": None, "MultibuyData": None, "MemberPriceData": None}
    if offer.multi_buy_cents and offer.multi_buy_quantity:
        total = offer.multi_buy_cents / 100
        text = f"{offer.multi_buy_quantity} for ${total:.2f}"
        tag |= {"TagType": "Multibuy", "TagContent": text}
        tag["MultibuyData"] = {"Quantity": offer.multi_buy_quantity, "Price": total, "CupTag": None}
    elif offer.member_cents:
        price = offer.member_cents / 100
        tag |= {
            "TagType": "MemberPrice",
            "TagContent": f"Member price ${price:.2f}",
            "MemberPriceData": {"Price": price},
        }
    return tag


def _attributes(sku: MarketSku, departments: list[Node]) -> dict[str, Any]:
    """The attributes, those named json being JSON inside a string; some say nothing with the literal "None"."""
    turn = crc32(sku.code.encode())
    food = sku.pack.unit in {"g", "ml"} and departments[0].slug not in {"cleaning-maintenance", "personal-care"}
    told = food and turn % 3 == 0
    return {
        "sapdepartmentname": sku.path[0].upper(),
        "sapcategoryname": sku.path[-1].upper(),
        "sapsubcategoryname": sku.path[-1].upper(),
        "sapsegmentname": None,
        "PiesProductDepartmentsjson": _json([{"Id": node.id, "Description": node.name} for node in departments]),
        "piesdepartmentnamesjson": _json([node.name for node in departments]),
        "piescategorynamesjson": _json(list(sku.path[1:2])),
        "piessubcategorynamesjson": _json(list(sku.path[2:3])),
        "healthstarrating": str(1 + turn % 9 / 2) if told else "None" if turn % 5 == 0 else None,
        "ingredients": f"{sku.path[-1]} (90%), Salt, Water." if told else "None" if turn % 7 == 0 else None,
        "allergystatement": "Contains Milk" if told and turn % 2 else None,
        "allergenmaybepresent": "May contain traces of Soy" if told and turn % 5 == 0 else None,
        "countryoforigin": None,
        "storageinstructions": None,
        "lifestyleanddietarystatement": None,
        "nutritionalinformation": '{"Name":"Nutritional Information","Attributes":[]}',
        "description": f"{sku.name}<br>",
    }


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def store_row(store: MarketStore, distance_km: float) -> dict[str, Any]:
    """Return one row of the store locator; numbers are strings."""
    shown = [None if value is None else f"{value:.6f}" for value in (store.latitude, store.longitude)]
    metro = ["Metro"] if store.small and store.priced else []
    return {
        "Division": store.division,
        "StoreNo": store.store_id,
        "Name": store.name,
        "AddressLine1": store.address,
        "AddressLine2": None,
        "Suburb": store.suburb,
        "State": store.state,
        "Postcode": store.postcode,
        "Latitude": shown[0],
        "Longitude": shown[1],
        "GeoLevel": "0",
        "Distance": f"{distance_km:.2f}",
        "Phone": store.phone,
        "GMTZone": "10:0",
        "IsOpen": False,
        "PartnerUrl": None,
        "TradingHours": [
            {"Day": "Today", "OpenHour": "7:00AM - 10:00PM", "TradingHourForDisplay": "Mon - Sun: 7:00AM - 10:00PM"}
        ],
        "Facilities": [*metro, "WiFi"],
        "CategorisedFacilities": [],
        "NearbyPartners": None,
    }
