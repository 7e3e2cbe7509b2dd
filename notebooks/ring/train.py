"""Fit a straight line on several nodes: each holds a part of the data, and gradients are averaged over all of them by JAX.

The platform starts this program once a node; who is who stands in its variables.
"""

import argparse
import json
import os

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import process_allgather

parser = argparse.ArgumentParser()
parser.add_argument("--train_url", required=True, help="folder for the result")
parser.add_argument("--epochs", type=int, default=30)
arguments, _ = parser.parse_known_args()

index, nodes = int(os.environ["VC_TASK_INDEX"]), int(os.environ["VC_WORKER_NUM"])
first = os.environ["VC_WORKER_HOSTS"].split(",")[0]

jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(coordinator_address=f"{first}:29500", num_processes=nodes, process_id=index)
print(f"node {index}: {jax.process_count()} processes, {jax.device_count()} devices, {len(jax.local_devices())} of them here")

# The data of this node only: y = 3x + 2, with noise of its own
draw = np.random.default_rng(index)
x = draw.uniform(-1, 1, 4096).astype("float32")
y = 3 * x + 2 + draw.normal(0, 0.1, x.shape).astype("float32")


def loss(line, x, y):
    return jnp.mean((line[0] * x + line[1] - y) ** 2)


step = jax.jit(jax.value_and_grad(loss))
line = jnp.zeros(2)
for epoch in range(1, arguments.epochs + 1):
    here, gradient = step(line, x, y)
    everywhere = process_allgather(jnp.append(gradient, here)).mean(axis=0)  # over the network, by gloo
    line = line - 0.5 * everywhere[:2]
    if index == 0:
        print(f"epoch {epoch}/{arguments.epochs} loss={everywhere[2]:.4f}")

print(f"node {index}: y = {line[0]:.2f} x + {line[1]:.2f}")
if index == 0:
    os.makedirs(arguments.train_url, exist_ok=True)
    with open(os.path.join(arguments.train_url, "result.json"), "w") as out:
        json.dump({"slope": float(line[0]), "offset": float(line[1]), "nodes": nodes}, out)
jax.distributed.shutdown()
