"""Coles' pages: HTML around the data that they are made from (docs/retailers.md#coles)."""

import html
from typing import Any, NamedTuple

import orjson


class Build(NamedTuple):
    """What a deploy of the site brings along. ``key_in_script``: where the pages keep their key for the API."""

    build_id: str
    key: str
    key_in_script: bool = False


def page(build: Build, path: str, query: dict[str, Any], props: dict[str, Any], head: str = "") -> str:
    """Return an HTML page; ``path`` is Next.js' name of the route, ``props`` the page's own data."""
    runtime = {"BFF_API_SUBSCRIPTION_KEY": build.key, "APP_ENV": "prod"}
    blob = {
        "props": {"pageProps": props, "initialState": {}},
        "page": path,
        "query": query,
        "buildId": build.build_id,
        "runtimeConfig": {} if build.key_in_script else runtime,
        "locale": "en",
    }
    script = f"<script>window.__RUNTIME_CONFIG__={_inline(runtime)};</script>" if build.key_in_script else ""
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>Coles</title>"
        f"{script}{head}</head><body><div id='__next'></div>"
        f'<script id="__NEXT_DATA__" type="application/json">{_inline(blob)}</script></body></html>'
    )


def not_found() -> str:
    """Return the page of an address that leads nowhere."""
    return (
        "<!DOCTYPE html><html><head><title>404</title></head><body><h1>This page could not be found</h1></body></html>"
    )


def linked_data(product: dict[str, Any], gtin: str | None, field: str) -> str:
    """Return the JSON-LD of a product's page; ``field``: the name under which it has its barcode, if it has one."""
    facts: dict[str, Any] = {"@context": "https://schema.org/", "@type": "Product", "name": product["name"]}
    facts |= {"sku": str(product["id"]), "brand": {"@type": "Brand", "name": html.unescape(product["brand"])}}
    if gtin:
        facts[field] = gtin
    return f'<script type="application/ld+json">{_inline(facts)}</script>'


def _inline(value: Any) -> str:
    """Write JSON so that it may stand inside a script element."""
    return orjson.dumps(value).decode().replace("</", "<\\/")
