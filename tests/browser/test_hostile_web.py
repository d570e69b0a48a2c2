"""Another site reads and shows nothing, nor does a stranger."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Error

from tests.browser.conftest import CHROMIUM, Site


@pytest.fixture
def elsewhere(site: Site) -> Iterator[str]:
    """Another site, which tries to read and to embed ours."""
    html = f"""<!doctype html><title>elsewhere</title>
<img id="shown" src="{site.origin}/static/icon.svg">
<iframe src="{site.origin}/en/about"></iframe>
<form id="post" method="post" action="{site.origin}/en/"><button>go</button></form>
""".encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_another_site_reads_and_shows_nothing(site: Site, elsewhere: str, playwright: Any) -> None:
    port = site.origin.rpartition(":")[2]
    rules = f"--host-resolver-rules=MAP rebound.test 127.0.0.1:{port}"
    made = playwright.chromium.launch(executable_path=CHROMIUM, args=[rules])
    try:
        context = made.new_context()
        context.add_cookies(site.cookies)
        page = context.new_page()
        page.goto(elsewhere)
        assert page.locator("#shown").evaluate("(image) => image.naturalWidth") == 0
        assert page.frames[1].url.startswith(("chrome-error:", "about:blank")) or not (
            page.frames[1].locator("h1").count()
        )
        asked = page.evaluate(
            """async (origin) => {
              const read = (how) => fetch(`${origin}/api/en/about`, how).then((a) => a.text());
              const tries = [
                () => read({}),
                () => read({ credentials: "include" }),
                () => read({ mode: "no-cors" }),
                () => new Promise((open, close) => {
                  const socket = new WebSocket(origin.replace("http", "ws"));
                  socket.onopen = () => open("open");
                  socket.onerror = () => close(new Error("refused"));
                }),
              ];
              return Promise.all(tries.map((each) => each().catch(() => "")));
            }""",
            site.origin,
        )
        assert asked == ["", "", "", ""]
        with page.expect_navigation() as posted:
            page.locator("#post button").click()
        assert posted.value.status in {403, 405}
        with pytest.raises(Error, match="ERR_HTTP_RESPONSE_CODE_FAILURE"):
            page.goto("http://rebound.test/en/about")
    finally:
        made.close()


def test_nothing_is_shown_without_the_token(site: Site) -> None:
    with httpx.Client(base_url=site.origin, trust_env=False, timeout=60) as stranger:
        for path in ("/", "/en/about", "/api/en/about", "/en/manifests/tiles/samples", "/media/x"):
            answer = stranger.get(path)
            assert answer.status_code == 403, path
            assert "t0001" not in answer.text
        assert stranger.get("/", params={"token": "guess"}).status_code == 403
