"""The contract's reference: what `%train` gives a container, asked from the code that plans it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from modelarts_nb.training import contract
from modelarts_nb.training.contract import NodePlan
from modelarts_nb.training.spec import MAX_KEY, MAX_NODES, MAX_VALUE, MAX_VARIABLES, JobSpec

HERE = Path(__file__).parent
COMMANDS = {
    "v1": "bash /home/work/run_train.sh python /home/work/user-job-dir/code/train.py",
    "v2": "python /home/ma-user/modelarts/user-job-dir/code/train.py",
}
JOB, ADDRESS = "JOB", "ADDRESS"  # stand for the job's id and a node's address
EXAMPLE = "%train --contract {contract} --code code --data data_url=data --output train_url=out -- {command}"
MARK = "<!-- from the code: {name} -->"


def spec(generation: str, nodes: int = 1) -> JobSpec:
    """The job that the page describes."""
    return JobSpec(
        "image", COMMANDS[generation], contract=generation, code=Path("code"), inputs={"data_url": Path("data")},
        outputs={"train_url": Path("out")}, nodes=nodes,
    )


def plans(generation: str, nodes: int = 1) -> list[NodePlan]:
    """What each node of that job gets."""
    addresses = tuple(f"{ADDRESS}-{node}" if nodes > 1 else ADDRESS for node in range(nodes))
    return [contract.plan(spec(generation, nodes), JOB, node, addresses) for node in range(nodes)]


def pages() -> dict[str, str]:
    """docs/contract.md: the text of contract.md beside this file, with its tables filled in."""
    text = (HERE / "contract.md").read_text(encoding="utf-8")
    tables = {"limits": _limits()}
    for generation in COMMANDS:
        [plan] = plans(generation)
        line = EXAMPLE.format(contract=generation, command=COMMANDS[generation])
        tables |= {
            f"{generation} line": ["```ipython", line, "```"],
            f"{generation} start": _start(generation, plan), f"{generation} variables": _variables(plan),
            f"{generation} nodes": _nodes(generation, plan),
        }
    for name, lines in tables.items():
        place = MARK.format(name=name)
        assert place in text, f"contract.md has no place for {name}"
        text = text.replace(place, "\n".join(lines))
    return {"contract.md": text}


def _start(generation: str, plan: NodePlan) -> list[str]:
    code = contract.boot_paths(spec(generation))[1]
    places = {name: _place(plan, name) for name in ("data_url", "train_url")}
    rows = {
        "Starts as": f"`{plan.argv[0]} {plan.argv[1]} COMMAND`, the image's entrypoint and command are not used",
        "The command": f"`{plan.argv[2]}`",
        "User and group": f"`{plan.uid}:{plan.gid}`",
        "Working directory": f"`{plan.working_dir}`",
        "Host name": f"`{plan.hostname}`",
        "The code folder `code`": f"`{code}`" + (", brought there by `run_train.sh`" if generation == "v1" else ""),
        "The input `data_url`": f"`{places['data_url']}`",
        "The output `train_url`": f"`{places['train_url']}`",
        "Folders that are made": ", ".join(f"`{folder}`" for folder in plan.folders),
    }
    return ["| What | Value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]


def _place(plan: NodePlan, name: str) -> str:
    found = re.search(rf"--{name}=(\S+)", plan.argv[2])
    assert found
    return str(PurePosixPath(found.group(1)))


def _variables(plan: NodePlan) -> list[str]:
    return ["| Variable | Value |", "|---|---|", *(f"| `{name}` | `{value}` |" if value else f"| `{name}` | empty |"
                                                   for name, value in plan.environment.items())]


def _nodes(generation: str, alone: NodePlan) -> list[str]:
    """How two nodes differ from one: the variables whose values or names change."""
    both = plans(generation, 2)
    names = [
        name for name in both[0].environment if any(plan.environment[name] != alone.environment.get(name) for plan in both)
    ]
    rows = [f"| `{name}` | {' | '.join(f'`{plan.environment[name]}`' for plan in both)} |" for name in names]
    aliases = [", ".join(f"`{name}`" for name in plan.aliases) for plan in both]
    hosts = ["| Host name | " + " | ".join(f"`{plan.hostname}`" for plan in both) + " |",
             "| Names that the others resolve | " + " | ".join(aliases) + " |"]
    return [f"| What | {both[0].name} | {both[1].name} |", "|---|---|---|", *rows, *hosts]


def _limits() -> list[str]:
    rows = {
        "Environment variables of a job": f"{MAX_VARIABLES}",
        "Characters of a variable's name, of its value": f"{MAX_KEY}, {MAX_VALUE}",
        "Nodes of a local run": f"{MAX_NODES}",
        "Memory and processors": "no limit, unless `--memory` says so",
        "Time": "no limit, unless `--timeout` says so",
    }
    return ["| What | At the most |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
