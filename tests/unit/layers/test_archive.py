"""Exports in both layouts, whole and hostile."""

import gzip
import json
import tarfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelarts_nb.layers.archive import ImageArchive

from .making import END, file, header, layer, oci_export, old_export, outer, padded, pax

BASE = layer(("usr", None), ("usr/bin", None), ("usr/bin/tool", b"tool"))
TOP = layer(("opt", None), ("opt/mine", b"mine"))


def read(stream, step=None, **wanted):
    archive = ImageArchive()
    for start in range(0, len(stream), step or len(stream) or 1):
        archive.feed(stream[start : start + (step or len(stream))])
    archive.close()
    return archive.image(**wanted)


def zstd(data):
    import zstandard

    return zstandard.compress(data)


def names(index):
    return [index.path(position) for position in range(len(index))]


@pytest.mark.parametrize("step", [None, 1, 100, 511, 10_240])
@pytest.mark.parametrize(
    "export",
    [
        old_export(BASE, TOP, User="work"),
        old_export(BASE, TOP, manifest_first=True, User="work"),
        oci_export(BASE, TOP, User="work"),
        oci_export(BASE, TOP, pack=zstd, User="work"),
        oci_export(BASE, TOP, pack=bytes, User="work"),
        oci_export(BASE, TOP, with_manifest=True, User="work"),
    ],
    ids=["old", "old, manifest first", "OCI gzip", "OCI zstd", "OCI plain", "OCI with manifest.json"],
)
def test_every_layout_and_packing_gives_the_same_image_whatever_the_pieces(export, step):
    parts = read(export, step)
    assert parts.problems == ()
    assert parts.config["config"]["User"] == "work"
    assert [names(index) for index in parts.layers] == [[b"usr", b"usr/bin", b"usr/bin/tool"], [b"opt", b"opt/mine"]]
    assert not any(index.problem for index in parts.layers)


def test_equal_layers_come_as_links_in_the_old_layout():
    config = {"rootfs": {"diff_ids": ["a", "b", "c"]}, "config": {}}
    manifest = [{"Config": "c.json", "Layers": ["1/layer.tar", "2/layer.tar", "3/layer.tar"]}]
    parts = read(
        outer(
            [
                ("3/layer.tar", "../1/layer.tar"),
                ("1/layer.tar", BASE),
                ("2/layer.tar", TOP),
                ("c.json", json.dumps(config).encode()),
                ("manifest.json", json.dumps(manifest).encode()),
            ]
        )
    )
    assert parts.problems == ()
    assert parts.layers[0] is parts.layers[2]


def test_links_between_parts_that_loop_leave_the_layer_unread():
    config = {"rootfs": {"diff_ids": ["a"]}, "config": {}}
    manifest = [{"Config": "c.json", "Layers": ["1/layer.tar"]}]
    parts = read(
        outer(
            [
                ("1/layer.tar", "../2/layer.tar"),
                ("2/layer.tar", "../1/layer.tar"),
                ("c.json", json.dumps(config).encode()),
                ("manifest.json", json.dumps(manifest).encode()),
            ]
        )
    )
    assert parts.layers == (None,)


def test_attestations_make_it_an_index():
    parts = read(oci_export(BASE, attested=True))
    assert parts.problems == ()
    assert parts.media_type.endswith("image.index.v1+json")
    assert len(parts.layers) == 1
    assert read(oci_export(BASE)).media_type.endswith("image.manifest.v1+json")


