"""Large files in parts: an upload and a download that go on where they broke off, in this kernel or the next.

The SDK's own resumable transfers cannot be stopped from outside; these look at ``store.stopped`` between parts and blocks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import CloudError
from ..messages import t
from .obsstore import Object, Store

PART = 9 << 20  # bytes
BLOCK = 1 << 18
Told = Callable[[int], None]  # bytes that have arrived so far


def put(store: Store, bucket: str, key: str, source: Path, stamp: list[int], note: Path, told: Told) -> str:
    """Upload a file in parts; the object's ETag. ``note`` remembers what has arrived of the file as ``stamp`` tells it."""
    size = source.stat().st_size
    kept = _read(note, stamp)
    if not kept:
        kept = {"stamp": stamp, "upload": _begin(store, bucket, key), "etags": {}}
    part = max(PART, -(-size // 9999))  # at most 10,000 parts
    try:
        for number in range(1, -(-size // part) + 1):
            if store.stopped:
                raise InterruptedError
            if str(number) not in kept["etags"]:
                kept["etags"][str(number)] = _part(store, bucket, key, source, kept["upload"], number, part)
                note.write_text(json.dumps(kept), encoding="utf-8")
            told(min(number * part, size))
        etag = _complete(store, bucket, key, kept)
    except CloudError as error:
        if error.status == 404 and error.error_code == "NoSuchUpload":
            note.unlink(missing_ok=True)
            if kept["etags"]:  # it was given up by the service, or by somebody: begin anew
                return put(store, bucket, key, source, stamp, note, told)
        raise
    note.unlink(missing_ok=True)
    return etag


def get(store: Store, bucket: str, found: Object, place: Path, told: Told) -> None:
    """Download an object. What broke off stays beside ``place`` and is gone on with as long as the object is the same."""
    part = place.with_name(f".{place.name[:200]}.{found.etag[:12]}.part")
    if part.is_symlink():
        part.unlink()
    part.touch()

    def fetch(client: Any) -> Any:
        have = part.stat().st_size
        if have >= found.size:
            return None
        from obs import GetObjectHeader

        answer = client.getObject(
            bucket, found.key, headers=GetObjectHeader(range=f"{have}-", if_match=found.etag), loadStreamInMemory=False
        )
        if answer.status < 300:
            _stream(store, answer.body.response, part, have, told)
        return answer

    store.ask(t("Downloading {name}", name=found.key), fetch)
    if part.stat().st_size != found.size:
        part.unlink()
        raise CloudError(t("{name} changed while it was downloaded.", name=found.key), t("Try again."))
    part.replace(place)


def _stream(store: Store, response: Any, part: Path, have: int, told: Told) -> None:
    try:
        with part.open("ab") as file:
            while block := response.read(BLOCK):
                if store.stopped:
                    raise InterruptedError
                file.write(block)
                have += len(block)
                told(have)
    finally:
        response.close()


def _begin(store: Store, bucket: str, key: str) -> str:
    what = t("Uploading {name}", name=key)
    return str(store.ask(what, lambda client: client.initiateMultipartUpload(bucket, key)).body.uploadId)


def _part(store: Store, bucket: str, key: str, source: Path, upload: str, number: int, part: int) -> str:
    size = min(part, source.stat().st_size - (number - 1) * part)
    answer = store.ask(t("Uploading {name}", name=key), lambda client: client.uploadPart(
        bucket, key, number, upload, str(source), isFile=True, offset=(number - 1) * part, partSize=size
    ))
    return str(answer.body.etag)


def _complete(store: Store, bucket: str, key: str, kept: dict[str, Any]) -> str:
    from obs import CompleteMultipartUploadRequest, CompletePart

    parts = [
        CompletePart(partNum=int(number), etag=etag) for number, etag in sorted(kept["etags"].items(), key=lambda e: int(e[0]))
    ]
    answer = store.ask(t("Uploading {name}", name=key), lambda client: client.completeMultipartUpload(
        bucket, key, kept["upload"], CompleteMultipartUploadRequest(parts)
    ))
    return str(answer.body.etag or "").strip('"')


def _read(note: Path, stamp: list[int]) -> dict[str, Any]:
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) and kept.get("stamp") == stamp and isinstance(kept.get("etags"), dict) else {}
