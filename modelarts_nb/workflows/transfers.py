"""Folders to and from object storage, as a view can follow them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from ..cloud import obs
from ..cloud.account import Account
from ..engine import delivery
from ..engine.streaming import pump
from ..events import Event
from ..messages import t
from ..training.obspath import ObsPath

Moved = Generator[Event | None, None, obs.Transfer]


def fingerprint(folder: Path) -> str:
    """A text that stands for a code folder's content. Raises SettingsError where there is no such folder."""
    return obs.fingerprint(delivery.listing(folder, "--code").items, folder)


def send(account: Account, folder: Path, to: ObsPath, what: str) -> Moved:
    """Send a folder's files to ``to``, what changed only. ``what`` names it. Raises SettingsError, CloudError."""
    listing = delivery.listing(folder, what)
    yield from delivery.warnings(listing, what) if what == "--code" else ()
    store, result = account.store(), obs.Transfer()
    name = t("upload {folder} to {place}", folder=folder, place=to)
    yield from pump([obs.upload(store, listing.items, to, name, result)], store.stop)
    return result


def bring(account: Account, source: ObsPath, folder: Path) -> Moved:
    """Bring all below ``source`` into ``folder``, what differs only. Raises SettingsError, CloudError."""
    store, result = account.store(), obs.Transfer()
    name = t("download {place} to {folder}", folder=folder, place=source)
    yield from pump([obs.download(store, source, folder, name, result)], store.stop)
    return result
