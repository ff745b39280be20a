"""Coles' defence, as Imperva's Incapsula does it (docs/retailers.md#coles-defence): its pages, and who passes them."""

import hashlib
from collections import Counter
from typing import Literal

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

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


_CLEARANCE = "reese84"
_ROUNDS = 20_000
# Work that takes a browser a moment, and the name that it goes by: the clearance is for that name alone.
_SCRIPT = """(async () => {
  let sum = 7;
  for (let round = 0; round < %(rounds)d; round++) sum = (sum * 48271) %% 2147483647;
  const proof = {sum, agent: navigator.userAgent, person: %(person)s};
  const answer = await fetch("%(resource)s?d=www.coles.com.au", {method: "POST", body: JSON.stringify(proof)});
  if (answer.ok) top.location.reload();
})();"""


def _expected_sum() -> int:
    total = 7
    for _ in range(_ROUNDS):
        total = total * 48271 % 2147483647
    return total


class Defence:
    """Stands before a site while it is on; a visitor with a clearance for the name that it goes by passes.

    ``mode``: off; a challenge, whose script a browser runs by itself; a captcha, where a person presses a button.
    ``lasts``: a clearance is good for so many requests (None: for ever).
    """

    def __init__(self, app: ASGIApp, seed: int) -> None:
        self._app, self._seed, self._sum = app, seed, _expected_sum()
        self.mode: Literal["off", "challenge", "captcha"] = "off"
        self.lasts: int | None = None
        self._given: Counter[str] = Counter()  # by name: how many clearances
        self._used: Counter[str] = Counter()  # by clearance: how many requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        app: ASGIApp = self._app
        if scope["path"] == "/_Incapsula_Resource":
            app = await self._resource(request)
        elif self.mode != "off" and not self._is_cleared(request):
            page = challenge_page if self.mode == "challenge" else captcha_page
            app = HTMLResponse(page(scope["path"]), headers=HEADERS)
        await app(scope, receive, send)

    def _clearance(self, name: str) -> str:
        return hashlib.sha256(f"{self._seed}/{name}/{self._given[name]}".encode()).hexdigest()[:32]

    def _is_cleared(self, request: Request) -> bool:
        name = request.headers.get("user-agent", "")
        held = request.cookies.get(_CLEARANCE, "")
        if not self._given[name] or held != self._clearance(name):
            return False
        self._used[held] += 1
        return self.lasts is None or self._used[held] <= self.lasts

    async def _resource(self, request: Request) -> Response:
        script = {"rounds": _ROUNDS, "resource": RESOURCE, "person": "false"}
        if request.method == "POST":
            return await self._judge(request)
        if "SWJIYLWA" in request.query_params:
            return Response(_SCRIPT % script, media_type="text/javascript")
        press = (_SCRIPT % (script | {"person": "true"})).replace("(async () => {", "window.press = async () => {", 1)
        press = press.removesuffix("})();") + "};"
        button = "<button id='person' onclick='press()'>I am a person</button>"
        return HTMLResponse(f"<html><body><script>{press}</script>{button}</body></html>")

    async def _judge(self, request: Request) -> Response:
        """Give a clearance for the right sum, the visitor's own name and, where a person was asked for, a person."""
        try:
            proof = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            return Response(status_code=400)
        name = request.headers.get("user-agent", "")
        honest = proof.get("sum") == self._sum and proof.get("agent") == name
        if not honest or (self.mode == "captcha" and proof.get("person") is not True):
            return Response(status_code=403)
        self._given[name] += 1
        answer = Response(b"{}", media_type="application/json")
        answer.set_cookie(_CLEARANCE, self._clearance(name), path="/")
        return answer
