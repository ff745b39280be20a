"""The pages of Coles' defence, as Imperva's Incapsula writes them (docs/retailers.md#coles-defence)."""

import hashlib

HEADERS = {"x-cdn": "Imperva"}
CHALLENGE_BYTES = 212
CAPTCHA_BYTES = 944
# The replica's own path: its front serves this site below it.
RESOURCE = "/coles/_Incapsula_Resource"


def _filled(page: str, size_bytes: int) -> str:
    """Bring a page to its recorded size with a comment that a browser does not show."""
    missing = size_bytes - len(page.encode())
    return page.replace("</html>", f"<!--{'0' * (missing - 7)}--></html>") if missing >= 7 else page


def challenge_page(path: str) -> str:
    """Return the page whose script a browser runs to be let in."""
    token = hashlib.sha256(path.encode()).hexdigest()[:8]
    page = (
        '<html><head><META NAME="robots" CONTENT="noindex,nofollow">'
        f'<script src="{RESOURCE}?SWJIYLWA={token}"></script></head><body></body></html>'
    )
    return _filled(page, CHALLENGE_BYTES)


def captcha_page(path: str) -> str:
    """Return the page that asks for a person."""
    incident = int(hashlib.sha256(path.encode()).hexdigest()[:15], 16)
    page = (
        '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW">'
        '<meta name="viewport" content="initial-scale=1.0"></head><body style="margin:0px;height:100%">'
        f'<iframe id="main-iframe" src="{RESOURCE}?SWUDNSAI=31&incident_id={incident}" frameborder=0 width="100%" '
        'height="100%" marginheight="0px" marginwidth="0px">Request unsuccessful. Incapsula incident ID: '
        f"{incident}</iframe></body></html>"
    )
    return _filled(page, CAPTCHA_BYTES)
