"""The form's widgets: each fills one field of the choice; all that follows from it is decided by ``modelarts_nb.form``."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from ... import api, messages
from ...building.request import DockerfileSource
from ...catalog import PROCESSORS, Base
from ...errors import ModelArtsError
from ...form import Problem, cells, check, reopen
from ...form.choice import bases, fitted, pythons, versions
from ...messages import t
from ...rules.model import Severity
from ...session import session
from . import surroundings
from .preview import cells_html, problems_html, told_html
from .style import STYLE
from .writing import Writer

MIRRORS = ("https://repo.huaweicloud.com/repository/pypi/simple", "https://pypi.tuna.tsinghua.edu.cn/simple")
LISTED = ("imports", "environment", "listed")  # the origins whose packages stand in the form, line by line


class Form:
    """One open form. ``choice`` is what it holds; ``widget`` is what is displayed."""

    def __init__(self, shell: Any, name: str = "") -> None:
        self.shell = shell
        self.catalog = api.catalog()
        self.places = surroundings.places(self.catalog)
        self.choice = surroundings.defaults(self.places, self.catalog)
        if name:
            self.choice = reopen(name, session.dockerfile(name).text, self.catalog, self.choice)
        self._imports = surroundings.imports_here(shell)
        self.writer = Writer(shell, self._written)
        self._showing = False
        self._layout = widgets.Layout()  # one for all: each is a model of its own that the browser must make; so are styles
        self._styles: dict[str, Any] = {}
        self._fields = self._make_fields()
        self.widget = self._make()
        self._show()

    # what is displayed

    def _make_fields(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "registry": self._field(widgets.Dropdown), "contract": self._segments(), "processor": self._segments(),
            "version": self._field(widgets.Dropdown), "python": self._field(widgets.Dropdown),
            "base": self._field(widgets.Dropdown), "tag": self._field(widgets.Dropdown),
            "source": self._field(widgets.Dropdown), "requirements": self._field(widgets.Textarea),
            "mirror": self._field(widgets.Combobox, options=MIRRORS, ensure_option=False),
            "code": self._field(widgets.Combobox, options=surroundings.code_folders(), ensure_option=False),
            "boot": self._field(widgets.Dropdown), "target": self._field(widgets.Text),
        }
        for name, widget in made.items():
            widget.observe(lambda change, name=name: self._changed(name, change.new), "value")
        return made

    def _field(self, kind: Any, **options: Any) -> Any:
        return self._shared(kind, ["ma-field"], tooltip="", **options)

    def _segments(self, *names: str, **options: Any) -> Any:
        return self._shared(widgets.RadioButtons, ["ma-field", "ma-segments", *names], tooltip="", **options)

    def _shared(self, kind: Any, names: list[str], **options: Any) -> Any:
        """A widget of that kind with the one layout, and the one style of its kind."""
        style = self._styles.get(kind.__name__)
        made = kind(layout=self._layout, _dom_classes=names, **options, **({"style": style} if style is not None else {}))
        self._styles[kind.__name__] = made.style
        return made

    def _make(self) -> Any:
        self._title = self._html()
        self._language = self._segments("ma-lang", options=[("中文", "zh-CN"), ("English", "en")])
        self._language.observe(self._speak, "value")
        self._problems, self._told, self._preview = self._html("ma-messages"), self._html("ma-messages"), self._html()
        self._write, self._check = self._shared(widgets.Button, ["ma-write"]), self._shared(widgets.Button, [])
        self._write.on_click(lambda _: self.writer.write(self._cells()))
        self._check.on_click(lambda _: self._review())
        buttons = self._box("ma-buttons", [self._write, self._check])
        left = self._box("ma-left", [*self._fields.values(), self._problems, buttons, self._told])
        two = self._box("ma-two", [left, self._box("ma-right", [self._preview])])
        style = self._html("ma-style", STYLE)
        return self._box("ma-form", [style, self._box("ma-top", [self._title, self._language]), two])

    def _html(self, name: str = "", value: str = "") -> Any:
        return self._shared(widgets.HTML, [name] if name else [], value=value)

    def _box(self, name: str, children: Sequence[Any]) -> Any:
        return widgets.VBox(children, layout=self._layout, _dom_classes=[name])

    # what follows from a change

    def _changed(self, name: str, value: Any) -> None:
        if self._showing or value is None:
            return
        change: dict[str, Any] = {name: value.strip() if isinstance(value, str) else value}
        if name == "requirements":
            change[name] = tuple(filter(None, (line.strip() for line in value.splitlines())))
        elif name == "source":
            change["requirements"] = self._requirements(value)
        elif name == "code":
            change["boot"] = surroundings.boot_script(change["code"])
        self.choice = replace(self.choice, **change)
        if name in ("registry", "contract", "processor", "version", "python", "base"):
            tag = "" if name == "base" else self.choice.tag
            self.choice = fitted(replace(self.choice, tag=tag), self.catalog, self._offered)
        self._told.value = ""
        self._show(typed=name)

    def _requirements(self, source: str) -> tuple[str, ...]:
        if source == "imports":
            self._imports = surroundings.imports_here(self.shell)
            return self._imports
        if source == "environment":
            return surroundings.environment_here()
        return self.choice.requirements if source == "listed" else ()

    @property
    def _offered(self) -> tuple[str, ...]:
        return next((place.offered for place in self.places if place.registry == self.choice.registry), ())

    def _speak(self, change: Any) -> None:
        if not self._showing:
            messages.use(change.new)
            self._told.value = ""
            self._show()

    def _cells(self) -> tuple[str, ...]:
        try:
            return cells(self.choice, self.catalog)
        except ModelArtsError:  # the problems name it
            return ()

    def _review(self) -> None:
        source = DockerfileSource(self._cells()[0].partition("\n")[2] + "\n", first_line=2, context=Path.cwd())
        try:
            found = [each for each in api.review(source, contract=self.choice.contract).findings if not each.ignored]
        except ModelArtsError as error:
            self._told.value = told_html(str(error), good=False)
            return
        said = [(each.severity is Severity.ERROR, t("line {line}: {text} ({code})", line=each.line + 1, text=each.message,
                                                     code=each.code)) for each in found]
        self._told.value = "".join(told_html(text, good=False, note=not error) for error, text in said) or told_html(
            t("Nothing is wrong with this Dockerfile."), good=True)

    def _written(self, count: int) -> None:
        said = t("{count} cells written below. Run them one after the other.", count=count) if count else t(
            "Cells cannot be inserted here: JupyterLab does not have the extension of modelarts_nb. Copy them from the right.")
        self._told.value = told_html(said, good=bool(count))

    # what is shown

    def _show(self, typed: str = "") -> None:
        """Make every widget say what the choice is. ``typed``: the field that is being written in, which is left alone."""
        self._showing = True
        try:
            with contextlib.ExitStack() as one_message_each:
                for widget in (*self._fields.values(), self._write, self._check):
                    one_message_each.enter_context(widget.hold_sync())
                self._show_all(typed)
        finally:
            self._showing = False

    def _show_all(self, typed: str) -> None:
        found = check(self.choice, self.catalog, surroundings.folder(self.choice))
        self._show_words()
        self._show_options()
        self._show_values(typed)
        self._show_problems(found)

    def _show_words(self) -> None:
        for name, label in self._labels().items():
            self._fields[name].description = label
        self._title.value = f"<b>{t('Custom image')}</b>"
        self._language.value = messages.language()
        self._write.description, self._check.description = t("Write into the notebook"), t("Check only")
        self._fields["mirror"].placeholder = t("the base image's own")
        self._fields["code"].placeholder = t("none: no training cell")
        self._fields["target"].placeholder = t("organization/name:tag")

    def _labels(self) -> dict[str, str]:
        return {
            "registry": t("Region"), "contract": t("Contract"), "processor": t("Processor"),
            "version": "CANN" if self.choice.processor == "ascend" else "CUDA", "python": "Python", "base": t("Base image"),
            "tag": t("Tag"), "source": t("Packages"), "requirements": t("Versions"), "mirror": t("pip mirror"),
            "code": t("Code folder"), "boot": t("Start script"), "target": t("Push to"),
        }

    def _show_options(self) -> None:
        choice = self.choice
        base = next((base for base in self.catalog.all_bases if base.name == choice.base), None)
        registries = [(place.label, place.registry) for place in self.places]
        if choice.registry not in (registry for _, registry in registries):
            registries.insert(0, (choice.registry, choice.registry))
        names = base_labels(bases(choice, self.catalog, self._offered))
        if choice.kept and not choice.base:
            names.insert(0, (t("as written in the Dockerfile"), ""))
        tags = list(base.tags) if base is not None else []
        wanted = {
            "registry": registries, "contract": [("v1 · run_train.sh", "v1"), ("v2 · ma-user", "v2")],
            "processor": [("Ascend" if name == "ascend" else name.upper(), name) for name in PROCESSORS],
            "version": self._any(versions(choice, self.catalog, self._offered)),
            "python": self._any(pythons(choice, self.catalog, self._offered)), "base": names,
            "tag": [(tag.removeprefix(f"{choice.base}-"), tag) for tag in _with(choice.tag, tags)],
            "source": self._sources(), "boot": [(name, name) for name in surroundings.scripts(choice.code) or (choice.boot,)],
        }
        for name, options in wanted.items():
            if tuple(self._fields[name].options) != tuple(options):
                self._fields[name].options = options

    def _any(self, values: Sequence[str]) -> list[tuple[str, str]]:
        return [(t("any"), ""), *((value, value) for value in values)]

    def _sources(self) -> list[tuple[str, str]]:
        found = list(surroundings.sources(self._imports))
        if self.choice.source not in (value for _, value in found):
            found.append((self.choice.source, self.choice.source))
        return found

    def _show_values(self, typed: str) -> None:
        for name, widget in self._fields.items():
            value = getattr(self.choice, name)
            value = "\n".join(value) if name == "requirements" else value
            options = getattr(widget, "options", None)
            if name == typed and not isinstance(widget, widgets.Dropdown):
                continue
            is_select = isinstance(widget, (widgets.Dropdown, widgets.RadioButtons))
            if is_select and value not in (each for _, each in options or ()):
                value = None
            if widget.value != value:
                widget.value = value
        gone = {
            "version": self.choice.processor == "cpu" or len(self._fields["version"].options) < 2,
            "python": len(self._fields["python"].options) < 2, "requirements": self.choice.source not in LISTED,
            "mirror": self.choice.source == "none", "boot": not self.choice.code, "tag": not self._fields["tag"].options,
        }
        for name, hidden in gone.items():
            self._mark(name, "ma-gone", hidden)

    def _mark(self, name: str, mark: str, on: bool) -> None:
        (self._fields[name].add_class if on else self._fields[name].remove_class)(mark)

    def _show_problems(self, found: Sequence[Problem]) -> None:
        wrong = {problem.field for problem in found if problem.error}
        for name in self._fields:
            self._mark(name, "ma-bad", name in wrong)
        self._problems.value = problems_html(found, self._labels())
        shown = self._cells()
        if shown:  # with a mistake in a name the last ones stay, and nothing jumps while one types
            self._preview.value = cells_html(shown)
        self._write.disabled = self._check.disabled = bool(wrong) or not shown


def base_labels(found: Sequence[Base]) -> list[tuple[str, str]]:
    """(label, name) of each: by what is in it where its own name is a long one; two of the same label by their systems too."""
    short = [" · ".join(filter(None, (base.framework, f"CUDA {base.cuda}" if base.cuda else base.cann and f"CANN {base.cann}",
                                      base.python and f"Python {base.python}"))) for base in found]
    labels = []
    for base, label in zip(found, short, strict=True):
        if base.contract == "v1" or not base.framework:
            label = base.name
        elif short.count(label) > 1:
            label = f"{label} · {base.os}"
        labels.append((label, base.name))
    return labels


def _with(value: str, values: Sequence[str]) -> list[str]:
    return list(values) if not value or value in values else [value, *values]


def open_form(shell: Any, name: str, text: str) -> None:
    """Display the form, opened from the Dockerfile kept under ``name`` where one is given. ``text`` stands in its place where
    no widget is shown. Raises SettingsError."""
    from IPython.display import display

    form = Form(shell, name).widget
    display({**form._repr_mimebundle_(), "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]  # IPython's
