"""Object storage by hand: make a bucket, look into it, folders there and back, and empty it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..messages import t
from ..table import Table, table
from ..text import Redactor, size
from ..training.obspath import parse_obs
from .following import Following, log_path
from .logins import account

MOST = 1000  # objects in one list


def make_bucket(url: str, *, region: str = "") -> Table:
    """Make a bucket in the account's region, where it is not there yet; the list of what is in it."""
    who, place = account(region), parse_obs(url)
    store = who.store()
    if store.bucket(place.bucket, "", write=False).exists is not True:
        store.ask(
            t("Bucket {bucket}", bucket=place.bucket), lambda client: client.createBucket(place.bucket, location=who.region)
        )
    return list_objects(url, region=region)


def list_objects(url: str, *, region: str = "") -> Table:
    """The objects below a place, at most ``MOST``."""
    place = parse_obs(url)
    found = account(region).store().objects(place.bucket, place.prefix)
    rows = [(each.key, size(each.size)) for each, _ in zip(found, range(MOST), strict=False)]
    return table(str(place), (t("Object"), t("Size")), rows)


def remove(url: str, *, region: str = "", whole: bool = False) -> Table:
    """Delete all objects below a place; the list of what is left. Raises CloudError, SettingsError.

    A place without a prefix is the whole bucket: it goes too, and only with ``whole``.
    """
    who, place = account(region), parse_obs(url)
    if not place.prefix and not whole:
        raise SettingsError(
            t("{place} is a whole bucket.", place=place),
            t("%obs rm {place} --yes deletes it with all that is in it.", place=place),
        )
    store = who.store()
    for each in list(store.objects(place.bucket, place.prefix)):
        store.ask(t("Deleting {name}", name=each.key), lambda client, key=each.key: client.deleteObject(place.bucket, key))
    if place.prefix:
        return list_objects(url, region=region)
    store.ask(t("Deleting {name}", name=place.bucket), lambda client: client.deleteBucket(place.bucket))
    return table(str(place), (t("Object"), t("Size")), [])


def put(folder: Path, url: str, *, region: str = "", progress: str = "") -> Any:
    """Send a folder's files, what changed only; returns the ``Transfer``."""
    from .. import workflows

    who = account(region)
    return _follow(who, url, workflows.send(who, folder, parse_obs(url), str(folder)), progress)


def get(url: str, folder: Path, *, region: str = "", progress: str = "") -> Any:
    """Bring all below a place into a folder, what differs only; returns the ``Transfer``."""
    from .. import workflows

    who = account(region)
    return _follow(who, url, workflows.bring(who, parse_obs(url), folder), progress)


def obs(verb: str, words: list[str], *, region: str = "", yes: bool = False) -> Any:
    """What ``%obs VERB`` does; ``yes``: a whole bucket may go. Raises SettingsError for words that do not fit."""
    wanted = {"mb": 1, "ls": 1, "rm": 1, "put": 2, "get": 2}
    if len(words) != wanted[verb]:
        raise SettingsError(
            t("%obs {verb} wants other words.", verb=verb), t("%obs mb|ls|rm obs://BUCKET · put DIR obs:// · get obs:// DIR")
        )
    if verb == "mb":
        return make_bucket(words[0], region=region)
    if verb == "ls":
        return list_objects(words[0], region=region)
    if verb == "rm":
        return remove(words[0], region=region, whole=yes)
    if verb == "put":
        return put(Path(words[0]), words[1], region=region)
    return get(words[0], Path(words[1]), region=region)


def _follow(who: Any, subject: str, workflow: Any, progress: str) -> Any:
    from ..notebook.view import cloudcards

    following = Following(cloudcards.TRANSFER, subject, log_path("", "transfer"), progress, Redactor(who.secrets))
    return following.run(workflow)
