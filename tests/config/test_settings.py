"""Settings: from the environment and .env, with one clear line for what is wrong."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from splitcart.config import get_settings, read_settings
from splitcart.errors import InputError


def test_the_database_is_sqlite_in_the_data_folder_unless_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert read_settings().resolved_database_url == f"sqlite:///{tmp_path}/data/splitcart.db"
    monkeypatch.setenv("SPLITCART_DATABASE_URL", "postgresql://db/splitcart")
    assert read_settings().resolved_database_url == "postgresql://db/splitcart"


def test_the_working_folders_env_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("API_SERVER_URL=https://file.example\nSPLITCART_WORKER=from-file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPLITCART_WORKER", "from-environment")
    settings = read_settings()
    assert (settings.api_server_url, settings.worker) == ("https://file.example", "from-environment")


def test_another_env_file_can_be_named_so_that_jobs_find_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "host.env").write_text("SPLITCART_WORKER=host-7\n")
    monkeypatch.setenv("SPLITCART_ENV_FILE", str(tmp_path / "host.env"))
    assert read_settings().worker == "host-7"


def test_a_named_env_file_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPLITCART_ENV_FILE", str(tmp_path / "none"))
    with pytest.raises(InputError, match="which is not a file; correct or unset it"):
        read_settings()


def test_an_instant_without_an_offset_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLITCART_CLOCK_START", "2026-03-02T09:00:00")
    with pytest.raises(InputError, match=r"setting SPLITCART_CLOCK_START: .*timezone"):
        read_settings()


def test_a_pretended_clock_starts_at_its_instant_and_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLITCART_CLOCK_START", "2026-03-02T17:00:00+08:00")
    clock = read_settings().clock()
    first = clock()
    assert datetime(2026, 3, 2, 9, tzinfo=UTC) <= first <= clock()


@pytest.mark.parametrize("url", ["127.0.0.1:8001", "api.example.org", "ftp://a", "http://", "http://a:99999"])
def test_a_site_that_is_no_address_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ALDI_API_URL", url)
    with pytest.raises(InputError, match=r"setting ALDI_API_URL: .* is not the address of a site"):
        read_settings()


def test_the_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_SECRET_KEY", "sc_very_secret")
    assert "very_secret" not in repr(read_settings())


def test_base_urls_are_the_chains_unless_a_setting_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().base_url("aldi", "api", "https://api.aldi.com.au/") == "https://api.aldi.com.au"
    monkeypatch.setenv("ALDI_API_URL", "http://127.0.0.1:9/aldi/")
    assert read_settings().base_url("aldi", "api", "https://api.aldi.com.au") == "http://127.0.0.1:9/aldi"


def test_settings_are_read_once() -> None:
    assert get_settings() is get_settings()
