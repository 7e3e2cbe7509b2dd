import json

import pytest

from modelarts_nb import catalog
from modelarts_nb.errors import InvalidReference, SettingsError
from modelarts_nb.reference import parse_reference

CATALOG = catalog.builtin()
SEED_BASE = "swr.cn-north-1.myhuaweicloud.com/eiwizard/custom-gpu-cuda9-inner-moxing-cp36:1.2"


def test_the_tutorials_table_is_there_whole():
    for region in ("cn-north-1", "cn-north-2", "cn-north-4", "cn-south-1", "ap-southeast-1", "cn-north-5"):
        for name, cuda in (("cpu", ""), ("gpu-cuda92", "9.2"), ("gpu-cuda9", "9.0"), ("gpu-cuda8", "8.0")):
            for tag in ("1.0", "1.1", "1.2", "1.3"):
                text = f"swr.{region}.myhuaweicloud.com/modelarts-job-dev-image/custom-{name}-base:{tag}"
                found = CATALOG.find_base(text)
                assert found is not None, text
                assert (found.base.cuda, found.base.contract, found.region.id, found.tag_known) == (cuda, "v1", region, True)
                assert found.base.recommended == "1.3"
                assert found.base in CATALOG.bases(region=region, contract="v1", processor=name[:3], cuda=cuda)


def test_every_entry_says_where_it_is_from():
    for entry in (*CATALOG.all_regions, *CATALOG.all_bases, *CATALOG.all_limits):
        assert entry.source, entry


def test_no_base_is_said_to_be_pullable_that_nobody_pulled():
    assert not any(base.verified for base in CATALOG.all_bases)


def test_every_reference_of_the_catalogue_is_found_again():
    for base in CATALOG.all_bases:
        for tag in base.tags:
            for region in CATALOG.regions():
                found = CATALOG.find_base(base.reference(region, tag))
                assert (found.base, found.region, found.tag_known) == (base, region, True)


def test_names_and_references_are_of_one_base_each():
    names = [base.name for base in CATALOG.all_bases]
    assert len(set(names)) == len(names)
    pairs = [(base.repository, tag) for base in CATALOG.all_bases for tag in base.tags]
    assert len(set(pairs)) == len(pairs)


def test_tags_are_newest_first():
    for base in CATALOG.all_bases:
        assert list(base.tags) == sorted(base.tags, reverse=True)


def test_the_addresses_of_a_region_and_their_exceptions():
    region = CATALOG.region("cn-north-4")
    assert region.registry == "swr.cn-north-4.myhuaweicloud.com"
    assert region.swr_api == "https://swr-api.cn-north-4.myhuaweicloud.com"
    assert region.modelarts == "https://modelarts.cn-north-4.myhuaweicloud.com"
    assert region.iam == "https://iam.cn-north-4.myhuaweicloud.com"
    assert region.obs == "https://obs.cn-north-4.myhuaweicloud.com"
    assert CATALOG.region("ap-southeast-1").modelarts == "https://modelarts.ap-southeast-1.myhuaweicloud.cn"
    assert CATALOG.region("eu-west-101").swr_api == "https://swr-api.eu-west-101.myhuaweicloud.eu"
    assert CATALOG.region("eu-west-101").modelarts == ""
    assert CATALOG.region("cn-north-4") in CATALOG.regions(modelarts=True)
    assert CATALOG.region("eu-west-0") not in CATALOG.regions(modelarts=True)
    with pytest.raises(SettingsError, match="cn-nowhere-1"):
        CATALOG.region("cn-nowhere-1")


def test_a_base_is_found_in_any_region_and_on_this_machine():
    assert CATALOG.find_base(SEED_BASE).base.python == "3.6"
    for host in ("localhost:5005", "127.0.0.1:6001", "localhost"):
        found = CATALOG.find_base(f"{host}/modelarts-job-dev-image/custom-cpu-base:1.3")
        assert found.region is None
        assert found.tag_known
    assert CATALOG.find_base(parse_reference("swr.cn-east-3.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base"))


def test_other_images_are_no_official_bases():
    for text in ("python:3.11", "example.org/modelarts-job-dev-image/custom-cpu-base:1.3", "localhost:5005/mine/x:1", "scratch",
                 "swr.cn-north-4.myhuaweicloud.com/my-org/custom-cpu-base:1.3"):
        assert CATALOG.find_base(text) is None
    with pytest.raises(InvalidReference):
        CATALOG.find_base("No Reference")


def test_a_tag_that_the_catalogue_does_not_know_is_told():
    found = CATALOG.find_base("swr.cn-north-4.myhuaweicloud.com/modelarts-job-dev-image/custom-cpu-base:1.4")
    assert found.base.name == "custom-cpu-base"
    assert not found.tag_known
    newer = "pytorch_1.8.2-cuda_11.1-py_3.7-ubuntu_18.04-x86_64-20240101000000-abc1234"
    found = CATALOG.find_base(f"swr.cn-north-4.myhuaweicloud.com/atelier/pytorch_1_8:{newer}")
    assert found.base.cuda == "11.1"


