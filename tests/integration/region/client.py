"""A caller of the region for tests: signs by hand, sends over http.client, changes nothing of what it is told to send."""

import contextlib
import hashlib
import hmac
import http.client
import json
import time
from urllib.parse import quote, unquote, urlsplit


class Region:
    """``access``: the sandbox's access.json. Calls return (status, headers in lower case, JSON body)."""

    def __init__(self, access, **changes):
        self.access = {**access, **changes}
        self.address = urlsplit(access["endpoints"]["modelarts"]).netloc
        self.project = self.access["project_id"]
        self.registry = access["registry"]

    def key(self, **wanted):
        """Another identity, made by the sandbox's own key."""
        status, _, made = self.call("POST", "/sandbox/keys", wanted)
        assert status == 201, made
        return Region(
            self.access, ak=made["access"], sk=made["secret"], token=made["securitytoken"], project_id=made["project_id"],
            user_id=made["user_id"], user_name=made["user_name"], domain_name=made["domain_name"],
        )

    def call(self, method, path, body=None, *, ahead=0, headers=None, sign_with="", raw=None):
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        path = path.replace("PROJECT", self.project)
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + ahead))
        sent = {"host": self.address, "x-sdk-date": date, "content-type": "application/json", **(headers or {})}
        if self.access.get("token"):
            sent["x-security-token"] = self.access["token"]
        where, _, query = path.partition("?")
        halves = [pair.partition("=")[::2] for pair in query.split("&") if pair]
        pairs = sorted(tuple(quote(unquote(half), safe="~") for half in pair) for pair in halves)
        canonical = "\n".join((
            method, "/".join(quote(part, safe="~") for part in where.split("/")) + "/",
            "&".join("=".join(pair) for pair in pairs),
            "".join(f"{name}:{sent[name]}\n" for name in sorted(sent)), ";".join(sorted(sent)),
            hashlib.sha256(content).hexdigest(),
        ))
        text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new((sign_with or self.access["sk"]).encode(), text.encode(), hashlib.sha256).hexdigest()
        sent["authorization"] = (
            f"SDK-HMAC-SHA256 Access={self.access['ak']}, SignedHeaders={';'.join(sorted(set(sent)))}, Signature={signature}"
        )
        with contextlib.closing(http.client.HTTPConnection(self.address, timeout=60)) as connection:
            connection.request(method, path, body=content or None, headers=sent)
            with contextlib.closing(connection.getresponse()) as answer:
                said = answer.read()
                found = {name.lower(): value for name, value in answer.getheaders()}
                return answer.status, found, json.loads(said) if said else None

    def faults(self, *wanted):
        status, _, said = self.call("POST", "/sandbox/faults", list(wanted))
        assert status == 201, said

    def settings(self, **wanted):
        status, _, said = self.call("PUT", "/sandbox/settings", wanted)
        assert status == 200, said

    def login(self, **wanted):
        """(user, password, when it ends) of a temporary login to the registry."""
        status, headers, _ = self.call("POST", "/v2/manage/utils/secret?projectname=sandbox", **wanted)
        assert status == 200
        words = headers["x-swr-dockerlogin"].split()
        return words[3], words[5], headers["x-swr-expireat"]

    def job(self, image, command, *, name="", nodes=1, flavor="modelarts.vm.cpu.2u", **more):
        """The body of a job; ``algorithm_…`` and ``spec_…`` go where they belong."""
        algorithm = {"engine": {"image_url": image}, "command": command}
        spec = {"resource": {"flavor_id": flavor, "node_count": nodes}}
        for key, value in more.items():
            place, _, field = key.partition("_")
            (algorithm if place == "algorithm" else spec)[field] = value
        metadata = {"name": name or f"test-{time.monotonic_ns()}"}
        return {"kind": "job", "metadata": metadata, "algorithm": algorithm, "spec": spec}

    def create(self, *words, **more):
        """The id of a job that was created."""
        status, _, said = self.call("POST", "/v2/PROJECT/training-jobs", self.job(*words, **more))
        assert status == 201, said
        return said["metadata"]["id"]

    def show(self, job):
        status, _, said = self.call("GET", f"/v2/PROJECT/training-jobs/{job}")
        assert status == 200, said
        return said

    def until(self, job, *phases, limit=60):
        """The job once it is in one of the phases (as a rule: the terminal ones)."""
        phases = phases or ("Completed", "Failed", "Terminated", "Abnormal")
        deadline = time.monotonic() + limit
        while (found := self.show(job))["status"]["phase"] not in phases:
            assert time.monotonic() < deadline, found["status"]
            time.sleep(0.05)
        return found

    def started(self, job, words, limit=60):
        """The job, once it has printed that."""
        deadline = time.monotonic() + limit
        while words not in self.log(job):
            assert time.monotonic() < deadline, self.show(job)["status"]
            time.sleep(0.05)

    def log(self, job, task="worker-0"):
        status, _, said = self.call("GET", f"/v2/PROJECT/training-jobs/{job}/tasks/{task}/logs/preview")
        assert status == 200, said
        return said["content"]

    def events(self, job):
        _, _, said = self.call("GET", f"/v2/PROJECT/training-jobs/{job}/events?limit=100&order=asc")
        return [event["message"] for event in said["events"]]
