"""Children of one process that has imported everything: a start costs milliseconds, and each is killed for real."""

import multiprocessing

children = multiprocessing.get_context("forkserver")
children.set_forkserver_preload(["__main__", "tests.faults.processes", "tests.server.processes"])
