"""The view ``effective_prices``: the rule of docs/data-model.md ("Effective prices") as it stands now."""

from collections.abc import Iterable

from splitcart.database.models import OFFER_COLUMNS

_OWN_OR_NEWS = ",\n  ".join(
    f"CASE WHEN g.sku_id IS NULL THEN p.{name} ELSE g.{name} END AS {name}" for name in OFFER_COLUMNS
)
_NEWS = ",\n  ".join(f"g.{name}" for name in OFFER_COLUMNS)

_LINES = "group_prices g ON g.group_id = sc.group_id AND g.sku_id = p.sku_id"
_NEW_LINES = """store_categories sc
JOIN group_prices g ON g.group_id = sc.group_id AND g.left_at IS NULL AND g.listed_from > sc.covered_at"""
# A store's open places tell PostgreSQL that it takes the lines of one or two groups; else it reads those of all.
_LINES_BY_PLACES = """(store_group_memberships m JOIN group_prices g ON g.group_id = m.group_id AND m.until IS NULL)
  ON m.store_id = p.store_id AND g.group_id = sc.group_id AND g.sku_id = p.sku_id"""
_NEW_LINES_BY_PLACES = """store_group_memberships m
JOIN group_prices g ON g.group_id = m.group_id AND m.until IS NULL AND g.left_at IS NULL
JOIN store_categories sc ON sc.store_id = m.store_id AND sc.group_id = g.group_id AND g.listed_from > sc.covered_at"""

# First half: a store's own offers, replaced by the group's where the list changed after the store was last seen.
# Second half: what the list took up after the store's category was last covered.
_ROWS = f"""
SELECT p.store_id, p.sku_id,
  {_OWN_OR_NEWS},
  CASE WHEN g.sku_id IS NULL THEN p.available END AS available,
  CASE WHEN g.sku_id IS NULL THEN 'direct_scrape' ELSE 'inferred_group' END AS source,
  c.store_id AS inferred_from,
  g.group_id AS group_id,
  1 = 0 AS is_new_range,
  CASE WHEN g.sku_id IS NOT NULL THEN g.changed_at
       WHEN p.since > sc.covered_at THEN p.since ELSE sc.covered_at END AS seen_at
FROM prices p
JOIN skus k ON k.id = p.sku_id
JOIN store_categories sc ON sc.store_id = p.store_id AND sc.category_id = k.root_category_id
LEFT JOIN {_LINES}
  AND ((g.changed_at > p.since AND g.changed_at > sc.covered_at)
    OR (g.left_at > p.since AND g.left_at > sc.covered_at))
LEFT JOIN crawls c ON c.id = g.crawl_id
WHERE p.left_at IS NULL AND g.left_at IS NULL
UNION ALL
SELECT sc.store_id, g.sku_id,
  {_NEWS},
  NULL AS available, 'inferred_group' AS source, c.store_id AS inferred_from, g.group_id, 1 = 1 AS is_new_range,
  g.changed_at AS seen_at
FROM {_NEW_LINES}
JOIN skus k ON k.id = g.sku_id AND k.root_category_id = sc.category_id
JOIN crawls c ON c.id = g.crawl_id
LEFT JOIN prices p ON p.store_id = sc.store_id AND p.sku_id = g.sku_id AND p.left_at IS NULL
WHERE p.sku_id IS NULL
"""  # noqa: S608 - made of our own column names only
EFFECTIVE_PRICES = f"CREATE VIEW effective_prices AS{_ROWS}"
EFFECTIVE_PRICES_ON_POSTGRESQL = EFFECTIVE_PRICES.replace(_LINES, _LINES_BY_PLACES).replace(
    _NEW_LINES, _NEW_LINES_BY_PLACES
)


def effective_rows(stores: Iterable[int]) -> str:
    """Return a query whose rows of these stores (ids of rows) are those of the view; its other rows mean nothing.

    For many stores at once: the lists of their groups are read once each, not once for each store.
    """
    ids = ", ".join(str(int(store)) for store in stores) or "NULL"
    groups = f"SELECT group_id FROM store_categories WHERE store_id IN ({ids})"  # noqa: S608 - numbers
    listed = f"(SELECT * FROM group_prices WHERE group_id IN ({groups})) g"  # noqa: S608 - the same
    return _ROWS.replace("group_prices g", listed)
