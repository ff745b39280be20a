"""Names as they may stand in a file name or an address."""

import re
import unicodedata

_APOSTROPHES = str.maketrans("", "", "'\u2018\u2019`")
_OTHER = re.compile("[^a-z0-9]+")


def slug(text: str) -> str:
    """Return ``text`` in lower-case ASCII letters and digits joined by hyphens: ``Kid's Café`` is ``kids-cafe``.

    Empty when nothing of it can be written that way.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).encode("ascii", "ignore").decode()
    return _OTHER.sub("-", plain.lower()).strip("-")
