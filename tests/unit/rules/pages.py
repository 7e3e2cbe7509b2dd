"""The pages docs/rules/MA0NN.md as values: what each shows as bad and as good, and a judge for both."""

import json
import re
from pathlib import Path

from modelarts_nb.dockerfile import parse_dockerfile
from modelarts_nb.rules.code import Code, CodeFile
from modelarts_nb.rules.command import Job
from modelarts_nb.rules.lint import lint, lint_job
from modelarts_nb.rules.written import Target

FOLDER = Path(__file__).parents[3] / "docs" / "rules"
OURS = re.compile(r"MA0\d\d")


def pages():
    """Code to text, of the rules on what is written."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("MA*.md")) if OURS.fullmatch(path.stem)}


def block(text, title):
    """The code block of a section."""
    section = text.split(f"\n## {title}\n", 1)[1]
    return re.search(r"```\w*\n(.*?)```", section, re.DOTALL).group(1)


def judge(text, title):
    """The codes that the block trips, each with its severity."""
    options = json.loads(re.search(r"<!-- with: (.*) -->", text).group(1))
    kind, body = options.pop("kind"), block(text, title)
    if kind == "dockerfile":
        found = lint(parse_dockerfile(body), Target(**options))
    elif kind == "command":
        environment = options.pop(f"{title.lower()}_environment", {})
        options = {name: value for name, value in options.items() if not name.endswith("_environment") or name.startswith("image")}
        found = lint_job(Job(command=body.strip(), environment=environment, **options))
    else:
        found = lint_job(job(kind, body, options))
    return {(each.code, each.severity.value) for each in found if not each.ignored}


def job(kind, body, options):
    """A job whose code folder is the block."""
    if kind == "files":
        files = [CodeFile(name, int(size)) for name, size in (line.split() for line in body.splitlines())]
    else:
        files = [CodeFile("start.py" if kind == "python" else "start.sh", len(body), body)]
    script = "train.py" if kind == "files" else files[0].path
    command = f"{'bash' if kind == 'sh' else 'python'} {script}"
    return Job(command, contract=options.get("contract", "v1"), code=Code(tuple(files), scripts=(script,), **options))
