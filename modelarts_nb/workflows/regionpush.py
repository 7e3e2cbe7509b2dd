"""An image goes to a region's registry: the organization is seen to, what is new is said, the login is renewed on the way."""

from __future__ import annotations

import functools
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from ..cloud import swr
from ..cloud.account import Account
from ..engine import images
from ..engine.discovery import Engine
from ..engine.streaming import call
from ..errors import CloudError, RegistryError
from ..events import Event, Vertex, VertexStatus, VertexWarning
from ..image import Image, PushedImage
from ..messages import t
from ..reference import ImageReference
from ..registry import client as registry
from ..text import duration, size
from .pushes import read_back

ATTEMPTS = 4
NO_QUOTA = "SWR.4000097"  # "The maximum number of organizations has been exceeded": SWR's table of error codes
COMPARED = 3  # tags of the repository whose layers are compared beforehand
Events = Generator[Event | None, None, None]


def push_to_region(
    engine: Engine, account: Account, image: str, reference: ImageReference
) -> Generator[Event | None, None, PushedImage]:
    """Push to a region's registry; returns what it then holds.

    Raises CloudError (organization taken, no permission, quota), RegistryError.
    """
    found = images.inspect(engine, image)
    if images.is_index(engine, image):
        raise RegistryError(
            t("{image} is an index with attestations or several platforms, which SWR refuses.", image=image),
            t("Build it with %build, which makes a plain image."),
        )
    yield from _organization(account, reference.organization)
    yield from _announce(account, found, reference)
    images.tag(engine, image, reference)
    reported = yield from _send(engine, account, reference, _Left())
    return (yield from call(lambda: read_back(reference, reported, account.credentials_for)))


def _organization(account: Account, name: str) -> Events:
    """See that the organization is there, and this user's."""
    began, vertex = time.time(), "organization"
    yield Vertex(vertex, t("organization {name}", name=name), started=began)
    client = account.client
    known = yield from call(lambda: {each.name: each for each in swr.organizations(client)})
    if name not in known:
        try:
            yield from call(lambda: swr.create_organization(client, name))
        except CloudError as error:
            own = yield from call(lambda: [each.name for each in swr.organizations(client)])
            if name not in own:  # else somebody, or an answer that was lost, has made it in the meantime
                raise _no_organization(error, name, own) from error
    elif known[name].level == "read":
        raise CloudError(
            t("In the organization {name} this user may only read.", name=name),
            t("Ask its owner ({owner}) for the permission to edit, or choose another: --org NAME.", owner=known[name].creator),
        )
    text = t("organization {name}", name=name) if name in known else t("organization {name}, made now", name=name)
    yield Vertex(vertex, text, started=began, completed=time.time(), cached=name in known)


def _no_organization(error: CloudError, name: str, own: Sequence[str]) -> CloudError:
    hint = error.hint
    if error.error_code.endswith(NO_QUOTA):
        hint = t("The quota of organizations is used up. Use one that you have: {own}.", own=", ".join(own) or "–")
    elif error.status in (403, 409):
        hint = t(
            "The name is somebody else's in this region, or you may not make one. Choose another: --org NAME. You have: {own}.",
            own=", ".join(own) or "–",
        )
    return CloudError(
        t("The organization {name} cannot be made: {said}", name=name, said=error.message), hint, status=error.status,
        error_code=error.error_code, error_msg=error.error_msg, request_id=error.request_id,
    )


def _announce(account: Account, image: Image, reference: ImageReference) -> Events:
    """Say how many layers and bytes are new: those that no recent tag of the repository has.

    An upper bound: the registry may have a layer from another repository.
    """
    began, vertex = time.time(), "new"
    yield Vertex(vertex, t("what is new"), started=began)
    there = yield from call(lambda: _layers_there(account, reference))
    filled = [layer.size for layer in image.history if not layer.empty]
    sizes = filled if len(filled) == len(image.layers) else [0] * len(image.layers)
    new = [bytes_ for layer, bytes_ in zip(image.layers, sizes, strict=True) if layer not in there]
    if not new:
        text = t("all {count} layers are there already", count=len(image.layers))
    elif any(sizes):
        text = t(
            "{new} of {count} layers are new: {size} before compression",
            new=len(new),
            count=len(image.layers),
            size=size(sum(new)),
        )
    else:
        text = t("{new} of {count} layers are new", new=len(new), count=len(image.layers))
    yield Vertex(vertex, text, started=began, completed=time.time(), cached=not new)


