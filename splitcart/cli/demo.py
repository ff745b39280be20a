"""``splitcart demo``: watch everything work, on a market whose truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from splitcart.cli.common import console, errors, fail


def demo(
    data_dir: Annotated[Path, typer.Option("--data-dir", help="The folder that the demo fills; emptied first.")] = Path(
        "demo-data"
    ),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the summary to this file.")] = None,
    port: Annotated[int, typer.Option("--port", help="Port of the demo's server; 0: a free one.")] = 0,
) -> None:
    """Discover, crawl, upload, ingest, group, infer and archive a small market, and check it against the truth.

    Needs no internet: the sites are replicas on this machine.
    """
    import orjson
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from splitcart.demo import print_summary, run_demo
    from splitcart.demo.story import STEPS

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("setting the stage", total=STEPS)
        begun = 0

        def step(name: str) -> None:
            nonlocal begun
            bar.update(task, completed=begun, description=name)
            begun += 1
            errors.print(f"[{begun}/{STEPS}] {name}", highlight=False, soft_wrap=True)

        def tell(line: str) -> None:
            errors.print(f"  {line}", highlight=False, soft_wrap=True)

        try:
            summary = run_demo(data_dir, port=port, tell=tell, step=step)
        except KeyboardInterrupt:
            bar.stop()
            fail("interrupted; spiders and servers are stopped, and the next run starts clean", 130)
    print_summary(console, summary, data_dir)
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
