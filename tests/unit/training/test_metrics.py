import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.notebook.view.chart import draw
from modelarts_nb.training.metrics import POINTS, SERIES, Metrics


def read(*lines):
    metrics = Metrics()
    for line in lines:
        metrics.feed("worker-0", line)
    return metrics


def last(metrics):
    return {name: series.points[-1][1] for name, series in metrics.series.items()}


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("loss=0.3", {"loss": 0.3}),
        ("epoch 2/10 acc: 0.91", {"acc": 0.91}),
        ("epoch 7/10 loss=0.331 acc=0.976", {"loss": 0.331, "acc": 0.976}),
        ('{"step": 5, "val_loss": 0.2, "note": "x"}', {"val_loss": 0.2}),
        ("Epoch [3/5], Step [100/600], Loss: 1.2345", {"Loss": 1.2345}),
        ("train/loss 1e-3 eval-acc 91.5%", {"train/loss": 0.001, "eval-acc": 0.915}),
        ("Epoch 3:  50%|#####     | 5/10 [00:01<00:01,  4.9it/s, loss=0.42]", {"loss": 0.42}),
        ("Test set: Average loss: 0.0301, Accuracy: 9898/10000 (99%)", {"Average loss": 0.0301}),
        ("batch_size=32 epochs=10 workers=4", {}),
        ("lossless compression 5", {}),
        ("Downloading 5/13 MB", {}),
        ('{"epoch": 3}', {}),
        ('{"loss": true}', {}),
        ("{not json loss}", {}),
    ],
)
def test_what_trainings_print_is_understood(line, values):
    assert last(read(line)) == values


def test_the_place_is_the_epoch_where_one_is_told():
    series = read(*(f"epoch {n}/4 loss={1 / n}" for n in (1, 2, 3))).series["loss"]
    assert series.places == "epoch"
    assert [place for place, _ in series.points] == [1, 2, 3]


def test_an_epoch_on_a_line_of_its_own_counts_for_the_lines_behind_it():
    metrics = read("Epoch 1/3", "loss: 0.9", "Epoch 2/3", "loss: 0.5")
    assert metrics.progress == (2, 3)
    assert last(metrics) == {"loss": 0.5}


def test_of_several_nodes_one_is_followed():
    metrics = Metrics()
    for node in ("worker-0", "worker-1"):
        metrics.feed(node, "loss=1")
        metrics.feed(node, "loss=2")
    assert len(metrics.series["loss"].points) == 2


def test_a_loss_that_is_no_number_any_more_is_told():
    metrics = read("epoch 1/9 loss=0.5", "epoch 2/9 loss=0.4", "epoch 3/9 loss=nan", "epoch 4/9 loss=nan")
    assert metrics.series["loss"].broken == 3
    assert "not a number since epoch 3" in draw(metrics)


def test_memory_is_bounded():
    metrics = read(*(f"step {n} loss={n} " + " ".join(f"loss{k}=1" for k in range(20)) for n in range(5000)))
    assert len(metrics.series) == SERIES
    assert all(len(series.points) <= POINTS for series in metrics.series.values())
    assert metrics.series["loss"].points[-1][0] > 4900


def test_the_picture_says_in_words_what_it_shows_and_runs_nothing():
    lines = ("epoch 1/3 <loss=2.0 acc=0.4", "epoch 2/3 <loss=1.0 acc=0.7 lr=0.00001", "epoch 3/3 acc=0.9 lr=0.000001")
    picture = draw(read(*lines))
    assert 'role="img"' in picture
    assert "<title>Metrics by epoch</title>" in picture
    assert "loss 2 → 1 · acc 0.4 → 0.9" in picture
    assert "own scale" in picture
    assert "<script" not in picture
    assert draw(Metrics()) == ""


@given(st.lists(st.text(alphabet="los=ac: 0123.5e-n/{}\",epochstep\n%", max_size=60), max_size=20))
def test_nothing_that_is_printed_breaks_it(lines):
    draw(read(*lines))


@given(st.lists(st.floats(), min_size=2, max_size=30))
def test_any_numbers_can_be_drawn(values):
    picture = draw(read(*(f"loss={value}" for value in values)))
    for points in re.findall(r'points="([^"]*)"', picture):
        assert all(math.isfinite(float(number)) for number in re.split("[ ,]", points))
