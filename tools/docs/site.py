"""The site: pages gathered for each language, then Sphinx, for which a warning is an error."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from . import contract, magics, picture, troubleshooting
from .words import LANGUAGES, say

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SITE = ROOT / "build" / "site"
SOURCES = ROOT / "build" / "site-sources"
HERE = Path(__file__).parent
BESIDE = ".zh-CN.md"  # a Chinese page may also stand beside the English one, as NAME.zh-CN.md
ENGLISH_ONLY = "```{note}\n本页暂无中文版。\n```\n\n"
# A link that leaves docs/ leads nowhere on the site: what it names is in the repository
OUTSIDE = re.compile(r"\[([^\]]+)\]\((\.\./)+(?![^)]*\.(?:md|png|svg)\))[^)]*\)")


@cache
def written() -> dict[str, str]:
    """Every page that comes from the code, by its path below docs/."""
    return {**magics.pages(), **contract.pages(), **troubleshooting.pages(), "architecture.svg": picture.svg()}


def write() -> None:
    """Write them; a page of a magic that is no more goes."""
    pages = written()
    for folder in LANGUAGES.values():
        for path in (DOCS / folder / "magics").glob("*.md"):
            if str(path.relative_to(DOCS)) not in pages:
                path.unlink()
    for name, text in pages.items():
        path = DOCS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def gather(language: str) -> Path:
    """A folder with all pages of the language, as Sphinx reads them; English where there is no Chinese."""
    target = SOURCES / language
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(DOCS, target, ignore=shutil.ignore_patterns("zh-CN", f"*{BESIDE}"))
    for name, source in (("changelog.md", "CHANGELOG.md"), ("contributing.md", "CONTRIBUTING.md")):
        shutil.copy(ROOT / source, target / name)
    (target / "licence.md").write_text(_licence(language), encoding="utf-8")
    translated = set()
    if language != "en":
        for path in sorted((DOCS / language).rglob("*.md")):
            place = path.relative_to(DOCS / language)
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            # There the page stands one folder deeper than on the site
            up = "../" * len(place.parts)
            text = path.read_text(encoding="utf-8").replace(f"]({up}", f"]({up.removeprefix('../')}")
            (target / place).write_text(text, encoding="utf-8")
            translated.add(place)
        for path in DOCS.rglob(f"*{BESIDE}"):
            place = path.relative_to(DOCS).with_name(path.name.replace(BESIDE, ".md"))
            shutil.copy(path, target / place)
            translated.add(place)
    for path in target.rglob("*.md"):
        text = _inside(path.read_text(encoding="utf-8"), path.relative_to(target))
        if language != "en" and path.relative_to(target) not in translated:
            text = re.sub(r"(?m)\A((?:---\n.*?\n---\n\s*)?# .*\n+)", lambda found: found.group() + ENGLISH_ONLY, text, count=1)
        path.write_text(text, encoding="utf-8")
    return target


def _licence(language: str) -> str:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    return f"# {say('Licence', language)}\n\nApache-2.0\n\n```text\n{text}\n```\n"


def _inside(text: str, place: Path) -> str:
    """The text with links that hold on the site: pages of the repository's root, and names of what is outside docs/."""
    up = "../" * (len(place.parts) - 1)
    for name in ("CHANGELOG", "CONTRIBUTING"):
        text = re.sub(rf"\]\((?:\.\./)*{name}\.md", f"]({up}{name.lower()}.md", text)
    text = re.sub(r"\]\(([^)]*)\.zh-CN\.md", r"](\1.md", text)
    text = re.sub(r"\]\((?:\.\./)*LICENSE\)", f"]({up}licence.md)", text)
    text = re.sub(r"\]\((?:\.\./)+docs/", f"]({up}", text)
    if place.parts[0] in ("contributing.md", "changelog.md"):
        text = text.replace("](docs/", "](")
    return OUTSIDE.sub(r"\1", text)


def build(language: str, builder: str = "html") -> int:
    """Build the language's part of the site; Sphinx's exit code. The builder ``dummy`` judges and writes nothing."""
    sources = gather(language)
    target = SITE / LANGUAGES[language]
    for folder in ("_static", "_templates"):
        shutil.copytree(HERE / folder, sources / folder)
    shutil.copy(HERE / "conf.py", sources)
    command = [
        sys.executable, "-m", "sphinx", "--builder", builder, "--fail-on-warning", "--keep-going", "--quiet", "--jobs", "2",
        "--doctree-dir", str(SOURCES / f"{language}.doctrees"), str(sources), str(target),
    ]
    return subprocess.run(command, env={**os.environ, "DOCS_LANGUAGE": language}, check=False).returncode


def main(words: Sequence[str]) -> int:
    """Write the pages; without ``write`` build the site too."""
    write()
    if "write" in words:
        return 0
    shutil.rmtree(SITE, ignore_errors=True)
    failed = [language for language in LANGUAGES if build(language)]
    if not failed:
        print(f"site: {SITE / 'index.html'}, {SITE / 'zh-CN' / 'index.html'}")  # noqa: T201
    return len(failed)
