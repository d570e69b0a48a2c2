"""Cut text into words that can be compared: English and Chinese, whatever the spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORDS = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IDEOGRAPH = re.compile(rf"[{_CJK}]")
_POSSESSIVE = re.compile(r"['\u2019]s\b")
_X_RAY = re.compile(r"x-?ray")
_NUMBER_AFTER_WORD = re.compile(r"(?<=[a-z]{3})(?=[0-9])")

# Both spellings of a word become the same text, which need not be a word.
_SPELLINGS = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"ae$", "a"),  # vertebrae
        (r"[ao]e", "e"),  # haemorrhage, oedema, foetal
        (r"our(?=$|s$|e)", "or"),  # tumour, coloured
        (r"is(?=e$|es$|ed$|er$|ing$|ation)", "iz"),  # localise, localisation
        (r"ll(?=ing$|ed$)", "l"),  # modelling, labelled
        (r"([tb])re(?=$|s$)", r"\1er"),  # centre, fibre
        (r"grey", "gray"),
        (r"artefact", "artifact"),
        (r"sis$", "se"),  # metastasis, whose plural is metastases
        (r"otic$", "ose"),  # mitotic, of mitosis
        (r"ncy$", "nt"),  # malignancy, malignant
        (r"emic$", "emia"),  # ischemic, of ischemia
        (r"(?<=[a-z]{3})i$", "us"),  # nuclei
        (r"ies$", "y"),
        (r"(?<=ch|sh|ss|.x|ns|us)es$", ""),
        (r"(?<=[^siu])s$", ""),
    )
)
_SHORTEST = 4


def fold(text: str) -> str:
    """Return text without differences of case, width and compatibility form."""
    return unicodedata.normalize("NFKC", text).casefold()


def units(text: str) -> list[str]:
    """Return the words of a text in their common form; each Chinese character is one."""
    found: list[str] = []
    for word in _cut(text):
        found.extend(word if is_ideograph(word[0]) else (stem(word),))
    return found


def tokens(text: str) -> list[str]:
    """Return what a text is indexed under: words in their common form, and Chinese bigrams."""
    found: list[str] = []
    for word in _cut(text):
        found.extend(bigrams(word) if is_ideograph(word[0]) else (stem(word),))
    return found


def regroup(parts: Iterable[str]) -> list[str]:
    """Return the tokens of what `units` gave: neighbouring Chinese characters become bigrams."""
    found: list[str] = []
    for chinese, group in groupby(parts, key=lambda part: is_ideograph(part[0])):
        run = list(group)
        found.extend(bigrams("".join(run)) if chinese else run)
    return found


def bigrams(run: str) -> list[str]:
    """Return the overlapping pairs of characters of a run; a lone character is itself."""
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def compact(text: str) -> str:
    """Return the letters and digits alone, so that `Chest X-ray 14` equals `chestxray14`."""
    return "".join(_WORDS.findall(fold(text)))


def is_ideograph(character: str) -> bool:
    """Return whether a character is written without spaces between words."""
    return _IDEOGRAPH.match(character) is not None


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the common form of an English word: singular, American spelling.

    Args:
        word: One folded word.
    """
    if len(word) < _SHORTEST:
        return word
    for pattern, text in _SPELLINGS:
        word = pattern.sub(text, word)
    return word


def words(text: str) -> Iterator[str]:
    """Yield the English words of a text, folded and as they are spelt."""
    for word in _cut(text):
        if not is_ideograph(word[0]):
            yield word


def _cut(text: str) -> list[str]:
    folded = _X_RAY.sub("x ray", _POSSESSIVE.sub("", fold(text)))
    found: list[str] = []
    for word in _WORDS.findall(folded):
        found.extend(_NUMBER_AFTER_WORD.split(word))
    return found
