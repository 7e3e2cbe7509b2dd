"""What a container printed, read: it is the image's own word, with bounds."""

from modelarts_nb.engine.trial import read

MARK = "m1"


def said(*lines, packages=("numpy", "torch")):
    return read("\n".join(f"{MARK} {line}" for line in lines), MARK, packages)


def test_what_was_denied_started_and_failed():
    trial = said("denied /cache", "python 3.11.2", "start 0", "done 0 ", "start 1", "done 1 ImportError: no libcudart.so.9.0")
    assert trial.denied == ("/cache",)
    assert (trial.python, trial.tried) == ("3.11.2", ("numpy", "torch"))
    assert trial.imports == (("torch", "ImportError: no libcudart.so.9.0"),)


def test_a_package_that_takes_its_process_down_is_told():
    [(name, error)] = said("python 3.11", "start 0", "start 1", "done 1 ").imports
    assert name == "numpy"
    assert "down" in error


def test_what_only_wants_a_device_is_no_failure():
    assert said("start 0", "done 0 ImportError: libcuda.so.1: cannot open shared object file").imports == ()


def test_python_that_does_not_start():
    assert "127" in said("ended 127").failed


def test_lines_of_others_and_junk_are_nothing():
    junk = "denied /x\nm1 start 99\nm1 done -1 x\nm1 start zero\nother m2 denied /y\n\x1b[2Jm1 denied \x1b]0;x\x07/z\n"
    trial = read(junk, MARK, ["numpy"])
    assert trial.denied == ("/z",)
    assert trial.tried == ()
