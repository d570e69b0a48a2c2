"""Pages in the hands of people: journeys, languages, keys, no scripts, hostile words and webs."""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Error, expect

from medshelf.explorer.language import strings
from tests.browser.conftest import CHROMIUM, Open, Site, Watched
from tests.browser.shelf import HOSTILE
from tests.conftest import shared_data_folder

TILES = "/manifests/tiles/samples"
PAGES = (
    *("/", "/leaderboards", "/compare", "/lineage", "/about", "/datasets/breastmnist"),
    *("/compare?id=breastmnist&id=pneumoniamnist", "/lineage?id=breastmnist"),
    *("/datasets/breastmnist/leaderboard", "/manifests/tiles/quality"),
    *(f"{TILES}?label=benign&page=2", f"{TILES}?layout=table", f"{TILES}/0?window=40,80"),
    *(f"{TILES}/3", "/manifests/scans/samples/0"),
)


def goto(page: Any, address: str) -> None:
    answer = page.goto(address)
    assert answer.status == 200, (address, page.locator("main").inner_text())


# 1. A journey


def test_back_leads_to_the_same_choice_at_the_same_place(visit: Open) -> None:
    page = visit(f"/en{TILES}", viewport={"width": 1200, "height": 700})
    page.get_by_role("link", name=re.compile("^malignant")).first.click()
    expect(page.locator("#count")).to_contain_text("300 of 600")
    page.locator('a[rel="next"]').click()
    expect(page.locator('[aria-current="page"]')).to_have_text("2")
    chosen = page.url
    tile = page.locator(".tiles a", has_text="t0201")
    tile.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 0
    tile.click()
    expect(page.locator("h1")).to_have_text("t0201")
    expect(page.locator("figure[data-ready]")).to_be_visible()
    page.locator('a[rel="next"]').click()
    expect(page.locator("h1")).to_have_text("t0203")
    page.go_back()
    expect(page.locator("h1")).to_have_text("t0201")
    page.go_back()
    page.wait_for_url(chosen)
    expect(page.locator("#count")).to_contain_text("300 of 600")
    expect(page.locator(".tiles a", has_text="t0201")).to_be_in_viewport()
    assert abs(page.evaluate("scrollY") - place) <= 2


def test_from_the_catalog_to_a_card_in_chinese(visit: Open) -> None:
    page = visit("/zh/")
    page.locator('input[type="search"]').fill("乳腺 超声")
    page.wait_for_url(re.compile("q="))
    link = page.locator('main a[href*="/datasets/breastmnist"]').first
    link.click()
    expect(page.locator("h1")).to_contain_text("BreastMNIST")
    page.go_back()
    expect(page.locator('input[type="search"]')).to_have_value("乳腺 超声")
    expect(page.locator('main a[href*="/datasets/breastmnist"]').first).to_be_visible()


def test_a_real_dataset_from_card_to_pixels(visit: Open) -> None:
    folder = shared_data_folder()
    if folder is None or not (folder / "breastmnist.npz").is_file():
        pytest.skip("MEDSHELF_DATA has no breastmnist.npz")
    page = visit("/en/datasets/breastmnist/samples?split=test")
    expect(page.locator("#count")).to_contain_text("156 of 780")
    page.locator(".tiles a").first.click()
    expect(page.locator("figure[data-ready]")).to_be_visible()


# 2. Languages


def words_of_one_language(language: str) -> set[str]:
    """Return texts of the interface that the other language does not have."""
    other = {"en": "zh", "zh": "en"}[language]
    found = set()
    for texts in strings().values():
        here, there = texts[language], texts[other]
        if isinstance(here, str) and here != there and "{" not in here and len(here) > 3:
            found.add(here)
    return found


def test_every_page_in_both_languages_without_an_error(visit: Open) -> None:
    """The fixture `watched` adds: no request elsewhere, no console error, no violation of CSP."""
    # The link to the other language is named in that language.
    english = words_of_one_language("en") - {strings()["site.language"]["zh"]}
    page = visit("/en/about")
    for address in PAGES:
        goto(page, f"/en{address}")
        state = page.url.partition("/en")[2]
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator("h1")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
        page.locator("#elsewhere").click()
        page.wait_for_url(re.compile("/zh"))
        assert page.url.partition("/zh")[2] == state
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        lines = {line.strip() for line in page.locator("body").inner_text().splitlines()}
        assert lines & english == set(), address


def test_chinese_is_drawn_and_not_as_boxes(visit: Open) -> None:
    fonts = shutil.which("fc-list")
    if (
        fonts is None
        or not subprocess.run([fonts, ":lang=zh-cn"], capture_output=True, check=True).stdout
    ):
        pytest.skip("This machine has no Chinese font")
    page = visit("/zh/about")
    drawn = page.locator("h1").evaluate(
        """(title) => [...'乳腺影像肺\uffff'].map((letter) => {
          const canvas = new OffscreenCanvas(40, 40);
          const context = canvas.getContext("2d");
          context.font = "32px " + getComputedStyle(title).fontFamily;
          context.fillText(letter, 2, 32);
          return [...context.getImageData(0, 0, 40, 40).data].join();
        })"""
    )
    assert len(set(drawn)) == len(drawn)


