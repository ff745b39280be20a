"""Where real records lie, on machines that have them: SPLITCART_REAL_DATA, else shared/data beside the checkout."""

import os
from pathlib import Path

_ROOT = Path(os.environ.get("SPLITCART_REAL_DATA") or Path(__file__).parents[3] / "shared/data")
STORES = sorted((_ROOT / "stores_au").glob("companies.store.json*"))
ALDI = sorted((_ROOT / "prices_aldi_qld").glob("*.jsonl.gz"))
