"""Google Drive: `gdrive:ID` of a file that everybody with the link may see.

Drive has no hashes for guests, and answers with web pages where it does not send a file: the
question whether a large file that no virus scanner saw is wanted (answered here with yes), used-up
quota, a login.
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from medshelf.acquire.asking import Answer, ask
from medshelf.acquire.gates.refusals import MISSING, missing
from medshelf.acquire.listing import host_of, match_address
from medshelf.acquire.remote import Limits, Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = r"gdrive:(?P<id>[\w-]+)"
_QUOTA = ("too many users have viewed or downloaded", "quota exceeded", "download quota")
_LOGIN = ("accounts.google.com", "you need access", "request access", "sign in")


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say where a file lies; the page that asks before a large file is answered.

    Raises:
        DownloadError: There is no such file, or Drive sends a page that is not understood.
        GateError: The file is private, or its quota is used up for now.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    number = match_address(file, _FORM, "gdrive:ID")["id"]
    root = endpoint("gdrive", "https://drive.google.com")
    source = f"{root}/file/d/{number}/view"
    url = f"{root}/uc?export=download&id={number}&confirm=t"
    # One byte says whether the file comes or a page.
    answer = ask(
        url,
        settings,
        source=source,
        headers={"Range": "bytes=0-0"},
        what=file.name,
        explain=_explain,
    )
    if _is_page(answer):
        url = _answer_form(answer, source)
    return (
        RemoteFile(
            name=file.name,
            url=url,
            source=source,
            limits=Limits(connections=2, ranges=1),
            explain=_explain,
        ),
    )


def _is_page(answer: Answer) -> bool:
    kind = answer.headers.get("content-type", "").lower()
    return kind.startswith("text/html") and "content-disposition" not in answer.headers


def _answer_form(answer: Answer, source: str) -> str:
    """Return the address behind the button of the page that asks before a large file."""
    text = answer.body.decode("utf-8", "replace")
    form = _Form()
    form.feed(text)
    if form.action and host_of(answer.url) == host_of(urljoin(answer.url, form.action)):
        parts = urlsplit(urljoin(answer.url, form.action))
        query = urlencode({**dict(parse_qsl(parts.query)), **form.fields})
        return urlunsplit(parts._replace(query=query))
    refusal = Refusal(source, "the file", answer.status, answer.headers, text, None)
    raise _explain(refusal, answer.url) or DownloadError(
        f"{source} sent a web page that is not understood", "Download the file in a browser"
    )


def _explain(refusal: Refusal, final_url: str = "") -> MedshelfError | None:
    text = refusal.text.lower()
    if any(each in text for each in _QUOTA):
        problem = f"Google Drive gives {refusal.source} to nobody for now: too many have asked"
        step = "Try again in 24 hours, or copy the file into your own Drive and download the copy"
        return GateError("quota", problem, step, page=refusal.source)
    if refusal.status in MISSING:
        return missing(refusal.source, "Google Drive")
    if any(each in f"{host_of(final_url)} {text}" for each in _LOGIN):
        problem = f"{refusal.source} is not shared with everybody"
        step = "Ask its owner for access, and download it in a browser"
        return GateError("private", problem, step, page=refusal.source)
    return None


class _Form(HTMLParser):
    """Reads the form with the id `download-form`.

    Attributes:
        action: Where it leads; null where there is no such form.
        fields: Its hidden fields.
    """

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down the form and its fields."""
        named = {name: value or "" for name, value in attrs}
        if tag == "form" and named.get("id") == "download-form":
            self.action = named.get("action")
        elif tag == "input" and self.action and named.get("type") == "hidden":
            self.fields[named.get("name", "")] = named.get("value", "")
