"""A PREFECT_API_URL that is wrong is said in a sentence, whatever is wrong with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from plait.flows.servers.probing import require_reachable
from plait.plans.errors import EnvironmentProblem
from tests.flows.up_server import free_port


@contextmanager
def a_server(status: int, body: bytes) -> Iterator[str]:
    """Answers everything so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not status:
                self.wfile.write(body)
                return
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://x/api", "http://", "http://[::1", "http://127.0.0.1:4200x/api", "http:///api", ""]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(EnvironmentProblem, match="is not an address"):
        require_reachable(url)


def test_an_address_where_nobody_listens_is_told_without_numbers_of_errors() -> None:
    with pytest.raises(EnvironmentProblem, match=r"cannot be reached: Connection refused$"):
        require_reachable(f"http://127.0.0.1:{free_port()}/api")


@pytest.mark.parametrize(
    ("status", "body"), [(404, b""), (200, b"<!doctype html>"), (200, b"{}"), (200, b"\xff"), (0, b"SSH-2.0-x\r\n")]
)
def test_something_else_than_prefect_is_told_from_it(status: int, body: bytes) -> None:
    with a_server(status, body) as url, pytest.raises(EnvironmentProblem, match="is not the API of a Prefect server"):
        require_reachable(f"{url}/api")


def test_an_address_without_api_at_its_end_gets_the_hint() -> None:
    with a_server(200, b"<!doctype html>") as url, pytest.raises(EnvironmentProblem) as refused:
        require_reachable(url)
    assert refused.value.hint == "the address ends with /api"


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_password_is_told_with_what_to_set(status: int) -> None:
    with a_server(status, b"") as url, pytest.raises(EnvironmentProblem, match="refuses us") as refused:
        require_reachable(f"{url}/api")
    assert "PREFECT_API_AUTH_STRING" in (refused.value.hint or "")


def test_a_prefect_server_and_prefect_cloud_are_let_pass() -> None:
    with a_server(200, b'"3.8.8"') as url:
        require_reachable(f"{url}/api")
        require_reachable(f"{url}/api/")
    with a_server(404, b"") as url:
        require_reachable(f"{url}/api/accounts/a/workspaces/b")
