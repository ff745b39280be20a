"""The whole of SplitCart on a replica market whose truth is known, in a minute and a half.

In: a folder. Out: a database, archives, maps and a log in it, and a summary that says how much of what SplitCart
believes is true. Everything runs for real: the sites over HTTP, the spiders as processes, the server, the files between
them.
"""

from splitcart.demo.story import run_demo
from splitcart.demo.summary import print_summary

__all__ = ["print_summary", "run_demo"]
