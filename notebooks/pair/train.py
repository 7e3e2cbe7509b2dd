"""Two nodes estimate pi together: each throws darts, node 0 gathers what the others found.

Every node learns its number and the others' names from the platform's variables.
"""

import argparse
import json
import os
import random
import socket
import time

parser = argparse.ArgumentParser()
parser.add_argument("--train_url", required=True, help="folder for the result")
parser.add_argument("--darts", type=int, default=200_000)
arguments, _ = parser.parse_known_args()

index, nodes = int(os.environ["VC_TASK_INDEX"]), int(os.environ["VC_WORKER_NUM"])
hosts = os.environ["VC_WORKER_HOSTS"].split(",")
PORT = 29500


def throw(count):
    draw = random.Random(index)  # noqa: S311  # no secret
    return sum(draw.random() ** 2 + draw.random() ** 2 < 1 for _ in range(count))


def connect(host):
    for _ in range(300):
        try:
            return socket.create_connection((host, PORT), timeout=5)
        except OSError:
            time.sleep(0.1)  # the other node is still starting
    raise SystemExit(f"{host} cannot be reached")


print(f"node {index} of {nodes}")
hits = 0
for part in range(4):
    hits += throw(arguments.darts // 4)
    print(f"node {index}: {(part + 1) * 25} %")

if index == 0:
    with socket.create_server(("", PORT)) as server:
        for _ in range(nodes - 1):
            connection, _ = server.accept()
            hits += int(connection.makefile().readline())
            connection.close()
    result = {"pi": 4 * hits / (arguments.darts * nodes), "nodes": nodes}
    os.makedirs(arguments.train_url, exist_ok=True)
    with open(os.path.join(arguments.train_url, "result.json"), "w") as out:
        json.dump(result, out)
    print(f"pi is about {result['pi']:.3f}")
else:
    with connect(hosts[0]) as connection:
        connection.sendall(f"{hits}\n".encode())
