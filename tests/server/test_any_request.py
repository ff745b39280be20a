"""Whatever is sent to whichever endpoint: an answer that the OpenAPI document knows, and never a failure."""

import hashlib
import http.client
import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from splitcart.server import BackgroundServer, Limits, create_app
from splitcart.server.openapi import openapi_document
from tests.server.conftest import KEY, crawl_file, fixed_clock

PATHS = openapi_document()["paths"]
OPERATIONS = [(method, path) for path, item in PATHS.items() for method in item]
FRAMEWORK = {"404", "405"}  # a path parameter may hold what makes it another path
WHOLE = crawl_file()

texts = st.text(max_size=30) | st.sampled_from(["", "aldi", "G102", "-1", "1e9", "9" * 40, "..", "a\0b", "\ud7ff", "*"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
objects = st.dictionaries(
    st.sampled_from(["company", "worker", "limit", "cluster", "outcome", "failure_class"]) | texts,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)),
    max_size=5,
)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60).map(
    str.strip
)


@st.composite
def crawl_files(draw):
    """A whole file with a piece of it cut out, put in or changed, or nothing like it."""
    begin, end = sorted(draw(st.tuples(*[st.integers(0, len(WHOLE))] * 2)))
    return draw(st.sampled_from([WHOLE, WHOLE[:begin] + draw(st.binary(max_size=8)) + WHOLE[end:]]) | st.binary())


@st.composite
def requests(draw):
    """A method, an address, headers and a body that fit an operation more or less."""
    method, path = draw(st.sampled_from(OPERATIONS))
    parameters = PATHS[path][method].get("parameters", [])
    for one in parameters:
        if one["in"] == "path":
            known = st.sampled_from(["products", "stores", "1", "7"])
            path = path.replace(f"{{{one['name']}}}", quote(draw(known | texts.filter(bool)), safe=""))
    names = [one["name"] for one in parameters if one["in"] == "query"]
    query = draw(st.lists(st.tuples(st.sampled_from([*names, "else"]), texts), max_size=3))
    body = b""
    if method == "post":
        body = draw(crawl_files()) if "upload" in path else draw(objects.map(json.dumps).map(str.encode) | st.binary())
    headers = {"X-Content-SHA256": hashlib.sha256(body).hexdigest()}
    some = ["X-Content-SHA256", "Content-Type", "Content-Encoding", "Accept-Encoding", "If-None-Match", "X-Else"]
    headers |= draw(st.dictionaries(st.sampled_from(some), header_values, max_size=2))
    return method, path, f"?{urlencode(query)}" if query else "", headers, body


@pytest.fixture
def server(settings, sqlite):
    quick = Limits(silence_seconds=0.3)
    with BackgroundServer(create_app(settings, sqlite, fixed_clock, limits=quick)) as running:
        yield running


def test_every_answer_is_one_that_the_document_knows(server):
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @example(("post", "/api/upload/products/", "", {"X-Content-SHA256": hashlib.sha256(WHOLE).hexdigest()}, WHOLE))
    @given(requests())
    def check(request):
        method, path, query, headers, body = request
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        sent = {name: value.encode("latin-1") for name, value in headers.items()}
        connection.request(method.upper(), path + query, body, {**sent, "X-API-Key": KEY})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        known = next(item for item in PATHS if _is_path(item, path))
        assert str(answer.status) in PATHS[known][method]["responses"].keys() | FRAMEWORK, said
        assert answer.status != 500, said
        if answer.status >= 400:
            assert answer.getheader("Content-Type") == "application/problem+json"
            assert json.loads(said)["status"] == answer.status

    check()


def _is_path(template: str, path: str) -> bool:
    parts, given_parts = template.split("/"), path.split("/")
    return len(parts) == len(given_parts) and all(
        one == other or one.startswith("{") for one, other in zip(parts, given_parts, strict=True)
    )
