"""Waiting for what will come, never for a time."""

import time


class CloudError(AssertionError):
    """A daemon did not do as it should; the message ends with its log."""


def wait_until(condition, timeout, what, pause=0.01):
    """Asks condition() until it is true and returns what it returned. what() or what says what was
    waited for, should it not come."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise CloudError(f"not after {timeout} s: {what() if callable(what) else what}")
        time.sleep(pause)
