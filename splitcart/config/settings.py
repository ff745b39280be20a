"""Settings from the environment or a ``.env`` file (docs/configuration.md lists all of them)."""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from splitcart.config.addresses import is_address
from splitcart.errors import InputError
from splitcart.measures.clock import Clock, shifted_clock, system_clock


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text!r} is not the address of a site; expected one like https://www.example.org")
    return text


SiteUrl = Annotated[str, AfterValidator(_address)]


@dataclass(frozen=True, slots=True)
class DatabaseLimits:
    """How many connections one process keeps, and how long it waits for the database."""

    pool_size: int = 5
    statement_timeout_seconds: int = 900
    lock_timeout_seconds: int = 300


class Settings(BaseSettings):
    """All settings; each is read from the environment variable of its alias."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True, env_ignore_empty=True)

    data_dir: Path = Field(
        Path("data"), validation_alias="SPLITCART_DATA_DIR", description="folder of all files that SplitCart keeps"
    )
    database_url: str | None = Field(
        None,
        validation_alias="SPLITCART_DATABASE_URL",
        description="SQLAlchemy URL; default: SQLite in the data folder",
    )
    database_pool_size: int = Field(
        5,
        ge=1,
        validation_alias="SPLITCART_DATABASE_POOL_SIZE",
        description="connections to PostgreSQL that a process keeps open",
    )
    statement_timeout_seconds: int = Field(
        900,
        ge=0,
        validation_alias="SPLITCART_STATEMENT_TIMEOUT_SECONDS",
        description="how long PostgreSQL may work at one statement; 0: as long as it takes",
    )
    lock_timeout_seconds: int = Field(
        300,
        ge=0,
        validation_alias="SPLITCART_LOCK_TIMEOUT_SECONDS",
        description="how long a statement waits for what another holds; 0 on PostgreSQL: as long as it takes",
    )
    api_server_url: str | None = Field(
        None, validation_alias="API_SERVER_URL", description="the server that files are sent to and stores leased from"
    )
    api_dev_server_url: str = Field(
        "http://127.0.0.1:8000", validation_alias="API_DEV_SERVER_URL", description="the server that --dev points at"
    )
    api_secret_key: SecretStr | None = Field(
        None, validation_alias="API_SECRET_KEY", description="the key of this host; on the server the bootstrap key"
    )
    rate_internal: str = Field(
        "6000/minute",
        validation_alias="SPLITCART_RATE_INTERNAL",
        description="how often one valid key may call the server",
    )
    rate_anon: str = Field(
        "60/minute",
        validation_alias="SPLITCART_RATE_ANON",
        description="how often one address may call the server without a key",
    )
    rate_failed: str = Field(
        "20/minute",
        validation_alias="SPLITCART_RATE_FAILED",
        description="how many wrong keys one address may try before it has to wait",
    )
    keep_sent_days: float = Field(
        30.0,
        ge=0,
        validation_alias="SPLITCART_KEEP_SENT_DAYS",
        description="how long a scraper host keeps files that the server has taken",
    )
    min_free_mib: int = Field(
        500,
        ge=0,
        validation_alias="SPLITCART_MIN_FREE_MIB",
        description="with less free space below the data folder the server takes no files",
    )
    chains_file: Path | None = Field(
        None, validation_alias="SPLITCART_CHAINS_FILE", description="a chains.toml to use in place of the packaged one"
    )
    contact: str = Field(
        "https://github.com/splitcart",
        validation_alias="SPLITCART_CONTACT",
        description="how a site's operator reaches you; part of the user agent",
    )
    worker: str = Field(
        default_factory=socket.gethostname,
        validation_alias="SPLITCART_WORKER",
        description="name of this host in leases and crawls",
    )
    store_source: str | None = Field(
        None,
        validation_alias="SPLITCART_STORE_SOURCE",
        description="import path of the spiders' store source; default: the server, or this database without one",
    )
    scrapyd_nodes: str | None = Field(
        None, validation_alias="SPLITCART_SCRAPYD_NODES", description="addresses of scrapyd nodes, by commas"
    )
    scrapyd_username: str | None = Field(
        None, validation_alias="SPLITCART_SCRAPYD_USERNAME", description="the user that the nodes ask for"
    )
    scrapyd_password: SecretStr | None = Field(
        None, validation_alias="SPLITCART_SCRAPYD_PASSWORD", description="that user's password"
    )
    notify_webhook: SecretStr | None = Field(
        None, validation_alias="SPLITCART_NOTIFY_WEBHOOK", description="an address that notices are posted to"
    )
    notify_email: str | None = Field(
        None, validation_alias="SPLITCART_NOTIFY_EMAIL", description="who gets notices by e-mail, by commas"
    )
    notify_from: str | None = Field(
        None, validation_alias="SPLITCART_NOTIFY_FROM", description="the sender of that mail"
    )
    smtp_url: SecretStr | None = Field(
        None, validation_alias="SPLITCART_SMTP_URL", description="the server that sends it"
    )
    clock_start: AwareDatetime | None = Field(
        None,
        validation_alias="SPLITCART_CLOCK_START",
        description="pretend that it is this instant (rehearsals and tests only)",
    )
    aldi_api_url: SiteUrl | None = Field(
        None, validation_alias="ALDI_API_URL", description="base URL of ALDI's API in place of the real one"
    )
    aldi_site_url: SiteUrl | None = Field(
        None, validation_alias="ALDI_SITE_URL", description="base URL of ALDI's site in place of the real one"
    )
    coles_site_url: SiteUrl | None = Field(
        None, validation_alias="COLES_SITE_URL", description="base URL of Coles' site in place of the real one"
    )
    iga_site_url: SiteUrl | None = Field(
        None, validation_alias="IGA_SITE_URL", description="base URL of IGA's shop in place of the real one"
    )
    iga_gateway_url: SiteUrl | None = Field(
        None,
        validation_alias="IGA_GATEWAY_URL",
        description="base URL of IGA's list of online stores in place of the real one",
    )
    iga_stores_url: SiteUrl | None = Field(
        None,
        validation_alias="IGA_STORES_URL",
        description="base URL of the registry of IGA's shops in place of the real one",
    )
    woolworths_site_url: SiteUrl | None = Field(
        None,
        validation_alias="WOOLWORTHS_SITE_URL",
        description="base URL of Woolworths' site in place of the real one",
    )

    def folder(self, name: str) -> Path:
        """Return a folder below the data folder by its name (``product_outbox``, ``archive`` …); not created here."""
        return self.data_dir / name

    @property
    def resolved_database_url(self) -> str:
        """The database URL, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'splitcart.db'}"

    @property
    def database_limits(self) -> DatabaseLimits:
        """What one process may ask of the database."""
        return DatabaseLimits(self.database_pool_size, self.statement_timeout_seconds, self.lock_timeout_seconds)

    def clock(self) -> Clock:
        """The system's clock, or one that starts at ``clock_start``."""
        return shifted_clock(self.clock_start) if self.clock_start else system_clock

    def base_url(self, company: str, key: str, default: str) -> str:
        """Return the configured base URL of a company's site, without a trailing slash."""
        return (getattr(self, f"{company}_{key}_url", None) or default).strip().rstrip("/")


def read_settings() -> Settings:
    """Read the environment and the .env file (SPLITCART_ENV_FILE, else the working directory's); raise InputError."""
    env_file = os.environ.get("SPLITCART_ENV_FILE") or ".env"
    if os.environ.get("SPLITCART_ENV_FILE") and not Path(env_file).is_file():
        raise InputError(f"SPLITCART_ENV_FILE names {env_file!r}, which is not a file; correct or unset it")
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(
            f"setting {problem['loc'][0]}: {problem['msg']} (docs/configuration.md lists the settings)"
        ) from error


@cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return read_settings()
