"""Folders that are reached through links: with ``/bin → usr/bin`` an entry ``bin/ls`` is the file ``usr/bin/ls``.

An Engine's own export names every file by its real path, so that there is nothing to do; images that other programs made
may not, and Engines follow the links when they unpack, in the order of the entries.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..messages import mark
from .index import SYMLINK, LayerIndex, key_of
from .tar import TarError

HOPS = 40  # links that are followed, as in Linux
MAX_LINKS = 1000  # folders that are links and written through; an image has a handful


def resolve(layers: Sequence[LayerIndex]) -> list[tuple[int, str]]:
    """Give the entries below linked folders the keys of their real paths; (layer, problem) where links loop."""
    links: dict[bytes, bytes] = {}  # by the link's own real path
    problems = []
    for number, index in enumerate(layers):
        if not links and not any(index.path(position) in index.names.numbers for position in index.links):
            continue
        try:
            _rename(index, links)
        except RecursionError:
            problems.append((number, mark("its links lead in a circle")))
        except TarError as error:
            problems.append((number, str(error)))
            break
    return problems


def _rename(index: LayerIndex, links: dict[bytes, bytes]) -> None:
    """One layer, entry by entry: each may be below a link, be one, or take one's place."""
    numbers = index.names.numbers
    keys = {key_of(path) for path in links}
    moved: dict[int, int] = {}  # folder → its real one, as long as ``links`` stays as it is
    for position in range(len(index)):
        folder = index.folders[position]
        if folder not in moved:
            moved[folder] = index.names.folder(_real(index.names.paths[folder], links))
        if moved[folder] != folder:
            if index.opaque.get(folder) == position:
                index.opaque[moved[folder]] = index.opaque.pop(folder)
            index.folders[position] = moved[folder]
            index.keys[position] = key_of(index.path(position))
        is_link = index.owner(position).kind == SYMLINK
        if is_link or index.keys[position] in keys:
            path = index.path(position)
            if is_link and path in numbers:
                links[path] = index.links[position]
                if len(links) > MAX_LINKS:
                    raise TarError(mark("more of its folders are links than are followed"))
                keys.add(index.keys[position])
            else:
                links.pop(path, None)
            moved.clear()


def _real(path: bytes, links: dict[bytes, bytes], hops: int = HOPS) -> bytes:
    """The path with its links followed. Raises RecursionError where they loop."""
    if not any(path == link or path.startswith(link + b"/") for link in links):
        return path
    done: list[bytes] = []
    parts = path.split(b"/")[::-1]
    while parts:
        part = parts.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            del done[-1:]
            continue
        done.append(part)
        target = links.get(b"/".join(done))
        if target is not None:
            hops -= 1
            if not hops:
                raise RecursionError
            done = [] if target.startswith(b"/") else done[:-1]
            parts += target.split(b"/")[::-1]
    return b"/".join(done)
