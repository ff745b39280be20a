"""``python -m splitcart.cli`` is ``splitcart``."""

from splitcart.cli.app import main

main()
