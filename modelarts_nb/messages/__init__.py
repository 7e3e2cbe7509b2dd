"""What the product says, in the user's language: English in the source, Chinese in the catalogue beside this file.

    t("The build context {path} is not a folder here.", path=path)

The English text is its own key. ``mark`` names a text that is translated later, where it is shown (titles of rules, words of
views). The catalogue is every ``zh_CN/*.json``, English to Chinese, one file a part of the product; a test finds each ``t`` and
``mark`` in the sources and compares.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh-CN")
_language = "en"


def use(language: str) -> None:
    """Speak this language from now on: a locale's name such as ``zh_CN.UTF-8`` or ``en``; an unknown one means English."""
    global _language
    _language = "zh-CN" if language.lower().replace("_", "-").startswith("zh") else "en"


def language() -> str:
    """The language spoken now, one of ``LANGUAGES``."""
    return _language


def t(text: str, /, **values: object) -> str:
    """The text in the language spoken now, with its ``{names}`` filled in."""
    said = catalogue().get(text, text) if _language == "zh-CN" else text
    return said.format(**values) if values else said


def mark(text: str) -> str:
    """The text itself: it is translated by ``t`` where it is shown."""
    return text


@cache
def catalogue() -> dict[str, str]:
    """English to Chinese."""
    found: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / "zh_CN").glob("*.json")):
        found.update(json.loads(path.read_text(encoding="utf-8")))
    return found
