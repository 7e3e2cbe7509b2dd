"""What upper layers change of a base, what they hide, what is there in the end."""

import tarfile

import pytest

from modelarts_nb.layers.archive import ImageArchive
from modelarts_nb.layers.fold import Fold

from .making import END, layer, old_export, pax
from .making import file as raw

LINK, HARD, FOLDER = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
TOOL = {"data": b"tool", "mode": 0o755}
BASE = layer(
    ("bin", {"type": LINK, "linkname": "usr/bin"}),
    ("usr", None),
    ("usr/bin", None),
    ("usr/bin/tool", TOOL),
    ("usr/bin/other", {"data": b"other", "mode": 0o755}),
    ("usr/bin/link", {"type": LINK, "linkname": "tool"}),
    ("usr/bin/su", {"data": b"su", "mode": 0o4755}),
    ("usr/share/doc/x", b"doc"),
    ("etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
    ("etc/important", b"yes"),
    ("home/work/run_train.sh", b"run"),
    ("home/work/notes.txt", b"n"),
    ("usr/local/bin/mine", b"m"),
)


def folded(*upper, base=BASE):
    found, also = None, ()
    for _ in range(2):  # as a check does: what hard links name is hashed when all is read again
        archive = ImageArchive(also)
        archive.feed(old_export(base, *upper))
        archive.close()
        layers = archive.image().layers
        assert not any(index.problem for index in layers), [index.problem for index in layers]
        found = Fold(layers, 1).run()
        also = found.unknown
        if not also:
            break
    return found


def changes(*upper, **options):
    """(what, layer, paths)."""
    return [(c.what, c.layer, sorted(path.decode() for path in c.paths)) for c in folded(*upper, **options).changes]


def test_identical_copies_are_no_changes():
    assert (
        changes(
            layer(
                ("usr", None), ("usr/bin", None), ("usr/bin/tool", TOOL), ("usr/bin/link", {"type": LINK, "linkname": "tool"})
            )
        )
        == []
    )


def test_other_times_are_no_changes():
    assert changes(layer(("usr/bin/tool", {**TOOL, "mtime": 1_700_000_000}))) == []


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"data": b"TOOL", "mode": 0o755}, ["content"]),
        ({"data": b"longer", "mode": 0o755}, ["content"]),
        ({"data": b"tool", "mode": 0o700}, ["mode"]),
        ({"data": b"tool", "mode": 0o755, "uid": 5}, ["owner"]),
        ({"data": b"TOOL", "mode": 0o4755, "gid": 5}, ["content", "mode", "owner"]),
        ({"type": LINK, "linkname": "/evil"}, ["kind"]),
        ({"type": FOLDER, "mode": 0o755}, ["kind"]),
        ({"type": tarfile.FIFOTYPE}, ["kind"]),
    ],
)
def test_each_kind_of_change(entry, what):
    assert [each[0] for each in changes(layer(("usr/bin/tool", entry)))] == what


def test_a_link_with_another_target():
    assert changes(layer(("usr/bin/link", {"type": LINK, "linkname": "other"}))) == [("link", 1, ["usr/bin/link"])]


def test_new_attributes_are_a_change():
    stream = (
        pax(SCHILY__xattr__security__capability=b"\1\0\0\2\0\x20\0\0" + bytes(12))
        + raw(b"usr/bin/tool", b"tool", mode=0o755)
        + END
    )
    found = folded(stream)
    assert [change.what for change in found.changes] == ["xattrs"]
    assert [each.what for each in found.found if each.ref.layer == 1] == ["capability"]


def test_whiteouts_remove_files_and_folders_with_all_in_them():
    assert changes(layer(("usr/bin/.wh.tool", b""))) == [("removed", 1, ["usr/bin/tool"])]
    [(what, _, paths)] = changes(layer(("usr/.wh.bin", b"")))
    assert what == "removed"
    assert paths == ["usr/bin", "usr/bin/link", "usr/bin/other", "usr/bin/su", "usr/bin/tool"]


