"""What may stand where the address of a site or a server is expected."""

from urllib.parse import urlsplit


def is_address(text: str) -> bool:
    """Tell whether ``text`` is an http(s) address with a host, and without user, query or fragment."""
    try:
        parts = urlsplit(text.strip())
        extra = parts.query or parts.fragment or parts.username or parts.password
        return bool(parts.scheme in {"http", "https"} and parts.hostname and not extra and parts.port != 0)
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False
