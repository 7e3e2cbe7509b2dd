"""The same failures as everywhere, told in Chinese: a real Engine, a real run, a real build session."""

import pytest

import modelarts_nb
from modelarts_nb import messages
from modelarts_nb.building.request import DockerfileSource, Output
from modelarts_nb.engine import buildkit, discovery, images
from modelarts_nb.engine.buildkit import FromEnv, SessionBuild
from modelarts_nb.errors import BuildFailed, EngineAPIError, EngineUnavailable, RunFailed

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(autouse=True)
def chinese():
    messages.use("zh_CN")
    yield
    messages.use("en")


def test_a_failing_run(base_image, tmp_path):
    with pytest.raises(RunFailed) as caught:
        modelarts_nb.train(base_image, command="no-such-program", log=tmp_path / "run.log", progress="quiet", nodes=2)
    assert str(caught.value).splitlines() == [
        "worker-0：镜像中没有 no-such-program。（退出码 127）", "", "请在 Dockerfile 中安装，或修改启动命令。", "",
        f"完整日志：{tmp_path / 'run.log'}",
    ]
    assert "传送代码和输入数据（0 个文件，0 B）" in (tmp_path / "run.log").read_text()


def test_an_unknown_image(connected):
    with pytest.raises(EngineAPIError) as caught:
        images.inspect(connected, "nowhere/nothing:1")
    assert caught.value.message == "查找镜像（nowhere/nothing:1）失败：No such image: nowhere/nothing:1"
    assert caught.value.hint.startswith("请检查镜像名称和标签")


def test_an_engine_that_is_not_there():
    with pytest.raises(EngineUnavailable) as caught:
        discovery.connect(environment={"DOCKER_HOST": "tcp://127.0.0.1:9"})
    assert caught.value.message == "位于 tcp://127.0.0.1:9（DOCKER_HOST）的 Docker Engine 无响应：Connection refused"
    assert caught.value.hint.startswith("请改正 DOCKER_HOST")


def test_what_the_build_session_answers_comes_back_from_the_engine_unharmed(engine, base_image, monkeypatch):
    monkeypatch.delenv("NO_AGENT", raising=False)
    dockerfile = f"FROM {base_image}\nRUN --mount=type=ssh,required=true true\n".encode()
    with pytest.raises(BuildFailed, match="没有正在运行的 ssh agent：NO_AGENT 未设置"):
        list(buildkit.build(engine, SessionBuild(dockerfile=dockerfile, ssh={"default": FromEnv("NO_AGENT")})))


def test_what_this_side_could_not_write(base_image, tmp_path):
    (tmp_path / "a-file").write_text("")
    source = DockerfileSource(f"FROM {base_image}\nRUN true\n", "words")
    output = Output(tmp_path / "a-file" / "below")
    with pytest.raises(BuildFailed) as caught:
        modelarts_nb.build(source, output=output, log=tmp_path / "build.log", progress="quiet")
    assert caught.value.hint == f"本端：无法写入导出结果：{output.path}：Not a directory。"
