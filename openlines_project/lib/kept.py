"""Sentences that were kept, in the language of who reads them.

Why a message was not delivered or a channel is broken is written down by a worker, which has no
reader: it writes English. A page or an answer of the API gives it in the reader's language, found
in his catalogue as a whole ("Telegram could not be reached.") or by its pattern ("Telegram
refused: Bad Request"). Who keeps a sentence while somebody reads makes it in `kept_language`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from django.utils.translation import get_language, gettext, override
from django.utils.translation.trans_real import translation

_VALUE = re.compile(r"%\((\w+)\)s")
# A pattern that begins with a value, or nearly so, would fit too many sentences.
_FIRST_WORDS = 10


def kept_language() -> override:
    """A context in which sentences come in the language they are kept in."""
    return override("en")


def kept_sentence(text: str) -> str:
    """What was kept in English, in the reader's language; what is in no catalogue as it is.

    Sentences on lines of their own are looked up one by one.
    """
    language = get_language()
    if not text or language is None or language.partition("-")[0] == "en":
        return text
    return "\n".join(_told(line, language) for line in text.split("\n"))


def _told(sentence: str, language: str) -> str:
    if not sentence:
        return sentence  # gettext would give the catalogue's header
    told = gettext(sentence)
    if told != sentence:
        return told
    for pattern, original in _patterns(language):
        if match := pattern.fullmatch(sentence):
            return gettext(original) % match.groupdict()
    return sentence


@lru_cache(maxsize=16)
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The sentences with values of a language's catalogue; those that say most come first."""
    catalogue = translation(language)._catalog  # type: ignore[attr-defined]  # as JavaScriptCatalog
    # A plural's key is a pair, and one with a context is made for its place: neither is kept.
    originals = {
        key
        for key, _translated in catalogue.items()
        if isinstance(key, str) and "\x04" not in key and _VALUE.search(key)
    }
    found = []
    for original in originals:
        parts = _VALUE.split(original)
        words, names = parts[::2], parts[1::2]
        if len(words[0]) < _FIRST_WORDS or "%" in "".join(words) or len(set(names)) != len(names):
            continue
        pattern = re.escape(words[0])
        for name, after in zip(names, words[1:], strict=True):
            pattern += f"(?P<{name}>.*){re.escape(after)}"
        found.append((sum(map(len, words)), re.compile(pattern), original))
    found.sort(key=lambda item: (-item[0], item[2]))
    return [(pattern, original) for _length, pattern, original in found]
