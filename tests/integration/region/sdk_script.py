"""What the official SDK does with the sandbox: ``sdk_script.py PART ACCESS.JSON …``, printing JSON. Run by the SDK's Python."""

import json
import sys
import time
from pathlib import Path

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, SdkException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkmodelarts.v1 import (
    CreateTrainingJobRequest,
    DeleteTrainingJobRequest,
    ListImageRequest,
    ListTrainingJobEventsRequest,
    ListTrainingJobsRequest,
    ListTrainingJobStagesRequest,
    ListTrainingJobTasksRequest,
    ListWorkspaceRequest,
    ModelArtsClient,
    ShowTrainingJobDetailsRequest,
    ShowTrainingJobEnginesRequest,
    ShowTrainingJobFlavorsRequest,
    ShowTrainingJobLogsFromAomRequest,
    ShowTrainingJobLogsPreviewRequest,
    ShowTrainingJobMetricsRequest,
    ShowTrainingQuotasRequest,
    StopTrainingJobRequest,
    ValidateTrainingJobNameRequest,
)
from huaweicloudsdkswr.v2 import (
    CreateNamespaceRequest,
    CreateNamespaceRequestBody,
    CreateSecretRequest,
    DeleteNamespacesRequest,
    DeleteRepoRequest,
    ListNamespacesRequest,
    ListQuotasRequest,
    ListReposDetailsRequest,
    ListRepositoryTagsRequest,
    ListSharedReposDetailsRequest,
    ShowDomainOverviewRequest,
    SwrClient,
)
from obs import ObsClient

TERMINAL = ("Completed", "Failed", "Terminated", "Abnormal")
part, file, *words = sys.argv[1:]
access = json.loads(Path(file).read_text())


def client(kind, service, **changes):
    keys = {**access, **changes}
    credentials = BasicCredentials(keys["ak"], keys["sk"], keys.get("project")).with_iam_endpoint(access["endpoints"]["iam"])
    region = Region(keys["region"], access["endpoints"][service])
    return kind.new_builder().with_credentials(credentials).with_region(region).build()


def swr():
    return client(SwrClient, "swr")


def modelarts():
    return client(ModelArtsClient, "modelarts")


def obs():
    server = access["endpoints"]["obs"]
    return ObsClient(access_key_id=access["ak"], secret_access_key=access["sk"], server=server, ssl_verify=True)


def body(image, command, **algorithm):
    return {
        "kind": "job", "metadata": {"name": f"sdk-{time.monotonic_ns()}"},
        "algorithm": {"engine": {"image_url": image}, "command": command, **algorithm},
        "spec": {"resource": {"flavor_id": "modelarts.vm.cpu.2u", "node_count": 1}},
    }


def follow(found, job):
    phases, lines, base = [], [], "0"
    while True:
        status = found.show_training_job_details(ShowTrainingJobDetailsRequest(training_job_id=job)).status
        phases += [status.phase] if status.phase not in phases else []
        log = found.show_training_job_logs_from_aom(
            ShowTrainingJobLogsFromAomRequest(training_job_id=job, task_id="worker-0", base_line=base, order="asc")
        )
        if log.lines:
            lines, base = lines + log.content.splitlines(), log.end_line
        elif status.phase in TERMINAL:
            return phases, lines
        time.sleep(0.1)


def do_swr(organization):
    found = swr()
    found.create_namespace(CreateNamespaceRequest(body=CreateNamespaceRequestBody(namespace=organization)))
    secret = found.create_secret(CreateSecretRequest(projectname="sandbox"))
    assert secret.x_swr_expireat
    assert list(secret.auths) == [access["registry"]]
    return {"login": secret.x_swr_dockerlogin}


def do_upload(bucket, path):
    found = obs()
    assert found.createBucket(bucket).status == 200
    code = "import sys\nprint('starting')\nprint(len(open(sys.argv[1]).read()), 'bytes')\n"
    assert found.putContent(bucket, "code/app/train.py", code).status == 200
    assert found.uploadFile(bucket, "in/big", path, partSize=9 << 20, taskNum=3, enableCheckpoint=True).status == 200
    assert found.downloadFile(bucket, "in/big", f"{path}.back", taskNum=3, enableCheckpoint=True).status == 200
    listed = [item.key for item in found.listObjects(bucket).body.contents]
    return {"same": Path(path).read_bytes() == Path(f"{path}.back").read_bytes(), "listed": listed}


