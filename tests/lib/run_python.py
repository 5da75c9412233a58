#!/usr/bin/python3
"""Runs files of Python unit tests: run_python.py [-k PART] [--timeout SECONDS] [--jobs N] FILE…

With --jobs, so many files run side by side, each in a process of its own.

A line for each test, what failed in full, why something was skipped, and as last line
"N passed, N failed, N skipped". Exit code 1 when something failed."""

import argparse
import collections
import concurrent.futures
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
import unittest


class Late(Exception):
    """A test took longer than it may."""


class Result(unittest.TestResult):
    """Counts tests, not failures: one with three failed subtests failed once."""

    def __init__(self, timeout):
        super().__init__()
        self.timeout = timeout
        self.outcomes = collections.OrderedDict()  # test id → (outcome, text)
        self.started = time.monotonic()

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, getattr(test, "timeout", self.timeout))

    def stopTest(self, test):
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().stopTest(test)
        self.note(test, "passed")
        outcome, text = self.outcomes[test.id()]
        print(f"{outcome:8}{test.id()}  {time.monotonic() - self.started:.2f} s"
              f"{f'  ({text})' if outcome == 'skipped' else ''}", flush=True)

    def note(self, test, outcome, text=""):
        """The first word counts, but failure wins."""
        known = self.outcomes.get(test.id())
        if known is None or (outcome == "failed" and known[0] != "failed"):
            self.outcomes[test.id()] = (outcome, text)

    def fail(self, test, error):
        self.note(test, "failed")
        print(f"\n--- {test.id()}\n{self._exc_info_to_string(error, test)}", file=sys.stderr,
              flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            print(f"\n--- {subtest.id()}", file=sys.stderr)
            self.fail(test, err)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failed")
        print(f"\n--- {test.id()}\npassed, but was expected to fail", file=sys.stderr)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)
        if not isinstance(test, unittest.TestCase):  # a whole class
            print(f"{'skipped':8}{test.id()}  ({reason})", flush=True)

    def count(self, outcome):
        return sum(1 for known, _ in self.outcomes.values() if known == outcome)


class Broken(unittest.TestCase):
    """Stands for a file that cannot be loaded."""

    def __init__(self, path, error):
        super().__init__("load")
        self.path, self.error = path, error

    def id(self):
        return self.path

    def load(self):
        raise self.error


def load(path, number):
    try:
        name = os.path.splitext(os.path.basename(path))[0]
        # Two files of one name are two modules.
        spec = importlib.util.spec_from_file_location(
            name if name not in sys.modules else f"{name}_{number}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # SkipTest too: it is raised again, and counted
        return Broken(path, error)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def each(suite):
    for item in suite if isinstance(suite, unittest.TestSuite) else [suite]:
        if isinstance(item, unittest.TestSuite):
            yield from each(item)
        else:
            yield item


def on_alarm(*_):
    raise Late("the test took too long")


def on_term(*_):
    sys.exit(143)  # what runs at exit ends the daemons


COUNTS = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped")


def run_alone(options, path):
    """One file in a process of its own: its output, and what it counted."""
    line = [sys.executable, os.path.abspath(__file__), "--timeout", str(options.timeout),
            *(["-k", options.k] if options.k else []), path]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    output, _, last = done.stdout.rstrip().rpartition("\n")
    counts = COUNTS.fullmatch(last)
    if not counts:
        return f"{done.stdout}{path} ended with {done.returncode} and no count\n", (0, 1, 0)
    return output + "\n" if output else "", tuple(map(int, counts.groups()))


def run_side_by_side(options):
    total = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(run_alone, options, path) for path in options.files]
        for run in concurrent.futures.as_completed(runs):
            output, counts = run.result()
            print(output, end="", flush=True)
            total = [sum(pair) for pair in zip(total, counts)]
    print("{} passed, {} failed, {} skipped".format(*total), flush=True)
    return 1 if total[1] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="PART", help="only tests with PART in their name")
    parser.add_argument("--timeout", type=float, default=300, metavar="SECONDS",
                        help="for one test; its class may have its own as `timeout` (300)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="files at a time (1)")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args()
    if options.jobs > 1 and len(options.files) > 1:
        return run_side_by_side(options)

    signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGTERM, on_term)
    result = Result(options.timeout)
    suite = unittest.TestSuite()
    for number, path in enumerate(options.files):
        tests = [test for test in each(load(path, number))
                 if not options.k or options.k in test.id() or isinstance(test, Broken)]
        suite.addTests(tests)
    suite.run(result)
    print(f"{result.count('passed')} passed, {result.count('failed')} failed, "
          f"{result.count('skipped')} skipped", flush=True)
    return 1 if result.count("failed") else 0


if __name__ == "__main__":
    sys.exit(main())
