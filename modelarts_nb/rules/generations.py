"""The variables of the two generations of the container contract, and what takes the place of one in the other."""

from __future__ import annotations

import re

from ..messages import t
from .making import Seen

COUNTERPARTS = {
    "DLS_TASK_INDEX": "VC_TASK_INDEX", "DLS_TASK_NUMBER": "MA_NUM_HOSTS", "VC_TASK_INDEX": "DLS_TASK_INDEX",
    "MA_NUM_HOSTS": "DLS_TASK_NUMBER", "VC_WORKER_NUM": "DLS_TASK_NUMBER", "BATCH_CUSTOM0_HOSTS": "VC_WORKER_HOSTS",
    "VC_WORKER_HOSTS": "BATCH_CUSTOM{i}_HOSTS", "BATCH_CURRENT_HOST": "MA_CURRENT_IP",
    "MA_CURRENT_IP": "BATCH_TASK_CURRENT_HOST_IP",
}
# By contract, the names that only the other one sets
OTHER_NAMES = {
    "v1": re.compile(
        r"\b(?:MA_(?:HOME|JOB_DIR|MOUNT_PATH|LOG_DIR|CURRENT_IP|CURRENT_INSTANCE_NAME|NUM_GPUS|NUM_HOSTS|TASK_NAME|VJ_NAME)"
        r"|VC_(?:WORKER|TASK)\w*)"
    ),
    "v2": re.compile(r"\b(?:DLS_(?:TASK|APP|DATA|TRAIN|JOB|USE|UPLOAD)\w*|BATCH_(?:JOB_ID|TASK|CUSTOM|CURRENT)\w*)"),
}


def other_generation(name: str, contract: str, path: str = "", line: int = 0) -> Seen:
    """The finding for a variable that only the other generation sets."""
    instead = COUNTERPARTS.get(name, "")
    return Seen(
        t("{name} belongs to the other generation of the contract; under {contract} it is not set.", name=name,
          contract=contract),
        t("Use {name}.", name=instead) if instead else "", line, path=path,
    )
