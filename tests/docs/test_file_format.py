"""What docs/file-format.md says of kinds is what the code knows."""

from splitcart.transfer import KINDS
from tests.docs.pages import DOCS, code, rows, section


def test_every_kind_is_documented_with_its_lines_and_folders():
    _, *shown = rows(section(DOCS / "file-format.md", "## Kinds and folders"))
    known = [[kind.name, kind.record, kind.outbox, kind.inbox] for kind in KINDS.values()]
    assert [list(map(code, cells)) for cells in shown] == known
