"""The sites, each as its retailer's behaves (docs/retailers.md), and the weather that may befall them.

In: a ``Market`` and a clock. Out: ASGI applications with the retailers' paths, parameters, limits and quirks.
"""

from splitcart.replica.sites.weather import Fault, Rule, Weather

__all__ = ["Fault", "Rule", "Weather"]
