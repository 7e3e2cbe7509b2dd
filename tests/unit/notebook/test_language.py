import pytest
from IPython.core.interactiveshell import InteractiveShell

from modelarts_nb import messages
from modelarts_nb.errors import SettingsError
from modelarts_nb.notebook import language
from modelarts_nb.session import Session, session


@pytest.fixture
def here(monkeypatch, tmp_path):
    """An environment of one's own; English again afterwards."""
    for name, value in vars(Session()).items():
        monkeypatch.setattr(session, name, value)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "JUPYTERLAB_SETTINGS_DIR", "JUPYTER_CONFIG_DIR", "MODELARTS_NB_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    yield tmp_path
    messages.use("en")


def lab_speaks(folder, text):
    path = folder / "@jupyterlab/translation-extension/plugin.jupyterlab-settings"
    path.parent.mkdir(parents=True)
    path.write_text(text)


@pytest.mark.parametrize(("variables", "expected"), [
    ({}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh-CN"), ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "C"}, "en"),
    ({"LC_ALL": "zh_CN", "LC_MESSAGES": "C"}, "zh-CN"), ({"LC_ALL": "", "LANG": "zh_CN"}, "zh-CN"),
    ({"LANG": "zh_CN", "MODELARTS_NB_LANGUAGE": "en"}, "en"), ({"MODELARTS_NB_LANGUAGE": "zh-CN"}, "zh-CN"),
])
def test_the_setting_comes_first_then_the_systems_locale(here, monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    language.apply(in_kernel=True)
    assert messages.language() == expected


@pytest.mark.parametrize("text", [
    '{\n    // Translation\n    // "locale": "de"\n\n    "locale": "zh_CN"\n}',
    '{"locale": "zh_CN"}', '{"a": 1, "locale" : "zh_TW"}',
])
def test_jupyterlabs_language_comes_before_the_systems(here, monkeypatch, text):
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    lab_speaks(here / ".jupyter/lab/user-settings", text)
    language.apply(in_kernel=True)
    assert messages.language() == "zh-CN"
    language.apply(in_kernel=False)
    assert messages.language() == "en", "a terminal is not JupyterLab"


def test_jupyterlabs_default_says_nothing(here, monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(here / "lab"))
    lab_speaks(here / "lab", '{"locale": "default"}')
    language.apply(in_kernel=True)
    assert messages.language() == "zh-CN"


def test_config_changes_it_at_once_and_loading_applies_it(here, monkeypatch):
    monkeypatch.setenv("MODELARTS_NB_LANGUAGE", "zh-CN")
    shell = InteractiveShell.instance()
    try:
        shell.run_line_magic("load_ext", "modelarts_nb")
        assert messages.language() == "zh-CN"
        shell.run_line_magic("config", "ModelArtsMagics.language = 'en'")
        assert messages.language() == "en"
        shell.run_line_magic("config", "ModelArtsMagics.language = ''")
        assert messages.language() == "zh-CN"
    finally:
        shell.run_line_magic("unload_ext", "modelarts_nb")
        InteractiveShell.clear_instance()


def test_a_language_that_is_not_spoken_is_refused_with_the_choices(here, monkeypatch):
    monkeypatch.setenv("MODELARTS_NB_LANGUAGE", "fr")
    with pytest.raises(SettingsError, match="fr") as caught:
        language.apply(in_kernel=False)
    assert "zh-CN" in caught.value.hint


def test_the_terminals_program_speaks_the_systems_language(here, monkeypatch, capsys):
    from modelarts_nb.cli import NOT_RUNNING, main

    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert main(["engine", "status", "--json"]) in (0, NOT_RUNNING)
    assert messages.language() == "zh-CN"
    monkeypatch.setenv("MODELARTS_NB_LANGUAGE", "fr")
    assert main(["engine", "status", "--json"]) == 1
    assert "language" in capsys.readouterr().err
