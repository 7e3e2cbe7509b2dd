"""Our parser refuses what the Engine's refuses, and nothing else: each text is judged by both."""

import re
from pathlib import Path

import pytest

from modelarts_nb.dockerfile import parse_dockerfile, resolve
from modelarts_nb.engine.buildkit import SessionBuild, build
from modelarts_nb.errors import BuildFailed, DockerfileSyntaxError

GOOD = {
    "smallest": "FROM scratch\nENV A=b\n",
    "lower case": "from scratch as one\nenv a=b\n",
    "arg before from": "ARG BASE=scratch\nFROM ${BASE}\nENV A=b\n",
    "comments and blank lines": "# a comment\n\n  # another\nFROM scratch\n\n# third\nENV A=b\n",
    "continued over comments": "FROM scratch\nENV A=b \\\n# between\n  C=d \\\n\n  E=f\n",
    "continued at the end of the file": "FROM scratch\nENV A=b \\\n",
    "blank after the backslash": "FROM scratch\nENV A=b \\   \n  C=d\n",
    "escape directive": "# escape=`\nFROM scratch\nENV A=b `\n C=d\n",
    "backslash is plain under another escape": "# escape=`\nFROM scratch\nLABEL P=c:\\dir\nENV A=b\n",
    "unknown directive": "# thing=1\nFROM scratch\nENV A=b\n",
    "windows line ends": "FROM scratch\r\nENV A=b \\\r\n  C=d\r\n",
    "tabs": "FROM\tscratch\n\tENV\tA=b\n",
    "json": 'FROM scratch\nCMD ["a", "b"]\nENTRYPOINT ["c"]\nSHELL ["/bin/x", "-c"]\nVOLUME ["/v"]\n',
    "broken json is shell": 'FROM scratch\nCMD ["a", b]\n',
    "empty cmd": "FROM scratch\nENTRYPOINT []\nCMD []\n",
    "quotes": "FROM scratch\nENV A=\"b c\" D='e f' G=h\\ i\nLABEL \"k l\"=\"m\\\"n\"\n",
    "old env": "FROM scratch\nENV A b c d\nLABEL K some value\n",
    "healthcheck": "FROM scratch\nHEALTHCHECK --interval=5s --retries=3 CMD true\nHEALTHCHECK NONE\n",
    "onbuild": "FROM scratch\nONBUILD RUN true\nONBUILD COPY a /b\n",
    "stages": "FROM scratch AS one\nENV A=b\nFROM one\nENV C=d\nFROM scratch\nENV E=f\n",
    "all small ones": "FROM scratch\nEXPOSE 80/tcp 90\nWORKDIR /x\nUSER me\nSTOPSIGNAL SIGINT\nMAINTAINER me\nARG X=1\nARG Y\n",
    "arg with several": "FROM scratch\nARG X=1\nENV A=$X\n",
    "unicode": "FROM scratch\nLABEL 作者=\"数据 科学\"\n",
    "byte order mark": "\ufeffFROM scratch\nENV A=b\n",
    "a long line": f"FROM scratch\nENV A={'x' * 60_000}\n",
    "no line end": "FROM scratch\nENV A=b",
}
BAD = {
    "unknown instruction": ("FROM scratch\nRUM x\n", 2),
    "behind a continuation": ("FROM scratch\nENV A=b \\\n  C=d\nRUM x\n", 4),
    "forgotten backslash": ("FROM scratch\nENV A=b\n  C=d\n", 3),
    "before from": ("ENV A=b\nFROM scratch\n", 1),
    "from with two": ("FROM scratch one\n", 1),
    "from with a bad name": ("FROM scratch AS 1x\n", 1),
    "from without an image": ("FROM scratch\nENV A=b\nFROM\n", 3),
    "copy with one": ("FROM scratch\nCOPY a\n", 2),
    "add with one": ("FROM scratch\nENV A=b\nADD a\n", 3),
    "env with one": ("FROM scratch\nENV A\n", 2),
    "env with a word too many": ("FROM scratch\nENV A=b c\n", 2),
    "env without a name": ("FROM scratch\nENV =b\n", 2),
    "label with one": ("FROM scratch\nLABEL A\n", 2),
    "arg without a name": ("FROM scratch\nARG =b\n", 2),
    "unknown flag": ("FROM scratch\nCOPY --chwon=1 a /b\n", 2),
    "flag without a value": ("FROM scratch\nCOPY --chown a /b\n", 2),
    "unknown mount": ("FROM scratch\nRUN --mount=type=sekret x\n", 2),
    "mount without pairs": ("FROM scratch\nRUN --mount=secret x\n", 2),
    "shell that is no json": ("FROM scratch\nSHELL /bin/sh -c\n", 2),
    "healthcheck of no kind": ("FROM scratch\nHEALTHCHECK true\n", 2),
    "healthcheck without a command": ("FROM scratch\nHEALTHCHECK CMD\n", 2),
    "healthcheck none with more": ("FROM scratch\nHEALTHCHECK NONE x\n", 2),
    "onbuild of onbuild": ("FROM scratch\nONBUILD ONBUILD RUN x\n", 2),
    "onbuild of from": ("FROM scratch\nONBUILD FROM x\n", 2),
    "user without a name": ("FROM scratch\nUSER\n", 2),
    "workdir without a folder": ("FROM scratch\nWORKDIR\n", 2),
    "stopsignal with none": ("FROM scratch\nSTOPSIGNAL\n", 2),
    "expose with none": ("FROM scratch\nEXPOSE\n", 2),
    "volume of an empty list": ("FROM scratch\nVOLUME []\n", 2),
    "escape directive of two letters": ("# escape=ab\nFROM scratch\n", 1),
    "a line of more than 64 kB": (f"FROM scratch\nENV A={'x' * 66_000}\n", 2),
    "nothing at all": ("\n\n", 0),
    "only a comment": ("# nothing\n", 0),
}


def engines_word(engine, text):
    """What the Engine says of it, "" for nothing."""
    try:
        for _ in build(engine, SessionBuild(dockerfile=text.encode())):
            pass
    except BuildFailed as error:
        return str(error)
    return ""


# One text a line, escapes as in Python; which of them are right is for the Engine to say
CORPUS = (Path(__file__).parent / "dockerfile_corpus.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("line", CORPUS)
def test_every_text_is_judged_as_the_engine_judges_it(engine, line):
    text = line.encode("latin-1", "backslashreplace").decode("unicode_escape")
    said = engines_word(engine, text)
    ours = ""
    try:
        resolve(parse_dockerfile(text), build_args={})
    except DockerfileSyntaxError as error:
        ours = str(error)
    assert bool(ours) == bool(said), f"the Engine says {said!r}, we say {ours!r}"


@pytest.mark.parametrize("name", GOOD)
def test_what_the_engine_builds_is_taken(engine, name):
    parse_dockerfile(GOOD[name])
    assert engines_word(engine, GOOD[name]) == ""


@pytest.mark.parametrize("name", BAD)
def test_what_the_engine_refuses_is_refused_with_its_line(engine, name):
    text, line = BAD[name]
    said = engines_word(engine, text)
    assert said, "the Engine builds it"
    with pytest.raises(DockerfileSyntaxError) as caught:
        parse_dockerfile(text)
    if line:
        assert caught.value.line == line
        theirs = re.search(r"line (\d+)", said)
        assert theirs is None or int(theirs.group(1)) == line, said
