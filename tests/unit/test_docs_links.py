"""What `make links` takes for a link, and for one that leads nowhere."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.docs.links import links, wrong


class _Places(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/there")
        else:
            self.send_response(200 if self.path == "/there" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Places) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_links_of_sentences_are_found_once_with_their_pages() -> None:
    pages = {
        "a.md": "[x](https://x.example/y#z) [own](b.md)\n```sh\ncurl [n](https://n.example)\n```\n",
        "b.md": "see [x](https://x.example/y)",
    }
    assert links(pages) == {"https://x.example/y": ["a.md", "b.md"]}


def test_what_leads_nowhere_is_said(address: str) -> None:
    assert wrong(f"{address}/there") == ""
    assert wrong(f"{address}/moved") == ""
    assert wrong(f"{address}/gone") == "404 Not Found"
    assert wrong("http://127.0.0.1:1/") == "ConnectionError"
