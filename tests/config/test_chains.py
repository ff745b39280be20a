"""chains.toml: what is particular to each chain."""

from datetime import time
from pathlib import Path

import pytest

from splitcart.config import get_chain, get_chains, read_chains
from splitcart.errors import InputError


def test_the_four_chains_are_there() -> None:
    assert {slug: chain.name for slug, chain in get_chains().items()} == {
        "aldi": "ALDI",
        "coles": "Coles",
        "iga": "IGA",
        "woolworths": "Woolworths",
    }
    assert all(chain.slug == slug for slug, chain in get_chains().items())


@pytest.mark.parametrize(
    ("company", "good", "bad"),
    [
        ("aldi", "G102", "102"),
        ("coles", "COL:404", "404"),
        ("woolworths", "1147", "G102"),
        ("iga", "14850", "IGA"),
    ],
)
def test_each_chain_knows_the_form_of_its_store_ids(company: str, good: str, bad: str) -> None:
    chain = get_chain(company)
    assert (chain.is_store_id(good), chain.is_store_id(bad), chain.is_store_id(good + "\n")) == (True, False, False)


def test_prices_change_on_wednesdays() -> None:
    (change,) = get_chain("woolworths").parsed_change_times()
    assert (change.weekday, change.at) == (2, time(0, 0))


def test_an_unknown_company_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="unknown company 'spar'; known: aldi, coles, iga, woolworths"):
        get_chain("spar")


CHAIN = 'name = "X"\nstore_id_pattern = "X"\nbase_urls = {}\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[x]\nname = 1\n", "chains file .*: Expected `str`, got `int`"),
        (f"[x]\n{CHAIN}colour = 'red'\n", "unknown field `colour`"),
        (f"[x]\n{CHAIN}change_times = ['Someday']\n", "x.change_times: 'Someday' is not like 'Wed 00:00'; correct it"),
        (f"[x]\n{CHAIN}change_times = ['Wed 24:00']\n", "'Wed 24:00' is not like 'Wed 00:00'"),
        ("not toml", "chains file"),
        ("name = '\udcff'", "chains file .*utf-8"),
        (f"[x]\n{CHAIN}delay_seconds = -1.0\n", ">= 0.0.*delay_seconds"),
        (f"[x]\n{CHAIN}delay_seconds = nan\n", "delay_seconds"),
        (f"[x]\n{CHAIN}true_overlap = 98\n", "<= 1.0.*true_overlap"),
        (f"[x]\n{CHAIN}window_hours = -1\n", "window_hours"),
        (f"['X Y']\n{CHAIN}", "'X Y' cannot name a chain"),
        ("[x]\nname = 'X'\nstore_id_pattern = 'G('\nbase_urls = {}\n", "x.store_id_pattern: 'G\\(' is no pattern"),
        ("[x]\nname = 'X'\nstore_id_pattern = 'G'\nbase_urls = {api = 'x.org'}\n", "x.base_urls.api: 'x.org' is not"),
    ],
)
def test_a_chains_file_that_is_wrong_says_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "chains.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=problem):
        read_chains(path)


def test_a_chains_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"SPLITCART_CHAINS_FILE names .*: No such file or directory; correct or unset it"
    ):
        read_chains(tmp_path / "none.toml")


def test_another_chains_file_replaces_the_packaged_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "chains.toml"
    path.write_text(f"[x]\n{CHAIN}true_overlap = 0.99\n")
    monkeypatch.setenv("SPLITCART_CHAINS_FILE", str(path))
    assert (list(get_chains()), get_chain("x").true_overlap) == (["x"], 0.99)
