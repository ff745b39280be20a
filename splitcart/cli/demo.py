"""``splitcart demo``: watch everything work, on a market whose truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from splitcart.cli.common import console, errors


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
        seen: list[str] = []

        def step(name: str) -> None:
            bar.update(task, completed=len(seen), description=name)
            seen.append(name)
            if not errors.is_terminal:
                console.print(f"[{len(seen)}/{STEPS}] {name}", highlight=False, markup=False)

        def tell(line: str) -> None:
            bar.console.print(f"  {line}", highlight=False, markup=False)

        summary = run_demo(data_dir, port=port, tell=tell, step=step)
    if json_file:
        json_file.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    print_summary(console, summary, data_dir)
