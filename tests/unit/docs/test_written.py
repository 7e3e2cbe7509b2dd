"""The pages that come from the code are as the code is now; `python -m tools.docs write` writes them."""

import re
import xml.etree.ElementTree as ET

import pytest

from tests.unit.test_architecture import floor
from tools.docs import failures, magics, picture, site, troubleshooting


@pytest.mark.parametrize("name", site.written())
def test_a_written_page_is_as_the_code_is(name):
    assert (site.DOCS / name).read_text(encoding="utf-8") == site.written()[name], "python -m tools.docs write"


def test_every_magic_has_its_page_and_every_page_its_magic():
    for folder in ("magics", "zh-CN/magics"):
        there = {path.stem for path in (site.DOCS / folder).glob("*.md")} - {"README"}
        assert there == set(magics.magics())


def test_every_option_of_a_magic_is_on_its_page():
    for name, magic in magics.magics().items():
        page = (site.DOCS / "magics" / f"{name}.md").read_text(encoding="utf-8")
        for action in magic.function.parser._actions:
            assert all(f"`{option}" in page for option in action.option_strings if action.dest != "help"), name


def test_every_message_is_on_the_troubleshooting_page_with_what_to_do():
    page = (site.DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    for each in failures.failures():
        assert f"### {troubleshooting.plain(each.message)}\n" in page, each
        assert each.hints or troubleshooting.causes().get(each.message), f"{each}: write what to do in tools/docs/causes/"


def test_no_cause_is_told_of_a_message_that_is_no_more():
    assert not set(troubleshooting.causes()) - {each.message for each in failures.failures()}


def test_the_messages_of_each_kind_of_place_are_found():
    """Given as they stand, in a constant, in a variable, by a helper, in a list of lines."""
    found = {each.message: each for each in failures.failures()}
    for message, kind in (
        ("No image was built here yet.", "SettingsError"), ("{host} cannot be reached.", "CloudError"),
        ("there is no FROM in it", "DockerfileSyntaxError"), ("No Docker Engine was found.", "EngineUnavailable"),
        ("{name} is not in the image.", "RunFailed"), ("A private Engine needs root.", "SandboxError"),
    ):
        assert found[message].kind == kind


def test_the_picture_shows_the_parts_that_there_are():
    texts = ET.fromstring(picture.svg()).iter("{http://www.w3.org/2000/svg}text")
    shown = {text.text for text in texts if text.get("class") == "part"}
    assert shown == {part for names in picture.parts().values() for part in names}


def test_every_line_of_the_picture_is_an_import_and_every_import_is_along_lines():
    core = set(picture.parts()[picture.CORE])
    drawn = picture.lines()
    assert drawn <= picture.imported()
    for upper, lower in picture.imported():
        if lower in core:
            continue
        assert lower in picture.reached(drawn, upper), f"{upper} imports {lower}"
        assert upper not in core
    assert svg_lines() == len(drawn)


def svg_lines():
    return len(re.findall('class="line"', picture.svg()))


def test_lines_point_down():
    assert all(floor(lower) <= floor(upper) for upper, lower in picture.lines())


def test_the_site_is_built_without_a_warning():
    for language in site.LANGUAGES:
        assert site.build(language, "dummy") == 0
