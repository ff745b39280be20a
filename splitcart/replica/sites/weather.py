"""Weather: faults that can be switched on and off while the sites run."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from random import Random
from threading import Lock
from typing import Self

import msgspec

from splitcart.errors import InputError


class Fault(StrEnum):
    """What may go wrong with a request.

    ``BLOCK`` is the site's own page for robots, ``CHALLENGE`` the one that a browser would pass, ``FORBIDDEN`` a bare
    403, ``OTHER_FORM`` JSON of a form that nobody knows.
    """

    DELAY = "delay"
    RATE_LIMIT = "rate_limit"
    BLOCK = "block"
    CHALLENGE = "challenge"
    FORBIDDEN = "forbidden"
    TRUNCATE = "truncate"
    HTML = "html"
    OTHER_FORM = "other_form"
    RESET = "reset"
    SERVER_ERROR = "server_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which requests a fault strikes.

    A request matches by ``chain``, ``store`` (the asked store's id), ``path`` (a part of path and query) and the moment
    (``since`` to before ``until``, by the replica's clock); None and "" match all. Of the matching requests the first
    ``after`` pass, then every ``every``-th is struck, at most ``times`` of them (None: no end); with a ``share`` below
    1 only that part of these, drawn at random from ``seed``. ``seconds``: how long a delay lasts, or what a 429's
    Retry-After says (None: no header).
    """

    fault: Fault
    chain: str | None = None
    store: str | None = None
    path: str = ""
    after: int = 0
    every: int = 1
    times: int | None = None
    seconds: float | None = None
    share: float = 1.0
    seed: int = 0
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rule as a person writes it: the fault and what else differs from the defaults, ``block,share=0.1``.

        Instants are ISO 8601 with an offset. Raises InputError that says what is wrong.
        """
        fault, *facts = text.split(",")
        named = dict([part.strip() for part in fact.partition("=")[::2]] for fact in facts)
        known = [field.name for field in fields(cls)]
        if unknown := [name for name in named if name not in known[1:]]:
            raise InputError(f"weather {text!r}: no {unknown[0]!r}; known are {', '.join(known[1:])}")
        try:
            rule = msgspec.convert({"fault": fault.strip(), **named}, cls, strict=False)
        except msgspec.ValidationError as error:
            raise InputError(f"weather {text!r}: {error}; the faults are {', '.join(Fault)}") from error
        for name, is_right, expected in (
            ("share", 0 <= rule.share <= 1, "0 to 1"),
            ("every", rule.every >= 1, "1 or more"),
            ("after", rule.after >= 0, "0 or more"),
            ("times", rule.times is None or rule.times >= 0, "0 or more"),
            ("seconds", rule.seconds is None or rule.seconds >= 0, "0 or more"),
            ("since", rule.since is None or rule.since.tzinfo is not None, "an instant with an offset"),
            ("until", rule.until is None or rule.until.tzinfo is not None, "an instant with an offset"),
        ):
            if not is_right:
                raise InputError(f"weather {text!r}: {name} is {named[name]}, expected {expected}")
        return rule

    def matches(self, chain: str, store: str | None, path: str, now: datetime) -> bool:
        """Tell whether the rule is about such a request at that time."""
        is_time = (self.since is None or self.since <= now) and (self.until is None or now < self.until)
        return is_time and self.chain in (None, chain) and self.store in (None, store) and self.path in path

    def strikes(self, number: int) -> bool:
        """Tell whether the matching request ``number`` (from 1) is struck."""
        beyond = number - self.after - 1
        if beyond < 0 or beyond % self.every or (self.times is not None and beyond // self.every >= self.times):
            return False
        return self.share >= 1 or Random(f"{self.seed}/{number}").random() < self.share


class Weather:
    """The rules in force; may be changed from any thread at any time."""

    def __init__(self, *rules: Rule) -> None:
        """Start with ``rules``."""
        self._lock = Lock()
        self._seen: dict[int, int] = {}
        self._rules: dict[int, Rule] = {}
        self._next = 0
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> int:
        """Put a rule in force, its count of matching requests at 0; the answer is its number for ``remove``."""
        with self._lock:
            self._next += 1
            self._rules[self._next], self._seen[self._next] = rule, 0
            return self._next

    def remove(self, number: int) -> None:
        """End one rule; nothing if it has ended already."""
        with self._lock:
            self._rules.pop(number, None)

    def clear(self) -> None:
        """Let the sun shine."""
        with self._lock:
            self._rules.clear()

    @property
    def rules(self) -> list[Rule]:
        """The rules in force, in the order of their strike."""
        with self._lock:
            return list(self._rules.values())

    def strike(self, chain: str, store: str | None, path: str, now: datetime) -> list[Rule]:
        """Count a request at ``now`` with every rule that matches it; return those that strike it."""
        struck = []
        with self._lock:
            for number, rule in self._rules.items():
                if rule.matches(chain, store, path, now):
                    self._seen[number] += 1
                    if rule.strikes(self._seen[number]):
                        struck.append(rule)
        return struck
