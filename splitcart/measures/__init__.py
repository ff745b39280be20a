"""The shared pure facts: money, sizes, unit prices, barcodes, keys, slugs, ids and local time.

In: what retailers and people write. Out: the one form in which every room keeps it; None where a text says nothing.
Nothing here touches a file, a network, a database or the clock.
"""