def _layers_there(account: Account, reference: ImageReference) -> set[str]:
    found: set[str] = set()
    try:
        tags = swr.tags(account.client, reference.organization, reference.repository)
        names = [tag.name for tag, _ in zip(tags, range(COMPARED), strict=False)]
    except CloudError as error:
        if error.status in (403, 404):
            return found  # a new repository
        raise
    for name in dict.fromkeys([*([reference.tag] if reference.tag in names else []), *names]):
        try:
            config = registry.read_config(replace(reference, tag=name, digest=""), account.credentials_for)
        except RegistryError:
            continue  # what is new is said as well as can be; the push itself will tell of a registry that fails
        found.update((config.get("rootfs") or {}).get("diff_ids") or ())
    return found


@dataclass
class _Left:
    """How long the push will take, from the bytes that moved so far."""

    began: float = 0.0
    said: float = 0.0

    def event(self, moving: dict[str, VertexStatus]) -> Vertex | None:
        """The vertex that says it, once a second."""
        now = time.time()
        self.began = self.began or now
        current, total = sum(s.current for s in moving.values()), sum(s.total for s in moving.values())
        if now - self.began < 2 or now - self.said < 1 or not current or current >= total:
            return None
        self.said = now
        left = (total - current) * (now - self.began) / current
        return Vertex("left", t("about {time} left", time=duration(left)), started=self.began)


def _send(
    engine: Engine, account: Account, reference: ImageReference, left: _Left
) -> Generator[Event | None, None, str]:
    """Push, and again where the login has expired or the failure is temporary; what has arrived is not sent twice."""
    renewed = False
    for attempt in range(1, ATTEMPTS + 1):
        login = yield from call(functools.partial(account.registry_login, renewed=renewed))
        moving: dict[str, VertexStatus] = {}
        try:
            digest = yield from _watched(images.push(engine, reference, (login.user, login.password)), moving, left)
        except RegistryError as error:
            if error.code in ("UNAUTHORIZED", "DENIED") and not renewed:
                renewed = True
                yield VertexWarning("", t("The login was refused; trying again with a new one."))
            elif error.temporary and attempt < ATTEMPTS:
                pause = account.client.patience.before(attempt)
                yield VertexWarning("", t("The connection failed; the push goes on in {time}.", time=duration(pause)))
                yield from call(functools.partial(time.sleep, pause))
            else:
                raise _explained(error, account, reference) from error
        else:
            if left.said:
                yield Vertex("left", t("all sent"), started=left.began, completed=time.time())
            return digest
    raise AssertionError("unreachable")


def _watched(
    push: Generator[Event | None, None, str], moving: dict[str, VertexStatus], left: _Left
) -> Generator[Event | None, None, str]:
    try:
        while True:
            try:
                event = next(push)
            except StopIteration as end:
                return str(end.value)
            yield event
            if isinstance(event, VertexStatus):
                moving[event.vertex] = event
                said = left.event(moving)
                if said is not None:
                    yield said
    finally:
        push.close()


def _explained(error: RegistryError, account: Account, reference: ImageReference) -> RegistryError:
    hints = {
        "UNAUTHORIZED": t(
            "SWR does not take this key's login: %login once more; is the project {project} right?",
            project=account.project.name,
        ),
        "DENIED": t(
            "This user may not push to {organization}: ask its owner for the permission to edit, or use another one.",
            organization=reference.organization,
        ),
    }
    return RegistryError(error.message, hints.get(error.code, error.hint), status=error.status, code=error.code)