def test_an_opaque_folder_removes_what_the_base_has_in_it_and_is_nothing_elsewhere():
    opaque = layer(("usr/bin", None), ("usr/bin/.wh..wh..opq", b""), ("usr/bin/tool", TOOL))
    assert changes(opaque) == [("removed", 1, ["usr/bin/link", "usr/bin/other", "usr/bin/su"])]
    assert changes(layer(("usr/share/new", None), ("usr/share/new/.wh..wh..opq", b""), ("usr/share/new/x", b""))) == []


def test_a_file_or_link_in_a_folders_place_removes_what_was_in_it():
    found = {what: paths for what, _, paths in changes(layer(("usr/bin", {"type": LINK, "linkname": "/opt/bin"})))}
    assert found["kind"] == ["usr/bin"]
    assert found["removed"] == ["usr/bin/link", "usr/bin/other", "usr/bin/su", "usr/bin/tool"]


def test_what_is_put_back_as_it_was_is_no_change():
    assert changes(layer(("usr/bin/.wh.tool", b"")), layer(("usr/bin/tool", TOOL))) == []
    assert changes(layer(("usr/bin/tool", {"data": b"x"})), layer(("usr/bin/tool", TOOL))) == []


def test_the_layer_that_did_it_is_named_not_one_that_copied_it_later():
    changed = {"data": b"TOOL", "mode": 0o755}
    assert changes(layer(("usr/bin/tool", changed)), layer(("opt/x", b"")), layer(("usr/bin/tool", changed))) == [
        ("content", 1, ["usr/bin/tool"])
    ]
    assert changes(layer(("opt/x", b"")), layer(("usr/bin/.wh.tool", b"")), layer(("opt/y", b""))) == [
        ("removed", 2, ["usr/bin/tool"])
    ]


def test_a_hard_link_has_the_content_of_what_it_names_in_its_layer():
    same = layer(("opt/copy", TOOL), ("usr/bin/tool", {"type": HARD, "linkname": "opt/copy", "mode": 0o755}))
    assert changes(same) == []
    other = layer(
        ("opt/copy", {"data": b"evil", "mode": 0o755}), ("usr/bin/tool", {"type": HARD, "linkname": "opt/copy", "mode": 0o755})
    )
    assert changes(other) == [("content", 1, ["usr/bin/tool"])]


def test_a_hard_link_to_nothing_in_its_layer_is_not_compared_and_said_so():
    assert changes(layer(("usr/bin/tool", {"type": HARD, "linkname": "etc/important", "mode": 0o755}))) == [
        ("unknown", 1, ["usr/bin/tool"])
    ]


def test_names_below_a_linked_folder_are_the_real_files():
    assert changes(layer(("bin/tool", {"data": b"TOOL", "mode": 0o755}))) == [("content", 1, ["usr/bin/tool"])]
    assert changes(layer(("bin/.wh.tool", b""))) == [("removed", 1, ["usr/bin/tool"])]
    assert changes(layer(("bin/tool", TOOL))) == []


def test_a_link_of_the_same_layer_leads_to_a_base_file_too():
    tricked = layer(("opt/x", {"type": LINK, "linkname": "../usr/bin"}), ("opt/x/tool", {"data": b"TOOL", "mode": 0o755}))
    [(what, number, paths)] = changes(tricked)
    assert what in ("content", "unknown")
    assert (number, paths) == (1, ["usr/bin/tool"])
    replaced = layer(
        ("opt/x", None), ("opt/x", {"type": LINK, "linkname": "/usr/bin"}), ("opt/x/tool", {"data": b"TOOL", "mode": 0o755})
    )
    assert changes(replaced)[0][2] == ["usr/bin/tool"]


def test_a_real_folder_takes_a_links_place():
    [(what, _, paths)] = changes(layer(("bin", {"type": FOLDER, "mode": 0o777}), ("bin/tool", b"new")))
    assert (what, paths) == ("kind", ["bin"])


def test_links_in_a_circle_are_a_problem():
    found = folded(
        layer(("a", {"type": LINK, "linkname": "b"}), ("b", {"type": LINK, "linkname": "a"}), ("a/x", b""), ("b/y", b""))
    )
    assert found.problems


