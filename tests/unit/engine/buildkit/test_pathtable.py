import random
import tracemalloc

from modelarts_nb.engine.buildkit.pathtable import BLOCK, PLAIN, PathTable


def test_every_path_comes_back_in_any_order_and_what_is_none_is_empty():
    table, paths = PathTable(), []
    for number in range(BLOCK * (PLAIN + 5) + 17):
        path = b"" if number % 10 == 0 else b"folder%d/\xff name %d" % (number // 100, number)
        paths.append(path)
        table.append(path)
        assert table[number] == path
    picks = random.Random(1).sample(range(len(paths)), 500)
    assert [table[n] for n in picks] == [paths[n] for n in picks]
    assert [table[n] for n in sorted(picks)] == [paths[n] for n in sorted(picks)]
    assert table[len(paths)] == table[10**9] == table[-1] == b""


def test_a_million_paths_take_few_megabytes():
    table = PathTable()
    tracemalloc.start()
    for number in range(1_000_000):
        table.append(b"dataset/train/class_%04d/image_%07d.jpeg" % (number // 1000, number))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 12 << 20
