"""Keys of the people and hosts that may call: made, listed, changed and revoked here, never kept in plain text.

A key is ``sc_<id>_<secret>``: 8 hex digits that name it, which may be shown and logged, and 256 random bits. The
database holds the SHA-256 of the whole. A fast hash is right for secrets that nobody can guess.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import ApiKey
from splitcart.errors import InputError

SCOPES = ("upload", "export", "schedule", "admin")
PREFIX = "sc"
ID_BYTES, SECRET_BYTES = 4, 32
NAME_LENGTH = 120


@dataclass(frozen=True)
class NewKey:
    """A key as it is shown once; ``text`` is what goes into API_SECRET_KEY."""

    key_id: str
    text: str = field(repr=False)


def digest(text: str) -> str:
    """Return the SHA-256 of a key, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def create_key(
    session: Session, name: str, scopes: list[str], now: datetime, expires_at: datetime | None = None
) -> NewKey:
    """Make a key with these scopes; raise InputError for an unknown scope, an empty name or a past expiry."""
    if not name.strip() or len(name) > NAME_LENGTH:
        raise InputError(f"a key needs a name of at most {NAME_LENGTH} characters that says who uses it, got {name!r}")
    if not scopes or (unknown := sorted(set(scopes) - set(SCOPES))):
        wrong = f"not {', '.join(unknown)}" if scopes else "at least one"
        raise InputError(f"scopes are {', '.join(SCOPES)}; {wrong}")
    if expires_at is not None and expires_at <= now:
        raise InputError(f"the key would have expired at {expires_at:%Y-%m-%d %H:%M}, before it was made")
    key_id = secrets.token_hex(ID_BYTES)
    text = f"{PREFIX}_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    kept = [scope for scope in SCOPES if scope in scopes]
    session.add(
        ApiKey(key_id=key_id, sha256=digest(text), name=name, scopes=kept, created_at=now, expires_at=expires_at)
    )
    session.flush()
    return NewKey(key_id, text)


def read_keys(session: Session) -> list[ApiKey]:
    """Return all keys, the newest first."""
    return list(session.scalars(sa.select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id.desc())))


def find_key(session: Session, key_id: str) -> ApiKey:
    """Return a key by its id, or by the whole key that somebody pasted; raise InputError if there is none."""
    asked = id_of(key_id) or key_id
    found = session.scalar(sa.select(ApiKey).where(ApiKey.key_id == asked))
    if found is None:
        raise InputError(f"there is no key {asked[:NAME_LENGTH]!r}; splitcart keys list shows all")
    return found


def revoke_key(session: Session, key_id: str, now: datetime) -> ApiKey:
    """End a key with effect on the next request; a key that is revoked stays so."""
    key = find_key(session, key_id)
    key.revoked_at = key.revoked_at or now
    session.flush()
    return key


def rotate_key(session: Session, key_id: str, now: datetime, grace: timedelta) -> NewKey:
    """Make the successor of a key (same name, scopes and life span); the old one ends after ``grace``.

    Raises InputError for a key that has ended already.
    """
    old = find_key(session, key_id)
    if state(old, now) != "valid":
        raise InputError(f"key {old.key_id} is {state(old, now)}; make a new one: splitcart keys create")
    expires_at = now + (old.expires_at - old.created_at) if old.expires_at else None
    new = create_key(session, old.name, old.scopes, now, expires_at)
    if grace:
        old.expires_at = min(old.expires_at or now + grace, now + grace)
    else:
        old.revoked_at = now
    session.flush()
    return new


def state(key: ApiKey, now: datetime) -> str:
    """Tell whether a key is ``valid``, ``expired`` or ``revoked``."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "valid"


def id_of(text: str) -> str | None:
    """Return the id in the text of a key; None for a text of another form."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    return key_id if prefix == PREFIX and key_id and secret else None
