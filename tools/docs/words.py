"""What the written pages say in both languages: the product's own catalogue, then the pages' own, then English."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from modelarts_nb import messages

HERE = Path(__file__).parent
LANGUAGES = {"en": "", "zh-CN": "zh-CN/"}  # language: where its pages stand below docs/


@cache
def own() -> dict[str, str]:
    """English to Chinese: the help of magics, and the headings of written pages."""
    found: dict[str, str] = json.loads((HERE / "zh-CN.json").read_text(encoding="utf-8"))
    return found


def say(text: str, language: str) -> str:
    """A text in the language; English where nobody has translated it yet."""
    if language == "en" or not text:
        return text
    return messages.catalogue().get(text) or own().get(text) or text


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """The product speaks this language inside."""
    before = messages.language()
    messages.use(language)
    try:
        yield
    finally:
        messages.use(before)