def test_bases_are_filtered_by_each_property():
    assert {base.cann for base in CATALOG.bases(processor="ascend", contract="v2", region="cn-south-1")} == {"8.3.rc1"}
    assert [base.python for base in CATALOG.bases(cann="8.2.rc1")] == ["3.11"]
    assert all(base.cuda == "10.2" and base.python == "3.7" for base in CATALOG.bases(cuda="10.2", python="3.7"))
    assert CATALOG.bases(cuda="99") == ()


def test_limits_of_both_generations():
    v1, v2 = CATALOG.limits("v1"), CATALOG.limits("v2")
    assert (v1.uid, v1.home, v1.image_bytes) == (1101, "/home/work", 9_500_000_000)
    assert (v2.uid, v2.home, v2.image_bytes, v2.advised_bytes) == (1000, "/home/ma-user", 30_000_000_000, 15_000_000_000)
    assert v1.layer_bytes == v2.layer_bytes == 10_000_000_000
    with pytest.raises(SettingsError):
        CATALOG.limits("v3")


def test_a_persons_own_file_changes_adds_and_removes():
    own = {
        "regions": [{"id": "cn-north-4", "endpoints": {"registry": "swr.inside.example"}}],
        "bases": [
            {"name": "custom-cpu-base", "tags": ["1.4", "1.3"], "verified": True},
            {"name": "custom-gpu-cuda8-base", "remove": True},
            {"name": "ours", "repository": "team/base", "contract": "v2", "processor": "gpu", "tags": ["7"], "cuda": "12.1"},
        ],
    }
    found = catalog.load(json.loads(json.dumps(own)), "/home/me/catalog.json")
    assert found.region("cn-north-4").registry == "swr.inside.example"
    assert found.region("cn-north-4").zh == "华北-北京四"
    assert found.find_base("swr.inside.example/modelarts-job-dev-image/custom-cpu-base:1.4").tag_known
    assert found.find_base("localhost/modelarts-job-dev-image/custom-gpu-cuda8-base:1.3") is None
    assert found.all_bases[0].name == "ours"
    assert found.all_bases[0].source == "/home/me/catalog.json"
    assert catalog.builtin().find_base("localhost/team/base:7") is None


@pytest.mark.parametrize(("own", "told"), [
    ([], "is not a catalogue"),
    ({"images": []}, "is not a catalogue"),
    ({"bases": [{"tags": ["1"]}]}, "each of “bases” needs “name”"),
    ({"bases": {}}, "each of “bases” needs “name”"),
    ({"bases": [{"name": "x"}]}, "x: “repository” is missing"),
    ({"bases": [{"name": "custom-cpu-base", "tag": "1"}]}, "custom-cpu-base: “tag” is not a field"),
    ({"bases": [{"name": "custom-cpu-base", "tags": []}]}, "“tags” cannot be"),
    ({"bases": [{"name": "custom-cpu-base", "tags": "1.3"}]}, "“tags” cannot be"),
    ({"bases": [{"name": "custom-cpu-base", "processor": "tpu"}]}, "“processor” cannot be 'tpu'"),
    ({"limits": [{"contract": "v1", "image_bytes": "9 GB"}]}, "“image_bytes” cannot be '9 GB'"),
    ({"regions": [{"id": "cn-north-4", "endpoints": {"iam": 1}}]}, "“endpoints” cannot be"),
])
def test_a_fault_in_a_persons_own_file_names_file_entry_and_field(own, told):
    with pytest.raises(SettingsError) as caught:
        catalog.load(own, "mine.json")
    assert told in caught.value.message
    assert "mine.json" in caught.value.message


def test_the_file_at_home_or_the_one_that_the_setting_names_is_merged(tmp_path, monkeypatch):
    from modelarts_nb import api

    monkeypatch.setenv("MODELARTS_NB_HOME", str(tmp_path))
    assert api.catalog() is catalog.builtin()
    (tmp_path / "catalog.json").write_text('{"bases": [{"name": "custom-cpu-base", "tags": ["2.0"]}]}')
    assert api.catalog().bases(processor="cpu", contract="v1")[0].recommended == "2.0"
    (tmp_path / "other.json").write_text("{}")
    monkeypatch.setenv("MODELARTS_NB_CATALOG", str(tmp_path / "other.json"))
    assert api.catalog() == catalog.builtin()
    (tmp_path / "other.json").write_text("{")
    with pytest.raises(SettingsError, match="cannot be read"):
        api.catalog()
    monkeypatch.setenv("MODELARTS_NB_CATALOG", str(tmp_path / "none.json"))
    with pytest.raises(SettingsError, match=r"none\.json"):
        api.catalog()
