"""Whatever comes from outside is read or refused with an error of the documented type; nothing else comes out.

Parsers with properties of their own are fuzzed beside these: see `grep -rl hypothesis tests/unit tests/protocol`.
"""

import contextlib
import io
import json
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.error import UsageError

from modelarts_nb import catalog
from modelarts_nb.cloud import credentials
from modelarts_nb.cloud.failures import refused
from modelarts_nb.cloud.tasklog import Lines, Preview
from modelarts_nb.dockerfile.parser import parse_dockerfile
from modelarts_nb.engine.buildkit.patterns import Matcher, PatternError
from modelarts_nb.engine.buildkit.progress import decode
from modelarts_nb.engine.buildkit.protobuf import WireError
from modelarts_nb.errors import DockerfileSyntaxError, InvalidReference, SettingsError
from modelarts_nb.events import VertexLog
from modelarts_nb.form.packages import environment_lines, imported_modules
from modelarts_nb.layers.archive import layer_of
from modelarts_nb.layers.tar import TarError
from modelarts_nb.layers.unpacking import UnpackError
from modelarts_nb.notebook.magics import builds, jobs, parsing, pushes, runs, submits
from modelarts_nb.reference import parse_reference
from modelarts_nb.rules.lint import lint
from modelarts_nb.rules.requirements import requirement
from modelarts_nb.rules.shell import commands
from modelarts_nb.terminal import Screen, plain
from modelarts_nb.trace import Trace
from modelarts_nb.training.metrics import Metrics
from modelarts_nb.training.obspath import parse_obs
from modelarts_nb.training.spec import memory_size, time_span

from .size import of

EXAMPLES = of(25, 2000)
# surrogates, too: JSON can write half of one
CHARACTERS = st.characters(codec=None, categories=None)
TEXT = st.text(CHARACTERS, max_size=200)
KEYWORDS = [
    "FROM", "RUN", "COPY", "ARG", "ENV", "ONBUILD", "HEALTHCHECK", "ADD",
    "LABEL", "<<", "EOF", "EOF", "\\", "`", "#", "$", "${", "}", "[",
    "]", "\"", "'", "|", "&&", "=", "--", ":", "/", "@", "!", "*", "**", "?", "^", "-", ".", "9", "g", "h",
]
WORDS = st.lists(st.sampled_from([
    *KEYWORDS, "\n", "\t", " ", "import", "dependencies:\n", "- pip:\n", "loss=", "1e9",
]) | TEXT).map(" ".join)
LONG = st.builds(
    lambda piece, times: piece * times, st.sampled_from([*KEYWORDS, "[[", "a=", "$(", "{\"a\":"]), st.integers(0, 3000),
)
TEXTS = TEXT | WORDS | LONG
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)
PAGE = st.fixed_dictionaries({}, optional=dict.fromkeys(("content", "start_line", "full_size"), JSON | TEXT))


def trace(text):
    folded = Trace()
    for raw in text.splitlines():
        folded.apply(VertexLog(vertex=raw[:3], data=raw.encode("utf-8", "replace"), stream=1, timestamp=None))
    folded.close()


def screen(text):
    read = Screen(1000)
    for line in [*read.feed("\x1b[" + text + "\r\x1b["), *read.close()]:
        plain(line)


def metrics(text):
    read = Metrics()
    for line in text.splitlines():
        read.feed("", line)


def magic_lines(text):
    for magic in (
        builds.BuildMagics.build, runs.TrainMagics.train, pushes.PushMagics.push, submits.SubmitMagics.submit,
        jobs.JobMagics.logs,
    ):
        with contextlib.suppress(UsageError):
            parsing.parse(magic, text)


def matched(text):
    Matcher(text.splitlines()).matches("a/b/c.txt")


TEXT_READERS = {
    "Dockerfile": (lambda text: lint(parse_dockerfile(text)), DockerfileSyntaxError),
    "ignore patterns": (matched, PatternError),
    "image references": (parse_reference, InvalidReference),
    "magic lines": (magic_lines, UsageError),
    "shell commands": (commands, ()),
    "requirements": (requirement, ()),
    "environment.yml": (environment_lines, ()),
    "notebook cells": (lambda text: imported_modules([text]), ()),
    "metric lines": (metrics, ()),
    "terminal sequences": (screen, ()),
    "trace messages": (trace, ()),
    "amounts of memory": (memory_size, SettingsError),
    "time spans": (time_span, SettingsError),
    "places in OBS": (parse_obs, SettingsError),
}


