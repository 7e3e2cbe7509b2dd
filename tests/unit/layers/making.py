"""Tar streams and exports made for tests, byte by byte where tarfile is too honest."""

import gzip
import hashlib
import io
import json
import tarfile

BLOCK = 512


def header(name, *, size=0, kind=b"0", mode=0o644, uid=0, gid=0, link=b"", magic=b"ustar\x0000", prefix=b"", extra=None):
    """One header with a right checksum. ``extra``: (offset, bytes) written over it before that."""
    block = bytearray(BLOCK)
    block[0 : len(name)] = name
    block[100:108] = b"%07o\0" % mode
    block[108:116] = b"%07o\0" % uid
    block[116:124] = b"%07o\0" % gid
    block[124:136] = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    block[136:148] = b"%011o\0" % 0
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257:265] = magic
    block[345 : 345 + len(prefix)] = prefix
    for offset, value in extra or ():
        block[offset : offset + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


END = bytes(2 * BLOCK)


def file(name, data=b"", **options):
    return header(name, size=len(data), **options) + padded(data)


def records(**values):
    """PAX records; a key's “__” stands for “.”."""
    out = b""
    for key, value in values.items():
        body = b" " + key.replace("__", ".").encode() + b"=" + value + b"\n"
        length = len(body) + 1
        while len(str(length)) + len(body) != length:
            length += 1
        out += str(length).encode() + body
    return out


def pax(**values):
    content = records(**values)
    return header(b"PaxHeaders/x", size=len(content), kind=b"x") + padded(content)


def layer(*entries, fmt=tarfile.PAX_FORMAT):
    """A layer's bytes. Entries: (name, content) with content bytes, None for a folder, or a dict of TarInfo's fields."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=fmt) as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            data = b""
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, bytes):
                data, info.size = content, len(content)
            else:
                fields = dict(content)
                data = fields.pop("data", b"")
                info.size = len(data)
                for key, value in fields.items():
                    setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def config(layers, architecture="amd64", **settings):
    return {
        "architecture": architecture,
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(each).hexdigest() for each in layers]},
        "history": [{"created_by": f"RUN /bin/sh -c step {number} # buildkit"} for number in range(len(layers))],
    }


def outer(parts):
    """A tar of (name, bytes) parts; a str is a symbolic link."""
    return layer(
        *((name, data if isinstance(data, bytes) else {"type": tarfile.SYMTYPE, "linkname": data}) for name, data in parts)
    )


def old_export(*layers, manifest_first=False, tags=("test:1",), **settings):
    """What Engines before 25 send."""
    text = json.dumps(config(layers, **settings)).encode()
    name = hashlib.sha256(text).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": list(tags), "Layers": [f"{n}/layer.tar" for n in range(len(layers))]}]
    described = [(name, text), ("manifest.json", json.dumps(manifest).encode())]
    parts = [(f"{n}/layer.tar", each) for n, each in enumerate(layers)]
    return outer([*described, *parts] if manifest_first else [*reversed(parts), *described])


def oci_export(*layers, pack=gzip.compress, with_manifest=False, attested=False, **settings):
    """What newer Engines send: blobs by digest, index.json, perhaps Docker's manifest.json, perhaps attestations."""
    blobs = {}

    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}

    packed = [put(pack(each)) for each in layers]
    made = put(json.dumps(config(layers, **settings)).encode())
    manifest = put(json.dumps({"schemaVersion": 2, "config": made, "layers": packed}).encode())
    manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
    top = manifest
    if attested:
        note = put(json.dumps({"schemaVersion": 2, "config": put(b"{}"), "layers": []}).encode())
        note["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
        top = put(json.dumps({"schemaVersion": 2, "manifests": [manifest, note]}).encode())
        top["mediaType"] = "application/vnd.oci.image.index.v1+json"
    parts = [
        *blobs.items(),
        ("index.json", json.dumps({"schemaVersion": 2, "manifests": [top]}).encode()),
        ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
    ]
    if with_manifest:
        names = [f"blobs/sha256/{each['digest'][7:]}" for each in packed]
        old = [{"Config": f"blobs/sha256/{made['digest'][7:]}", "RepoTags": ["test:1"], "Layers": names}]
        parts.append(("manifest.json", json.dumps(old).encode()))
    return outer(parts)
