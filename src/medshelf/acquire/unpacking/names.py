"""Names of members as names of files: which are safe, and in which encoding old ones are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Source: learn.microsoft.com, Naming Files, Paths, and Namespaces.
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\..*)?")
_NOT_ON_WINDOWS = re.compile(r'[\x00-\x1f<>:"|?*\\]|[. ]$')
_DRIVE = re.compile(r"[A-Za-z]:")
# GB 2312: two bytes, both of the upper half; the common characters are in its rows 16 to 55.
_COMMON_HANZI = range(0xB0, 0xD8)


@dataclass(frozen=True, slots=True)
class Disk:
    """What the file system that is unpacked to can hold.

    Attributes:
        folds_case: `A.png` and `a.png` are one file.
        windows: Names that Windows reserves are refused.
        name_bytes: Longest name of one file or folder, in UTF-8.
        path_bytes: Longest path below the folder, in UTF-8.
    """

    folds_case: bool = False
    windows: bool = False
    name_bytes: int = 255
    path_bytes: int = 3072


def file_name(member: str, *, backslashes: bool) -> str:
    """Return a member's name as a path below a folder, with `/` between folders.

    Args:
        member: The name that the archive states.
        backslashes: They stand between folders, as in a zip written on Windows.
    """
    path = member.replace("\\", "/") if backslashes else member
    parts = [each for each in path.split("/") if each not in ("", ".")]
    return "/" * path.startswith("/") + "/".join(parts)


def refused_names(names: Iterable[str], disk: Disk) -> dict[str, str]:
    """Say which names cannot be files below one folder, and why.

    Args:
        names: As `file_name` gives them, one for each member.
        disk: What the file system can hold.
    """
    names = list(names)
    found = _clashes(names, folds_case=disk.folds_case)
    for name in names:
        if reason := _problem(name, disk):
            found[name] = reason
    return found


def unportable_names(names: Sequence[str]) -> list[str]:
    """Return the names that other systems cannot hold: reserved, or alike but for their case."""
    clashes = _clashes(list(names), folds_case=True)
    windows = Disk(windows=True)
    return [each for each in names if each in clashes or _problem(each, windows)]


def guess_encoding(names: Sequence[bytes]) -> str | None:
    """Guess how names that are not ASCII are encoded.

    Returns:
        `utf-8`, or `gb18030` where they look Chinese; null where they are neither.
    """
    if _decodes(names, "utf-8"):
        return "utf-8"
    if not _decodes(names, "gb18030"):
        return None
    common = total = 0
    for character in "".join(each.decode("gb18030") for each in names):
        if not character.isascii():
            coded = character.encode("gb18030")
            total += 1
            common += len(coded) == 2 and coded[0] in _COMMON_HANZI and coded[1] > 0xA0  # noqa: PLR2004
    return "gb18030" if 2 * common > total else None


def _decodes(names: Sequence[bytes], encoding: str) -> bool:
    try:
        for each in names:
            each.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _problem(name: str, disk: Disk) -> str:
    parts = name.split("/")
    if not name or not parts[0] or ".." in parts or _DRIVE.fullmatch(parts[0]):
        return "its name leads out of the folder"
    if "\0" in name:
        return "its name holds a NUL"
    try:
        lengths = [len(each.encode()) for each in parts]
    except UnicodeEncodeError:
        return "its name is no Unicode text"
    if max(lengths) > disk.name_bytes or sum(lengths) + len(parts) > disk.path_bytes:
        return "its name is too long"
    if disk.windows and any(_RESERVED.fullmatch(p) or _NOT_ON_WINDOWS.search(p) for p in parts):
        return "its name is not allowed on Windows"
    return ""


def _clashes(names: Sequence[str], *, folds_case: bool) -> dict[str, str]:
    """Find names that occur twice, or are both a file and a folder."""
    keys: dict[str, list[str]] = {}
    folders = set[str]()
    for name in names:
        key = _folded(name) if folds_case else name
        keys.setdefault(key, []).append(name)
        while "/" in key and (key := key.rpartition("/")[0]) not in folders:
            folders.add(key)
    found = dict[str, str]()
    for key, alike in keys.items():
        if len(alike) > 1:
            same = "it" if len(set(alike)) == 1 else "one that differs in case alone"
            found |= dict.fromkeys(alike, f"there is another member of its name, or {same}")
        if key in folders:
            found |= dict.fromkeys(alike, "it is a file, and a folder of other members")
    return found


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