def do_job(image, bucket):
    found = modelarts()
    command = (
        "echo starting; wc -c < $DATA_URL/big | sed 's/$/ bytes/'; printf 'a model' > $TRAIN_URL/model; "
        "ls ${MA_JOB_DIR}/app >/dev/null && echo done"
    )
    channel = [
        {"name": name, "access_method": "env", "remote": {"obs": {"obs_url": f"/{bucket}/{place}/"}}}
        for name, place in (("DATA_URL", "in"), ("TRAIN_URL", "out"))
    ]
    made = found.create_training_job(CreateTrainingJobRequest(
        body=body(image, command, code_dir=f"/{bucket}/code/app/", inputs=channel[:1], outputs=channel[1:])
    ))
    phases, lines = follow(found, made.metadata.id)
    events = found.list_training_job_events(ListTrainingJobEventsRequest(training_job_id=made.metadata.id)).events
    tags = swr().list_repository_tags(ListRepositoryTagsRequest(*image.partition(":")[0].split("/")))
    output = ""
    if phases[-1] == "Completed":
        output = obs().getObject(bucket, "out/model", loadStreamInMemory=True).body.buffer.decode()
    return {
        "phases": phases, "log": lines, "output": output, "events": [event.message for event in events],
        "tags": [tag.tag for tag in tags.body],
    }


def do_stop(image):
    found = modelarts()
    job = found.create_training_job(CreateTrainingJobRequest(body=body(image, "sleep 1000"))).metadata.id
    found.stop_training_job(StopTrainingJobRequest(training_job_id=job, body={"action_type": "terminate"}))
    phases, _ = follow(found, job)
    found.delete_training_job(DeleteTrainingJobRequest(training_job_id=job))
    return {"phase": phases[-1]}


def do_clean(organization, repository, bucket):
    found, storage = swr(), obs()
    found.delete_repo(DeleteRepoRequest(namespace=organization, repository=repository))
    found.delete_namespaces(DeleteNamespacesRequest(namespace=organization))
    for item in storage.listObjects(bucket).body.contents:
        storage.deleteObject(bucket, item.key)
    assert storage.deleteBucket(bucket).status == 204
    left = [each.name for each in found.list_namespaces(ListNamespacesRequest()).namespaces]
    return {"left": [name for name in left if name == organization]}


def do_errors():
    found = {}
    try:
        client(SwrClient, "swr", sk="x" * 40, project=access["project_id"]).list_namespaces(ListNamespacesRequest())
    except ClientRequestException as error:
        found["wrong key"] = [error.status_code, error.error_code]
    try:
        bad = body("a/b:c", "true")
        bad["spec"]["resource"]["flavor_id"] = "nothing"
        modelarts().create_training_job(CreateTrainingJobRequest(body=bad))
    except ClientRequestException as error:
        found["flavor"], found["request id"] = [error.status_code, error.error_code], error.request_id
    try:
        client(SwrClient, "swr", region="cn-north-4").list_namespaces(ListNamespacesRequest())
    except SdkException as error:
        found["project"] = "0 projects" if "project" in str(error) else str(error)
    return found


def do_lists(image):
    found, registry = modelarts(), swr()
    job = found.create_training_job(CreateTrainingJobRequest(body=body(image, "true"))).metadata.id
    follow(found, job)
    page = {"limit": "10", "offset": "0"}
    one = {"training_job_id": job}
    answers = {
        "jobs": found.list_training_jobs(ListTrainingJobsRequest(body={"limit": 10})).items,
        "name": [found.validate_training_job_name(ValidateTrainingJobNameRequest(job_name="x")).is_duplicate is False],
        "events": found.list_training_job_events(ListTrainingJobEventsRequest(training_job_id=job)).events,
        "tasks": found.list_training_job_tasks(ListTrainingJobTasksRequest(training_job_id=job)).body,
        "stages": found.list_training_job_stages(ListTrainingJobStagesRequest(**one)).running_records[0].stages,
        "metrics": found.show_training_job_metrics(ShowTrainingJobMetricsRequest(**one, task_id="worker-0")).metrics,
        "preview": [found.show_training_job_logs_preview(
            ShowTrainingJobLogsPreviewRequest(training_job_id=job, task_id="worker-0")).full_size == 0],
        "flavors": found.show_training_job_flavors(ShowTrainingJobFlavorsRequest()).flavors,
        "engines": [found.show_training_job_engines(ShowTrainingJobEnginesRequest()).items == []],
        "quotas": found.show_training_quotas(ShowTrainingQuotasRequest()).quotas,
        "images": [found.list_image(ListImageRequest()).data == []],
        "workspaces": found.list_workspace(ListWorkspaceRequest()).workspaces,
        "repositories": [registry.list_repos_details(ListReposDetailsRequest(**page)).content_range.endswith("/0")],
        "shared": [not registry.list_shared_repos_details(ListSharedReposDetailsRequest(center="self", **page)).body],
        "registry quotas": registry.list_quotas(ListQuotasRequest()).quotas,
        "overview": [registry.show_domain_overview(ShowDomainOverviewRequest()).domain_name == "sandbox"],
    }
    return {"unparsed": [name for name, value in answers.items() if not value or value == [False]]}


print(json.dumps({"swr": do_swr, "upload": do_upload, "job": do_job, "stop": do_stop, "clean": do_clean, "errors": do_errors,
                  "lists": do_lists}[part](*words)))
