"""docs/deployment.md names every file of deploy/, and shows the crontabs as they are."""

from tests.deploy.units import CRONTABS, DEPLOY, cron_lines
from tests.docs.pages import DOCS, blocks

TEXT = (DOCS / "deployment.md").read_text(encoding="utf-8")


def test_every_file_is_named():
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    assert [path.name for path in files if f"deploy/{path.relative_to(DEPLOY)}" not in TEXT] == []


def test_the_crontabs_are_shown():
    shown = [block.splitlines() for block in blocks(TEXT)]
    assert all(cron_lines(crontab) in shown for crontab in CRONTABS)
