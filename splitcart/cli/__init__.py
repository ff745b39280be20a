"""The front door: ``splitcart COMMAND``.

Each module here is one group of commands; it parses, calls the room that does the work, and prints. Imports of rooms
stand inside the commands, so that a scraper host runs without the server's packages.
"""

from splitcart.cli.app import app, main

__all__ = ["app", "main"]
