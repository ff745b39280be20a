"""From skus to the products that they are, and from brand names to brands.

In: skus as chains list them. Out: products and brands; merges, with a record of each and a way back (docs/identity.md).
"""

from splitcart.ingest.matching.finding import Found, find_products
from splitcart.ingest.matching.merges import read_merges, undo_merge
from splitcart.ingest.matching.post_process import PostProcessed, post_process

__all__ = ["Found", "PostProcessed", "find_products", "post_process", "read_merges", "undo_merge"]