# 3. Without scripts


def test_pages_work_without_scripts(visit: Open) -> None:
    page = visit(f"/en{TILES}", java_script_enabled=False)
    page.locator("#q").fill("t0003")
    page.locator("form.toolbar button").first.click()
    expect(page.locator("#count")).to_contain_text("1 of 600")
    expect(page.locator(".tiles li")).to_have_count(1)
    goto(page, f"/en{TILES}")
    page.locator('a[rel="next"]').click()
    expect(page.locator('[aria-current="page"]')).to_have_text("2")
    page.locator(".tiles a").first.click()
    expect(page.locator("h1")).to_have_text("t0060")
    goto(page, "/en/manifests/scans/samples/0")
    pictures = page.locator(".plane img")
    expect(pictures).to_have_count(3)
    for number in range(3):
        box = pictures.nth(number).bounding_box()
        assert box["width"] > 100
        assert httpx_like(page, pictures.nth(number).get_attribute("src")) == 200
    expect(page.locator(".slice").first).to_be_hidden()


def httpx_like(page: Any, address: str) -> int:
    status: int = page.request.get(address).status
    return status


# 9. Keys


def test_a_journey_by_keys_alone(visit: Open) -> None:
    page = visit(f"/en{TILES}")

    def press(key: str) -> None:
        page.wait_for_load_state("load")  # a page that is still on its way hears no key
        page.keyboard.press(key)

    press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    press("g")
    page.wait_for_url(re.compile("layout=table"))
    press("g")
    expect(page.locator(".tiles")).to_be_visible()
    press("n")
    expect(page.locator('[aria-current="page"]')).to_have_text("2")
    first = page.locator(".tiles a").first
    first.focus()
    press("Enter")
    expect(page.locator("h1")).to_have_text("t0060")
    press("j")
    expect(page.locator("h1")).to_have_text("t0061")
    press("k")
    expect(page.locator("h1")).to_have_text("t0060")
    press("?")
    expect(page.locator("#keys")).to_be_visible()
    press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    press("Escape")
    page.wait_for_url(re.compile(r"samples\?.*page=2"))
    press("l")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_live_search_keeps_the_keyboard(visit: Open) -> None:
    page = visit(f"/en{TILES}")
    if not page.locator('script[src*="htmx"]').count():
        pytest.skip("htmx is not installed: medshelf serve --fetch-assets")
    page.locator("#q").press_sequentially("t000")
    expect(page.locator("#count")).to_contain_text("10 of 600")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#announcement")).to_contain_text("10 of 600")
    expect(page).to_have_url(re.compile("q=t000"))


def test_pages_fit_a_telephone(visit: Open) -> None:
    page = visit("/en/about", viewport={"width": 360, "height": 800})
    for address in ("/", "/about", f"{TILES}/0", "/manifests/scans/samples/0"):
        goto(page, f"/en{address}")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address


# 10. Hostile data


def test_hostile_words_do_nothing_and_damage_is_named(visit: Open, watched: Watched) -> None:
    page = visit("/en/manifests/odd/samples")
    expect(page.locator(".tiles li")).to_have_count(8)
    assert page.title() != "taken"
    said = {}
    for row in range(8):
        goto(page, f"/en/manifests/odd/samples/{row}")
        expect(page.locator(".report").first).to_contain_text("<script>document.title='taken'")
        assert page.title() != "taken"
        said[row] = page.locator(".pictures").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for row in (3, 4, 5, 6, 7):
        assert "cannot be shown" in said[row], row
    for row in (0, 1, 2):
        assert "cannot be shown" not in said[row], row
    assert "missing.png" in said[5]
    assert HOSTILE.replace("\u202e", "")[:40] in said[3]
    # Thumbnails that do not exist are told by their status; nothing else went wrong.
    assert all("/thumb.jpg" in each for each in watched.errors), watched.errors
    page.close()  # no later message of what was provoked
    watched.errors.clear()


# 11. Hostile web


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


# 12. Lineage, quality, leaderboards


def test_shared_images_are_said_before_anything_else(visit: Open) -> None:
    page = visit("/en/compare?id=rsna-pneumonia-detection-challenge&id=nih-chest-xray")
    expect(page.locator("main")).to_contain_text("do not train on one and test on the other")
    goto(page, "/en/lineage?id=rsna-pneumonia-detection-challenge")
    expect(page.locator("main")).to_contain_text(re.compile("NIH"))


def test_an_issue_leads_to_its_samples(visit: Open) -> None:
    page = visit("/en/manifests/tiles/quality")
    page.locator('main a[href*="issue=near-duplicate"]').first.click()
    expect(page.locator("#count")).to_contain_text("2 of 600")
    assert page.locator(".tiles .name").all_inner_texts() == ["t0003", "t0254"]


def test_a_leaderboard_says_what_is_published_and_what_was_measured(visit: Open) -> None:
    page = visit("/en/datasets/breastmnist/leaderboard")
    expect(page.locator("main table").first).to_be_visible()
    expect(page.locator("main")).to_contain_text(re.compile("published", re.IGNORECASE))