def test_of_several_images_the_one_is_taken_that_is_asked_for():
    one, two = {"rootfs": {"diff_ids": ["a"]}}, {"rootfs": {"diff_ids": ["a", "b"]}}
    manifest = [
        {"Config": "1111.json", "RepoTags": ["one:1"], "Layers": ["1/layer.tar"]},
        {"Config": "2222.json", "RepoTags": ["two:1"], "Layers": ["1/layer.tar", "2/layer.tar"]},
    ]
    stream = outer(
        [
            ("1/layer.tar", BASE),
            ("2/layer.tar", TOP),
            ("1111.json", json.dumps(one).encode()),
            ("2222.json", json.dumps(two).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ]
    )
    assert len(read(stream, image_id="sha256:2222").layers) == 2
    assert len(read(stream, name="one:1").layers) == 1
    assert read(stream).problems


@pytest.mark.parametrize(
    "broken",
    [
        BASE[:700],
        file(b"../etc/passwd", b"x") + END,
        file(b"a/../../b", b"x") + END,
        header(b"a", size=1 << 50) + END,
        file(b"usr/.wh..", b"") + END,
        file(b".wh.", b"") + END,
        pax(path=b"x" * 5000) + file(b"a") + END,
        file(b"a", b"1") + END + file(b"b", b"2"),
        padded(b"\x1f\x8b\x08 no gzip at all"),
        gzip.compress(BASE)[:-20],
        gzip.compress(BASE[:700]),
        b"\x28\xb5\x2f\xfd broken zstd" + bytes(600),
        zstd(BASE)[:-20],
        zstd(BASE[:700]),
    ],
    ids=lambda broken: f"{len(broken)}-bytes",
)
def test_a_broken_layer_is_unread_and_the_others_are_not(broken):
    for parts in (read(old_export(BASE, broken)), read(oci_export(BASE, broken, pack=bytes))):
        assert parts.problems == ()
        assert parts.layers[0].problem == ""
        assert parts.layers[1] is None or parts.layers[1].problem


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"junk",
        old_export(BASE)[:-3000],
        outer([("manifest.json", b"[]")]),
        outer([("manifest.json", b"{}")]),
        outer([("manifest.json", b"[1]")]),
        outer([("manifest.json", b'[{"Config":"x","Layers":[]}]')]),
        outer([("index.json", b'{"manifests":[]}')]),
        outer([("index.json", b'{"manifests":[{"digest":"sha256:1"}]}')]),
        outer([("manifest.json", b"[" * 200_000)]),
        outer([("manifest.json", b"\xff\xfe")]),
        outer([("manifest.json", b'[{"Config":"c","Layers":["l"]}]'), ("c", b"[]")]),
        outer([("manifest.json", b'[{"Config":"c","Layers":["l"]}]'), ("c", b'{"rootfs":{"diff_ids":["1","2"]}}')]),
        outer([("manifest.json", b'[{"Config":"c","Layers":["l"]}]'), ("c", b'{"rootfs":7}')]),
    ],
)
def test_an_export_that_does_not_fit_together_is_told(stream):
    assert read(stream).problems


def test_a_bomb_unpacks_in_pieces():
    packer = zlib.compressobj(wbits=31)
    bomb = packer.compress(header(b"zeros", size=300_000_000) + bytes(1 << 20))
    bomb += b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    parts = read(oci_export(bomb, pack=bytes))
    assert parts.layers[0].sizes[0] == 300_000_000


def test_a_layer_of_zeros_is_an_empty_one():
    parts = read(old_export(BASE, bytes(1024)))
    assert parts.problems == ()
    assert len(parts.layers[1]) == 0
    assert not parts.layers[1].problem


def test_a_layer_whose_first_file_looks_like_json_is_a_layer():
    parts = read(old_export(layer(("{", b"1"))))
    assert names(parts.layers[0]) == [b"{"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_an_export_with_bytes_changed_is_read_or_told_and_never_raises(data):
    whole = bytearray(oci_export(BASE, TOP, pack=data.draw(st.sampled_from([bytes, gzip.compress, zstd]))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(whole), data.draw(st.sampled_from([None, 512, 1000])))


def test_devices_pipes_and_links_are_entries():
    stream = layer(
        ("dev/null", {"type": tarfile.CHRTYPE}),
        ("p", {"type": tarfile.FIFOTYPE}),
        ("l", {"type": tarfile.SYMTYPE, "linkname": "/x"}),
    )
    [index] = read(old_export(stream)).layers
    assert index.problem == ""
    assert names(index) == [b"dev/null", b"p", b"l"]


def test_names_that_make_more_folders_than_memory_holds_are_a_problem():
    deep = b"/".join([b"a"] * 2000)
    parts = read(old_export(b"".join(pax(path=b"%d/" % n + deep) + file(b"x") for n in range(200)) + END))
    assert "more entries" in parts.layers[0].problem


def test_a_manifest_of_thousands_of_layers_is_a_problem():
    config = {"rootfs": {"diff_ids": ["a"] * 5000}, "config": {}}
    manifest = [{"Config": "c.json", "Layers": ["1/layer.tar"] * 5000}]
    parts = read(outer([
        ("1/layer.tar", BASE), ("c.json", json.dumps(config).encode()), ("manifest.json", json.dumps(manifest).encode())
    ]))
    assert parts.problems
    assert parts.layers == ()
