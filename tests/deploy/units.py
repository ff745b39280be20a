"""Reading the files of deploy/ as systemd and cron do, as far as a test needs it."""

import shlex
import sys
from pathlib import Path

from tests.docs.pages import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
CRONTABS = sorted((DEPLOY / "cron").iterdir())
INSTALLED = "/srv/splitcart"


def entries(unit: Path) -> dict[str, list[str]]:
    """All values of a unit's entries, by ``Section.Name``."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(f"{section}.{name}", []).append(value)
    return found


def one(unit: Path, name: str) -> str:
    """The only value of an entry."""
    (value,) = entries(unit)[name]
    return value


def placed(text: str, folder: Path) -> str:
    """A path or command as it is where ``folder`` stands for the installation, and this Python for its environment."""
    return text.replace(f"{INSTALLED}/.venv/bin", str(Path(sys.executable).parent)).replace(INSTALLED, str(folder))


def command(unit: Path, folder: Path) -> list[str]:
    """What the unit runs."""
    return shlex.split(placed(one(unit, "Service.ExecStart"), folder))


def environment(unit: Path, folder: Path) -> dict[str, str]:
    """What systemd gives to the unit's process: nothing of the caller's."""
    given = dict(text.split("=", 1) for text in entries(unit).get("Service.Environment", []))
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"} | {name: placed(text, folder) for name, text in given.items()}


def cron_commands(crontab: Path) -> list[str]:
    """The commands of a crontab, without their times."""
    return [line.split(maxsplit=5)[5] for line in cron_lines(crontab) if " " in line]


def cron_lines(crontab: Path) -> list[str]:
    """The lines of a crontab but its comments."""
    return [line for line in crontab.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
