"""Which packages hold the modules that cells import, of a folder of packages made for it."""

import json
import sys

import pytest

from modelarts_nb.form.packages import Installed
from modelarts_nb.notebook import installed


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Adds packages: name, version, the files that they hold, and files of their metadata."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(tmp_path)

    def add(name, version, files, **metadata):
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text("")
        for file, text in metadata.items():
            (info / file.replace("_json", ".json")).write_text(text)

    return add


def test_a_module_of_another_name_and_one_that_nobody_holds(site):
    site("odd-name", "1.2", ["odd/__init__.py"])
    assert installed.of(["odd", "no_such_module"]) == installed.Here((Installed("odd-name", "1.2"),), (), ("no_such_module",))


def test_of_a_namespace_the_packages_that_were_imported(site, monkeypatch):
    site("space-one", "1", ["space_ns/one.py"])
    site("space-two", "2", ["space_ns/two.py"])
    import space_ns.two  # noqa: F401  # of the folder above

    assert [each.name for each in installed.of(["space_ns"]).packages] == ["space-two"]
    monkeypatch.delitem(sys.modules, "space_ns.two")
    monkeypatch.delitem(sys.modules, "space_ns")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ({"url": "file:///{here}/lib%20x", "dir_info": {"editable": True}}, ("editable", "", "lib x")),
        ({"url": "file:///home/someone/lib", "dir_info": {}}, ("folder", "", "")),
        ({"url": "file:///tmp/a.whl", "archive_info": {}}, ("file", "", "")),
        ({"url": "https://someone:secret@example.com/r.git", "vcs_info": {"vcs": "git", "commit_id": "0ab"}},
         ("vcs", "pack @ git+https://example.com/r.git@0ab", "")),
        ({"url": "https://t:s@example.com/p.whl?k=s#x", "archive_info": {}}, ("url", "pack @ https://example.com/p.whl", "")),
        ("nonsense", ("", "", "")), ({"url": 7, "vcs_info": 3}, ("", "", "")),
    ],
)
def test_where_a_package_came_from_without_logins_and_without_this_machines_folders(site, tmp_path, url, expected):
    site("pack", "1", ["pack.py"], direct_url_json=json.dumps(url).replace("/{here}", str(tmp_path)))
    [found] = installed.of(["pack"]).packages
    assert (found.origin, found.source, found.place) == expected


def test_who_installed_it_counts_where_that_is_no_index(site):
    site("mkl", "2023", ["mkl.py"], INSTALLER="conda\n")
    site("usual", "1", ["usual.py"], INSTALLER="pip\n")
    assert [each.origin for each in installed.of(["mkl", "usual"]).packages] == ["conda", ""]


def test_modules_of_ones_own_count_with_what_they_import(site, tmp_path):
    site("used", "1", ["used.py"])
    (tmp_path / "mine.py").write_text("import other, os")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "__init__.py").write_text("from .x import y")
    (tmp_path / "other" / "x.py").write_text("import used, mine")
    found = installed.of(["mine"])
    assert found.own == ("mine.py", "other")
    assert [each.name for each in found.packages] == ["used"]
    assert found.unknown == ()
