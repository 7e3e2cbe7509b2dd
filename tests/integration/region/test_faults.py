"""What the region can be told to do wrong."""

import http.client

import pytest

PROJECTS = "/v3/projects?name=sandbox"


def test_a_burst_of_429_and_503_passes(region):
    region.faults({"service": "iam", "status": 429, "times": 2, "retry_after": 1}, {"service": "iam", "status": 503})
    found = [region.call("GET", PROJECTS) for _ in range(4)]
    assert [status for status, _, _ in found] == [429, 429, 503, 200]
    assert found[0][2]["error_code"] == "APIGW.0308"
    assert found[0][1]["retry-after"] == "1"
    assert found[0][1]["x-sandbox"] == "modelarts-nb"


def test_a_fault_strikes_only_what_it_is_meant_for(region):
    region.faults({"service": "swr", "method": "POST", "path": "namespaces$", "status": 500, "after": 1})
    assert region.call("GET", PROJECTS)[0] == 200
    assert region.call("GET", "/v2/manage/namespaces")[0] == 200
    assert region.call("POST", "/v2/manage/namespaces", {"namespace": "9"})[0] == 400, "it lets the first pass"
    assert region.call("POST", "/v2/manage/namespaces", {"namespace": "9"})[0] == 500
    assert region.call("GET", "/sandbox/faults")[2]["faults"] == []


@pytest.mark.parametrize("count", [0, 20])
def test_a_connection_breaks_off(region, count):
    region.faults({"service": "iam", "drop_after": count})
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        region.call("GET", PROJECTS)
    assert region.call("GET", PROJECTS)[0] == 200


def test_a_job_stays_in_creating_until_it_is_let_go(region):
    from .conftest import BASE

    region.faults({"hold": "Creating"})
    job = region.create(BASE, "true")
    assert region.show(job)["status"]["phase"] == "Creating"
    region.call("DELETE", "/sandbox/faults")
    assert region.until(job)["status"]["phase"] == "Completed"


@pytest.mark.parametrize("fault", [
    {"nonsense": 1}, {"status": "429"}, {"times": -1}, {"path": "("}, {"delay": True}, [{"status": 429}] * 101,
])
def test_a_fault_that_makes_no_sense_is_refused(region, fault):
    status, _, said = region.call("POST", "/sandbox/faults", fault)
    assert (status, said["error_code"]) == (400, "Sandbox.0400")
    assert region.call("GET", "/sandbox/faults")[2]["faults"] == []