def test_of_two_entries_of_one_path_the_last_counts():
    twice = layer(("usr/bin/tool", TOOL), ("usr/bin/tool", {"data": b"TOOL", "mode": 0o755}))
    assert changes(twice) == [("content", 1, ["usr/bin/tool"])]
    assert changes(layer(("usr/bin/tool", {"data": b"TOOL", "mode": 0o755}), ("usr/bin/tool", TOOL))) == []


def test_names_with_dots_and_slashes_are_the_same_path():
    assert changes(layer(("./usr//bin/./tool", {"data": b"TOOL", "mode": 0o755}))) == [("content", 1, ["usr/bin/tool"])]
    assert changes(raw(b"/usr/bin/tool", b"TOOL", mode=0o755) + END) == [("content", 1, ["usr/bin/tool"])]


def test_only_the_tools_in_the_home_are_the_bases():
    assert changes(layer(("home/work/run_train.sh", b"RUN"))) == [("content", 1, ["home/work/run_train.sh"])]
    assert changes(layer(("home/work/notes.txt", b"N"))) == []


def test_setuid_files_of_the_end_are_found_and_hidden_ones_are_not():
    evil = layer(("opt/evil", {"data": b"e", "mode": 0o4755}))
    own = [each.path for each in folded(evil).found if each.what == "setuid"]
    assert own == [b"usr/bin/su", b"opt/evil"]
    assert [each.path for each in folded(evil, layer(("opt/.wh.evil", b""))).found if each.what == "setuid"] == [b"usr/bin/su"]
    assert [each.path for each in folded(evil, layer(("opt/evil", b"e"))).found if each.what == "setuid"] == [b"usr/bin/su"]
    linked = layer(
        ("opt/evil", {"data": b"e", "mode": 0o4755}), ("opt/second", {"type": HARD, "linkname": "opt/evil", "mode": 0o755})
    )
    assert b"opt/second" in [each.path for each in folded(linked).found if each.what == "setuid"]


def test_waste_is_what_later_layers_hide_by_layer():
    found = folded(layer(("opt/big", b"x" * 5000)), layer(("opt/.wh.big", b"")), layer(("usr/bin/tool", TOOL)))
    assert found.wasted == [4, 5000, 0, 0]
    assert [(each.path, each.size, each.layer, each.by) for each in found.largest_wasted[:1]] == [(b"opt/big", 5000, 1, 2)]


def test_a_removed_cache_is_no_cache():
    cache = layer(("root/.cache/pip/x", b"x" * 100), ("var/lib/apt/lists/y", b"y" * 10))
    assert sorted(folded(cache).caches.values()) == [10, 100]
    assert sorted(folded(cache, layer(("root/.cache/.wh.pip", b""))).caches.values()) == [10]


def test_layers_are_put_together_the_same_however_they_come():
    upper = layer(("usr/bin/tool", {"data": b"TOOL", "mode": 0o755}))
    for first in (True, False):
        archive = ImageArchive()
        archive.feed(old_export(BASE, upper, manifest_first=first))
        archive.close()
        assert [c.what for c in Fold(archive.image().layers, 1).run().changes] == ["content"]


def test_thousands_of_changes_are_one_group_with_the_folder_that_holds_them():
    many = layer(*((f"usr/lib/python3/p{n}/x", b"1") for n in range(3000)))
    moved = layer(*((f"usr/lib/python3/p{n}/x", {"data": b"1", "uid": 1000}) for n in range(3000)))
    [change] = folded(moved, base=many).changes
    assert (change.what, change.count, change.below, len(change.paths)) == ("owner", 3000, b"usr/lib/python3", 20)


def test_thousands_of_linked_folders_are_a_problem_and_end_soon():
    links = [(f"l{n}", {"type": LINK, "linkname": "usr/bin"}) for n in range(1500)]
    found = folded(layer(*links, *((f"l{n}/tool", b"x") for n in range(1500))))
    assert found.problems
