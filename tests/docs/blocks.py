"""The fenced blocks and links of every page; see docs/decisions/061."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NOT_RUN = re.compile(r"(?:not run by our tests\.|未由测试执行。)\*$")
CELLS = ("ipython", "python")


class Block(NamedTuple):
    page: Path
    line: int
    language: str
    text: str
    above: str  # the paragraph right above it
    behind: bool  # whether it stands right behind another block

    @property
    def runs(self):
        """Whether it is a cell that the tests run."""
        cell = self.language in CELLS or (self.language == "dockerfile" and self.text.startswith("%%"))
        return cell and not NOT_RUN.search(self.above)

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


class Link(NamedTuple):
    page: Path
    line: int
    target: str


def pages():
    """README.md, CONTRIBUTING.md, and everything below docs/."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


@cache
def tokens(page):
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page):
    found, above, behind = [], "", False
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            language = (token.info.split() or [""])[0] if token.type == "fence" else "indented"
            found.append(Block(page, token.map[0] + 1, language, token.content, above, behind))
            above, behind = "", True
        elif token.type == "inline":
            above, behind = token.content, False
        elif token.type not in ("paragraph_open", "paragraph_close"):
            above, behind = "", False
    return found


def every_block():
    return [block for page in pages() for block in blocks(page)]


def links():
    found = []
    for page in pages():
        for token in tokens(page):
            for child in token.children or ():
                target = child.attrGet({"link_open": "href", "image": "src"}.get(child.type, "")) or ""
                if target:
                    found.append(Link(page, token.map[0] + 1, str(target)))
    return found


@cache
def anchors(page):
    """What a link can name in a page, as GitHub and the site make it from headings."""
    found, inside = set(), False
    for token in tokens(page):
        if token.type == "inline" and inside:
            text = "".join(child.content for child in token.children if child.type in ("text", "code_inline"))
            found.add(re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-"))
        inside = token.type == "heading_open"
    return found


def like(pattern, text):
    """Whether a text is what a page shows, where “…” stands for anything."""
    parts = [re.escape(part) for part in pattern.strip().split("…")]
    return re.fullmatch(".*".join(parts), "\n".join(line.rstrip() for line in text.strip().splitlines()), re.DOTALL)
