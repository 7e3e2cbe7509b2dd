"""The contract's page against real containers: what it says is what they see, and nothing of the contract is left out."""

import re
import shlex

import pytest

import modelarts_nb
from tools.docs import contract

from .blocks import DOCS

SEE = (
    "id -u; id -g; pwd; hostname; env -0 | tr '\\n\\0' ' \\n' | sed 's/^/variable /'; "
    "test -t 1 || echo no terminal; ls -d {places}; getent hosts {names} | sed 's/  */ /' | sed 's/^/name /'; true #"
)
CONTRACT = re.compile(r"(?:DLS|BATCH|MA|VC)_|WORKSPACE$")


def rows(generation, heading=""):
    """The rows of a generation's tables in the page, by their first cell: the table of one node, or of two."""
    page = (DOCS / "contract.md").read_text(encoding="utf-8")
    part = re.search(rf"^## {generation}: .*?(?=^## )", page, re.MULTILINE | re.DOTALL).group()
    alone, _, both = part.partition("With `--nodes 2`:")
    lines = re.findall(r"^\| (.+) \|$", both if heading else alone, re.MULTILINE)
    return {cells[0].strip("`"): [cell.strip("`") for cell in cells[1:]] for line in lines for cells in [line.split(" | ")]}


@pytest.fixture(scope="module")
def seen(base_image, tmp_path_factory):
    """What the nodes of a run print, for each generation and number of nodes."""
    folder = tmp_path_factory.mktemp("contract")
    for name in ("code", "data"):
        (folder / name).mkdir()
        (folder / name / "train.py").write_text("print(1)\n")
    found = {}
    for generation in contract.COMMANDS:
        for nodes in (1, 2):
            plans = contract.plans(generation, nodes)
            places = " ".join(place for place in plans[0].folders)
            names = "$(hostname)"  # its own: the other may have ended. tests/integration/test_training.py has them talk
            job = "JOB=${DLS_JOB_ID#job}" if generation == "v1" else "JOB=${MA_VJ_NAME#modelarts-job-}"
            run = modelarts_nb.train(
                base_image, command=f"{job}; {SEE.format(places=places, names=names)}", contract=generation, nodes=nodes,
                code=folder / "code", inputs={"data_url": folder / "data"}, progress="quiet",
                outputs={"train_url": folder / f"out-{generation}-{nodes}"},
            )
            found[generation, nodes] = [printed(run, node.name) for node in run.nodes]
    return found


def printed(run, node):
    number = re.search(rf"^#(\d+) {node}$", run.log, re.MULTILINE).group(1)
    return re.findall(rf"^#{number} \d+\.\d\d (.*)$", run.log, re.MULTILINE)


def variables(lines):
    found = dict(line.removeprefix("variable ").split("=", 1) for line in lines if line.startswith("variable "))
    job = re.fullmatch("job(.+)|modelarts-job-(.+)", found.get("BATCH_JOB_ID") or found["MA_VJ_NAME"])
    job = job.group(1) or job.group(2)
    addresses = sorted({value for name, value in found.items() if name in ("BATCH_TASK_CURRENT_HOST_IP", "MA_CURRENT_IP")})
    return job, addresses[0], {
        name.replace(job, contract.JOB): value.replace(job, contract.JOB)
        for name, value in found.items() if CONTRACT.match(name)
    }


@pytest.mark.parametrize("generation", contract.COMMANDS)
def test_one_node_sees_what_the_page_says(seen, generation):
    [lines] = seen[generation, 1]
    said = rows(generation)
    job, address, found = variables(lines)
    assert ":".join(lines[:2]) == said["User and group"][0]
    assert lines[2] == said["Working directory"][0]
    assert lines[3].replace(job, contract.JOB) == said["Host name"][0]
    assert "no terminal" in lines
    expected = {name: "" if value == ["empty"] else value[0] for name, value in said.items() if CONTRACT.match(name)}
    assert {name: value.replace(address, contract.ADDRESS) for name, value in found.items()} == expected
    assert {line for line in lines if line.startswith("/") and line != said["Working directory"][0]} >= {
        place.strip("`") for place in re.findall(r"`?(/[^`,]+)`?", said["Folders that are made"][0])
    }


@pytest.mark.parametrize("generation", contract.COMMANDS)
def test_two_nodes_differ_as_the_page_says(seen, generation):
    said = rows(generation, "both")
    for index, lines in enumerate(seen[generation, 2]):
        job, address, found = variables(lines)
        for name, values in said.items():
            if CONTRACT.match(name):
                assert found[name].replace(address, f"{contract.ADDRESS}-{index}") == values[index], name
        assert lines[3].replace(job, contract.JOB) == said["Host name"][index]
        resolved = {name for line in lines if line.startswith("name ") for name in line.split()[2:]}
        assert lines[3] in resolved
        aliases = [name.strip("` ") for name in said["Names that the others resolve"][index].split(",")]
        assert lines[3].replace(job, contract.JOB) in aliases


def test_the_pages_lines_are_the_ones_that_were_planned():
    page = (DOCS / "contract.md").read_text(encoding="utf-8")
    for generation, command in contract.COMMANDS.items():
        assert f"--contract {generation} --code code --data data_url=data --output train_url=out -- {command}" in page
        assert shlex.split(command)[-1] == str(contract.contract.boot_paths(contract.spec(generation))[1] / "train.py")