def fuzzed(check):
    quick = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None, print_blob=True)
    quick(check)()


@pytest.mark.parametrize("name", TEXT_READERS)
def test_any_text_is_read_or_refused(name, record):
    read, expected = TEXT_READERS[name]

    @given(TEXTS)
    def check(text):
        with contextlib.suppress(expected) if expected else contextlib.nullcontext():
            read(text)

    fuzzed(check)
    record(f"Hostile text read as {name}", f"{EXAMPLES} texts", "–", "–")


def layer(raw):
    layer_of(iter([raw[:700], raw[700:]]))


def progress(raw):
    folded = Trace()
    for event in decode(raw):
        folded.apply(event)
    folded.close()


def seed_tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("a/" * 80 + "é")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    return buffer.getvalue()


# BuildKit's own vertex, log and warning, to be broken
SEEDS = {
    "image layers": seed_tar(),
    "BuildKit progress": bytes.fromhex("0a120a036162631a03646566220028013201003a00" "1a0c0a03616263180122046c6f670a"),
}
BYTE_READERS = {"image layers": (layer, (TarError, UnpackError)), "BuildKit progress": (progress, WireError)}


@pytest.mark.parametrize("name", BYTE_READERS)
def test_any_bytes_are_read_or_refused(name, record):
    read, expected = BYTE_READERS[name]
    seed = SEEDS[name]

    def broken(changes):
        raw = bytearray(seed)
        for place, value in changes:
            raw[place % len(raw)] = value
        return bytes(raw)

    changed = st.lists(st.tuples(st.integers(0, len(seed) - 1), st.integers(0, 255)), max_size=20).map(broken)

    @given(st.binary(max_size=2000) | changed | st.integers(0, len(seed)).map(lambda end: seed[:end]))
    def check(raw):
        with contextlib.suppress(expected):
            read(raw)

    fuzzed(check)
    record(f"Broken bytes read as {name}", f"{EXAMPLES} streams", "–", "–")


def test_any_answer_of_the_cloud_is_an_error_with_a_message(record):
    bodies = st.binary(max_size=500) | JSON.map(json.dumps).map(str.encode) | st.integers(0, 100_000).map(lambda n: b"[" * n)
    headers = st.dictionaries(st.sampled_from(["retry-after", "x-request-id"]), TEXTS)

    @given(st.integers(300, 599), headers, bodies)
    def check(status, head, body):
        attempt = refused(status, head, body, "a call")
        assert attempt.error.message
        assert 0 <= attempt.wished < float("inf")

    fuzzed(check)
    record("Hostile error answers of the cloud", f"{EXAMPLES} answers", "–", "–")


def test_any_page_of_a_log_gives_lines(record):
    @given(st.lists(PAGE, max_size=4))
    def check(pages):
        lines, preview = Lines(), Preview()
        for page in pages:
            for line in [*lines.take(page), *preview.take(page, ended=False)]:
                assert isinstance(line, str)
                line.encode()

    fuzzed(check)
    record("Hostile pages of a job's log", f"{EXAMPLES} logs", "–", "–")


def test_any_catalogue_is_merged_or_refused(record):
    entry = st.dictionaries(st.sampled_from(["id", "name", "contract", "remove", "title", "host", "tags"]) | TEXT, JSON)
    own = st.dictionaries(st.sampled_from(["regions", "bases", "limits"]), st.lists(entry) | JSON) | JSON

    @given(own)
    def check(given):
        with contextlib.suppress(SettingsError):
            catalog.load(given)

    fuzzed(check)
    record("Hostile catalogues of one's own", f"{EXAMPLES} catalogues", "–", "–")


def test_any_credentials_file_is_read_or_refused(tmp_path, record):
    path = tmp_path / "credentials"
    environment = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path), f"{credentials.VARIABLES}CREDENTIALS_FILE": str(path)}

    @given(st.binary(max_size=300) | WORDS.map(lambda text: f"[basic]\nak = {text}\nsk = {text}".encode("utf-8", "replace")))
    def check(raw):
        path.write_bytes(raw)
        with contextlib.suppress(SettingsError):
            credentials._file(environment, "basic")

    fuzzed(check)
    record("Hostile credentials files", f"{EXAMPLES} files", "–", "–")
