"""Collect: visit a chain's site store by store and write one crawl file for each.

In: a store source that says which store is next. Out: ``product_outbox/*.jsonl.gz`` and ``store_outbox/*.jsonl.gz``,
sent to the server when one is configured. A chain is one parser module and two spider modules.
"""
