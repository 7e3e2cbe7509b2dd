"""A kernel as a notebook has it, to be talked to message by message."""

import time

from jupyter_client.manager import KernelManager

LOAD = "%load_ext modelarts_nb"


class Kernel:
    """A kernel that can be interrupted, and what it printed."""

    def __init__(self, folder):
        self.manager = KernelManager()
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(60)

    def start(self, code):
        """Have it executed; returns when it has begun, as an interrupt before that is none."""
        identifier = self.client.execute(code)
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["parent_header"].get("msg_id") == identifier and message["msg_type"] == "execute_input":
                return identifier

    def finish(self, identifier, limit=60):
        """The reply's status and error name, and the text that was printed."""
        printed = []
        deadline = time.monotonic() + limit
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") != identifier:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
        while True:
            reply = self.client.get_shell_msg(timeout=limit)
            if reply["parent_header"]["msg_id"] == identifier:
                return reply["content"].get("ename", reply["content"]["status"]), "".join(printed)

    def run(self, code):
        return self.finish(self.start(code))

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
