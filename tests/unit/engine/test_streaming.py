import threading
import time

import pytest

from modelarts_nb.engine.streaming import call, pump


class Source:
    """An iterator that blocks like a socket until it is closed."""

    def __init__(self, items=()):
        self.items = list(items)
        self.closed = threading.Event()

    def __iter__(self):
        yield from self.items
        self.closed.wait(5)


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "modelarts_nb-reader"]


def test_items_come_in_order_and_waiting_yields_none():
    source = Source([1, 2])
    generator = pump([source], source.closed.set)
    assert [next(generator), next(generator), next(generator)] == [1, 2, None]
    generator.close()
    assert not readers()


def test_it_ends_when_all_sources_have_ended():
    closed = []
    assert sorted(pump([[1, 2], [3]], lambda: closed.append(True))) == [1, 2, 3]
    assert closed == [True]


def test_an_exception_of_a_source_is_raised_after_its_items():
    def failing():
        yield 1
        raise ConnectionError("gone")

    generator = pump([failing()], lambda: None)
    assert next(generator) == 1
    with pytest.raises(ConnectionError):
        next(generator)
    assert not readers()


def test_an_interrupt_closes_the_source():
    source = Source([1])
    generator = pump([source], source.closed.set)
    next(generator)
    with pytest.raises(KeyboardInterrupt):
        generator.throw(KeyboardInterrupt())
    assert source.closed.is_set()
    assert not readers()


def test_a_full_queue_does_not_keep_the_reader_alive():
    def endless():
        while True:
            yield 1

    generator = pump([endless()], lambda: None, depth=2)
    next(generator)
    generator.close()
    assert not readers()


def drain(generator):
    count = 0
    while True:
        try:
            next(generator)
            count += 1
        except StopIteration as end:
            return end.value, count


def test_a_call_gives_its_value_and_beats_while_it_blocks():
    def slow():
        time.sleep(0.35)

    value, beats = drain(call(slow))
    assert value is None
    assert beats >= 3
