"""``scrapy`` that ends at once when its standard input does: with the process at the other end, however that one ends.

Run by its path, since the package beside it imports far more than a spider needs.
"""

import os
import sys
from threading import Thread

from scrapy.cmdline import execute


def _end_with_standard_input() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    Thread(target=_end_with_standard_input, daemon=True).start()
    execute(["scrapy", *sys.argv[1:]])
