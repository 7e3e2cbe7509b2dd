"""What is checked when a job is created, and how it is refused: the error codes are those of the API reference's table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..training.spec import MAX_KEY, MAX_VALUE, MAX_VARIABLES, place_problems
from .backend import Backend
from .flavors import GB, Flavor, Flavors
from .iam import REGION, Caller
from .swr import NOTHING, PLATFORM, Swr
from .web import Refusal

NAME = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
IMAGE_BYTES = 30 * GB  # develop-modelarts-0079
UNITS = {"HOURS": 3600, "HOUR": 3600, "MINUTES": 60, "MINUTE": 60, "SECONDS": 1, "SECOND": 1, "DAYS": 86400}


class Preflight:
    """The checks, over what the sandbox has. ``bucket(name)``: (its region, its owner's account), None: there is none."""

    def __init__(
        self, flavors: Flavors, swr: Swr, backend: Backend, bucket: Callable[[str], tuple[str, str] | None] | None
    ) -> None:
        self._flavors, self._swr, self._backend, self._bucket = flavors, swr, backend, bucket

    def check(self, caller: Caller, request: dict[str, Any], taken: set[str]) -> dict[str, Any]:
        """The facts of a job that may be created; ``taken`` are the names of others. Raises Refusal, ValueError."""
        metadata, algorithm, spec = (_object(request, name) for name in ("metadata", "algorithm", "spec"))
        resource = _object(spec, "resource")
        name = str(metadata.get("name") or "")
        if not NAME.match(name):
            raise Refusal(400, "ModelArts.2788", "Invalid parameter(metadata.name).")
        if name in taken:
            raise Refusal(400, "ModelArts.2751", f"Duplicate training job (name {name}).")
        engine = _object(algorithm, "engine")
        if not engine.get("image_url") or not str(algorithm.get("command") or "").strip():
            raise Refusal(400, "ModelArts.2806", "Custom image jobs command and engine.url cannot be empty.")
        for option in place_problems(*(str(algorithm.get(name) or "") for name in ("local_code_dir", "working_dir"))):
            raise Refusal(400, "ModelArts.2788", f"Invalid parameter(algorithm.{option}).")
        _environment(algorithm.get("environments") or {})
        flavor = self._flavors.choose(resource)
        image = self.image(caller, str(engine["image_url"]), flavor)
        self._places(caller, algorithm, spec)
        return {
            "nodes": int(resource.get("node_count") or 1), "flavor": flavor.shown(), "image": image,
            "limits": [flavor.cores, flavor.memory], "auto_stop": auto_stop(spec),
        }

    def image(self, caller: Caller, url: str, flavor: Flavor | None) -> dict[str, Any]:
        """Path, digest and platform of the image that ``url`` names, with or without host. Raises Refusal."""
        host, _, rest = url.partition("/")
        if "." in host or ":" in host or host == "localhost":
            if host != self._swr.host:
                raise _no_image(f"{url} is not in region {REGION}, whose registry is {self._swr.host}")
        else:
            rest = url
        path, _, tag = rest.partition(":")
        tag = tag or "latest"
        organization = path.partition("/")[0]
        platform = organization in PLATFORM
        if self._swr.right(caller, path) == NOTHING:
            raise _no_image(f"{path}: not found, or no permission to read it")
        digest = tag if platform else self._swr.digest(path, tag)
        found = self._backend.manifest(path, digest, platform=platform) if digest else None
        if found is None:
            raise _no_image(f"{path}:{tag} not found")
        configuration = self._backend.configuration(path, found[1], platform=platform)
        image: dict[str, Any] = {
            "path": path, "tag": tag, "digest": found[0], "architecture": str(configuration.get("architecture", "")),
            "size": sum(int(layer.get("size", 0)) for layer in found[1].get("layers") or ()),
        }
        if image["size"] > IMAGE_BYTES:
            raise Refusal(400, "ModelArts.2845", f"SWR image size exceeded ({image['size'] // GB}GB > {IMAGE_BYTES // GB}GB).")
        self._fits(image, flavor)
        return image

    def _fits(self, image: Mapping[str, Any], flavor: Flavor | None) -> None:
        if flavor is not None and image["architecture"] not in ("", self._flavors.image_arch):
            raise Refusal(
                400, "ModelArts.2763",
                f"The selected flavor is invalid. (the image is for {image['architecture']}, the flavor's nodes are "
                f"{self._flavors.image_arch})",
            )

    def _places(self, caller: Caller, algorithm: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """See that every bucket is there, in this region and the caller's."""
        places = [("code_dir", str(algorithm.get("code_dir") or ""))]
        for kind in ("inputs", "outputs"):
            for item in algorithm.get(kind) or []:
                if not VARIABLE.match(str(item.get("name") or "")):
                    raise Refusal(400, "ModelArts.2753", "input and output channel information is not standardized.")
                places.append((f"{kind}.{item['name']}", channel(item)))
                if not places[-1][1]:
                    raise Refusal(400, "ModelArts.2854", "Unsupported input/output channel remote type.")
        places.append(("log_export_path", str((spec.get("log_export_path") or {}).get("obs_url") or "")))
        for what, url in places:
            if url:
                self._place(caller, what, url)

    def _place(self, caller: Caller, what: str, url: str) -> None:
        bucket, _ = split(url)
        if self._bucket is None:
            raise invalid_path(url, "the sandbox runs without object storage: pip install 'modelarts_nb[sandbox]'")
        found = self._bucket(bucket)
        if found is None:
            raise invalid_path(url, f"the bucket {bucket} of {what} does not exist")
        if found[0] != REGION:
            raise invalid_path(url, f"the bucket {bucket} of {what} is in region {found[0]}, the job in {REGION}")
        if found[1] != caller.domain_id:
            raise invalid_path(url, f"no permission to access the bucket {bucket}")


def channel(item: Mapping[str, Any]) -> str:
    """The OBS path of an input or an output; "" where it has none."""
    return str(((item.get("remote") or {}).get("obs") or {}).get("obs_url") or "")


def split(url: str) -> tuple[str, str]:
    """(bucket, key or prefix) of ``/bucket/key/`` or ``obs://bucket/key/``. Raises Refusal."""
    rest = url.removeprefix("obs://").removeprefix("s3://").lstrip("/")
    bucket, _, key = rest.partition("/")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket) or ".." in key.split("/"):
        raise invalid_path(url, "write /bucket/folder/ or obs://bucket/folder/")
    return bucket, key


def auto_stop(spec: Mapping[str, Any]) -> float:
    """Seconds after which a job is stopped; 0: never. Raises Refusal."""
    wanted = spec.get("auto_stop") or {}
    if not wanted:
        return 0.0
    unit, duration = str(wanted.get("time_unit", "HOURS")).upper(), wanted.get("duration")
    if unit not in UNITS or not isinstance(duration, (int, float)) or not duration > 0:
        raise Refusal(400, "ModelArts.2788", "Invalid parameter(spec.auto_stop).")
    return float(duration * UNITS[unit])


def invalid_path(url: str, reason: str) -> Refusal:
    """The refusal of a path in object storage."""
    return Refusal(400, "ModelArts.2791", f"Invalid obs path: {url}, reason: {reason}.")


def _no_image(reason: str) -> Refusal:
    return Refusal(400, "ModelArts.2810", f"Custom image query failure ({reason})")


def _object(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    if not isinstance(found, dict):
        raise Refusal(400, "ModelArts.2788", f"Invalid parameter({name}).")
    return found


def _environment(values: Mapping[str, Any]) -> None:
    if len(values) > MAX_VARIABLES:
        raise Refusal(400, "ModelArts.2816", f"The parameter(environments) exceeds the upper limit {MAX_VARIABLES}.")
    for name, value in values.items():
        if not VARIABLE.match(name):
            raise Refusal(400, "ModelArts.2788", f"Invalid parameter(environments: {name[:80]}).")
        if len(name) > MAX_KEY or len(str(value)) > MAX_VALUE:
            raise Refusal(400, "ModelArts.2816", f"The parameter({name[:80]}) exceeds the upper limit {MAX_VALUE}.")
