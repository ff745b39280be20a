"""``splitcart replica``: local sites to practise on."""

import signal
from datetime import datetime
from threading import Event
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from splitcart.cli.common import console
from splitcart.config import get_settings

FIRST_DAY = datetime(2026, 11, 2)  # noqa: DTZ001 - a date as typed; every store has its own midnight of it


def replica(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8900,
    seed: Annotated[int, typer.Option(help="Another seed is another market.")] = 1,
    stores: Annotated[int, typer.Option(min=1, max=900, help="Priced stores of each chain.")] = 40,
    skus: Annotated[int, typer.Option(min=1, help="Skus on the shelf of a full store.")] = 600,
    lists: Annotated[int, typer.Option(min=1, help="Price lists of each chain.")] = 3,
    first_day: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The market's day 0; prices have moved on since then.")
    ] = FIRST_DAY,
    city: Annotated[list[str] | None, typer.Option(help="Put the stores into this city; may be repeated.")] = None,
    ignore_store: Annotated[
        bool, typer.Option("--ignore-store", help="Answer for a store of the site's own choice, whatever is asked.")
    ] = False,
    weather: Annotated[
        list[str] | None,
        typer.Option(
            help="A fault and which requests it strikes, like rate_limit,share=0.05,seconds=2 or"
            " block,chain=coles,since=2026-11-05T02:00:00Z; may be repeated."
        ),
    ] = None,
) -> None:
    """Serve replicas of the retailers' sites, with made-up stores and prices, until interrupted."""
    import msgspec

    from splitcart.replica import Market, MarketConfig, default_chains
    from splitcart.replica.server import ReplicaServer
    from splitcart.replica.sites.weather import Rule, Weather

    rules = [Rule.parse(text) for text in weather or []]
    cities = dict.fromkeys(city, 1.0) if city else None
    chains = {
        chain: msgspec.structs.replace(config, stores=stores, skus=skus, lists=lists, cities=cities)
        for chain, config in default_chains().items()
    }
    start = first_day.replace(tzinfo=ZoneInfo("Australia/Sydney"))
    market = Market(MarketConfig(seed=seed, start=start, chains=chains))
    interrupted = Event()
    with ReplicaServer(
        market, get_settings().clock(), Weather(*rules), port=port, ignores_store=ignore_store
    ) as server:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: interrupted.set())
        console.print(
            f"Replica sites on {server.url}: {stores} stores a chain, seed {seed}. Spiders find them with",
            soft_wrap=True,
        )
        for name, url in server.urls.items():
            console.print(f"export {name}={url}", highlight=False, soft_wrap=True)
        console.print("for example:")
        for chain in market.chains:
            store = market.stores(chain)[0]
            named = "@".join(filter(None, (store.store_id, store.retailer_store_id)))
            console.print(f"  scrapy crawl {chain} -a store={named} -s DOWNLOAD_DELAY=0", highlight=False)
            console.print(f"  scrapy crawl {chain}_stores -s DOWNLOAD_DELAY=0", highlight=False)
        console.print("Ctrl-C ends it.")
        interrupted.wait()
        served = sum(server.requests.values())
    console.print(f"served {served} requests")
