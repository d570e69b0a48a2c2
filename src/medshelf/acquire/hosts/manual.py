"""What no program may or can fetch: `manual:PLATFORM/ADDRESS`, or `manual:` and a web address.

The steps are named, with the command of the platform's own client where there is one; for a bare
web address the record's own. What the user has placed is verified like every other file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from medshelf.acquire.gates.credentials import PLATFORMS, find_credential
from medshelf.acquire.listing import match_address
from medshelf.acquire.remote import RemoteFile
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import GateError
from medshelf.core.settings import Settings

_FORM = r"manual:((?P<page>https?://\S+)|(?P<platform>[a-z-]+)/(?P<address>\S+))"


@dataclass(frozen=True, slots=True)
class _Way:
    """How people get files from a platform; `{address}` and `{first}` stand for the record's.

    Attributes:
        page: Where it begins.
        steps: What to do there.
        client: Command of the official client; null where there is none.
        login: Key of its credential; null where the client asks by itself.
    """

    page: str
    steps: str
    client: str | None = None
    login: str | None = None


_WAYS: Mapping[str, _Way] = {
    "synapse": _Way(
        "https://www.synapse.org/Synapse:{first}",
        "Log in, join the challenge or accept its terms, download {name}",
        "synapse get -r {first}",
        "synapse",
    ),
    "grand-challenge": _Way(
        "https://{first}.grand-challenge.org/",
        "Log in, join the challenge, and follow its data page to {name}",
    ),
    "opendatalab": _Way(
        "https://opendatalab.com/{address}",
        "Log in, agree to the terms, download {name}",
        "openxlab dataset get --dataset-repo {address}",
        "openxlab",
    ),
    "aimi": _Way(
        "https://stanfordaimi.azurewebsites.net/datasets/{first}",
        "Log in, accept the research use agreement, download {name} with the link that the "
        "page then shows for some days",
        'azcopy copy "LINK" . --recursive',
    ),
    "osf": _Way("https://osf.io/{address}", "Download {name}", "osf -p {first} clone"),
    "openneuro": _Way(
        "https://openneuro.org/datasets/{address}",
        "Download {name}",
        "aws s3 sync --no-sign-request s3://openneuro.org/{first} {first}",
    ),
    "baidu": _Way(
        "https://pan.baidu.com/s/{address}",
        "Log in with Baidu's own client download {name}",
    ),
    "ida": _Way(
        "https://ida.loni.usc.edu/",
        "Apply for {address}, wait for the approval, download {name} from Download > Image "
        "Collections",
    ),
    "codalab": _Way(
        "https://competitions.codalab.org/competitions/{address}",
        "Log in, join the competition, download {name} from its participate page",
    ),
    "torrent": _Way(
        "https://academictorrents.com/details/{address}",
        "Download {name} with any BitTorrent client",
        "aria2c https://academictorrents.com/download/{address}.torrent",
    ),
}


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:  # noqa: ARG001 - hosts' form
    """Say what the user has to do.

    Raises:
        GateError: Always; of kind "manual".
        SettingError: The address has another form, or names an unknown platform.
    """
    platforms = "|".join(_WAYS)
    match = match_address(file, _FORM, f"manual:https://... or manual:({platforms})/ADDRESS")
    what = "the whole set" if file.name == "*" else file.name
    if match["page"]:
        raise _gate(what, match["page"], f"Download {what}")
    match = match_address(file, rf"manual:({platforms})/(\S+)", f"manual:({platforms})/ADDRESS")
    way, address = _WAYS[match[1]], unquote(match[2])
    words = {"address": address, "first": address.partition("/")[0], "name": what}
    steps = way.steps.format(**words)
    if way.client:
        login = PLATFORMS[way.login].setup if way.login and not find_credential(way.login) else ""
        setup = f"{login[0].lower()}{login[1:]}, then run: " if login else "or run: "
        steps += f" ({'or ' * bool(login)}{setup}{way.client.format(**words)})"
    raise _gate(what, way.page.format(**words), steps)


def _gate(what: str, page: str, steps: str) -> GateError:
    # The engine adds where the files go and the command, so the page stands in the problem.
    subject = what.replace("the whole", "The whole")
    return GateError("manual", f"{subject} must be fetched by hand from {page}", steps)
