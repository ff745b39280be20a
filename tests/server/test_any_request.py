"""Whatever is sent to whichever endpoint: an answer that the OpenAPI document knows, and never a failure.

``--requests 500`` draws so many for each endpoint in place of a few (``make soak``).
"""

import hashlib
import json
import shutil

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi import checks

from splitcart.config import Settings
from splitcart.database import create_engine
from splitcart.server import BackgroundServer, Limits, create_app
from splitcart.server.openapi import openapi_document
from tests.server.conftest import KEY, crawl_file, fixed_clock

WHOLE = crawl_file()
MANY = "1000000/minute"
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
FRAMEWORK = {404, 405}  # a path parameter may hold what makes it another path
NO_HTTP = (400, b"Invalid HTTP request received.")  # a header may hold what no header holds


@st.composite
def crawl_files(draw):
    """A whole file, one with a piece of it cut out, put in or changed, or nothing like it."""
    begin, end = sorted(draw(st.tuples(*[st.integers(0, len(WHOLE))] * 2)))
    return draw(st.sampled_from([WHOLE, WHOLE[:begin] + draw(st.binary(max_size=8)) + WHOLE[end:]]) | st.binary())


some_headers = st.dictionaries(
    st.sampled_from(
        ["X-Content-SHA256", "Content-Type", "Content-Encoding", "Accept-Encoding", "If-None-Match", "X-Else"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60).map(str.strip),
    max_size=2,
)
schemathesis.openapi.media_type("application/gzip", crawl_files())
API = schemathesis.openapi.from_dict(openapi_document())
OPERATIONS = {found.ok().label: found.ok() for found in API.get_all_operations()}


@pytest.fixture(scope="module")
def server(tmp_path_factory, _sqlite_template):
    folder = tmp_path_factory.mktemp("any")
    shutil.copyfile(_sqlite_template, folder / "server.db")
    engine = create_engine(f"sqlite:///{folder / 'server.db'}")
    given_settings = Settings(data_dir=folder, api_secret_key=KEY, rate_internal=MANY, rate_anon=MANY, rate_failed=MANY)
    with BackgroundServer(create_app(given_settings, engine, fixed_clock, limits=Limits(silence_seconds=0.3))) as it:
        yield it
    engine.dispose()


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_one_that_the_document_knows(label, server, request):
    operation = OPERATIONS[label]
    fitting, foul = (operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode)

    @settings(max_examples=request.config.getoption("requests"), deadline=None, suppress_health_check=list(HealthCheck))
    @given(fitting | foul, some_headers, st.booleans())
    def check(case, headers, is_true):
        case.headers.update(headers)
        case.headers["X-API-Key"] = KEY
        if is_true and isinstance(case.body, bytes):
            case.headers["X-Content-SHA256"] = hashlib.sha256(case.body).hexdigest()
        answer = case.call(base_url=server.url)
        if (answer.status_code, answer.content) == NO_HTTP:
            return
        if answer.status_code in FRAMEWORK:
            assert json.loads(answer.content)["status"] == answer.status_code
            return
        case.validate_response(answer, checks=CHECKS)

    check()
