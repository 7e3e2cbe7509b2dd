"""Completion."""


def register(shell):
    pass


def unregister(shell):
    pass
