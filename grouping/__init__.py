"""Compare stores and infer prices.

In: observed prices, coverage, candidates. Out: groups and their lists, verdicts with figures, effective prices with
provenance, audits of what had been inferred.
"""

from grouping.effective import EffectiveInterval, EffectivePrice, Offer, effective_history, effective_prices

__all__ = ["EffectiveInterval", "EffectivePrice", "Offer", "effective_history", "effective_prices"]
