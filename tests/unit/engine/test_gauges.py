from modelarts_nb.engine.gauges import Gauge, gpu_usage, npu_usage


def test_gpus_are_summed_up():
    assert gpu_usage("97, 10240\n45, 2048\n") == Gauge(71, 12288 << 20)


def test_npus_are_summed_up():
    assert npu_usage("\tNPU ID  : 0\n\tAicore Usage Rate(%)           : 40\n\tAicore Usage Rate(%) : 60\n") == Gauge(50)


def test_a_program_that_says_something_else_says_nothing():
    for said in ("", "No devices were found", "[N/A], [N/A]", "a,b\n"):
        assert gpu_usage(said) is None
        assert npu_usage(said) is None
