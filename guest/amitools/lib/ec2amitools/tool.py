"""What all tools have in common: options, prompts, messages, and how a tool ends.

A tool is a function that takes the parsed options and does its work. What goes wrong on the way is
a ToolError, whose text says what to do; run_tool() prints it and makes it exit code 1. Status goes
to standard output, in the words that scripts know, and everything else to standard error."""

import argparse
import os
import select
import signal
import subprocess
import sys

from . import MANIFEST_VERSION, VERSION

PROMPT_SECONDS = 30  # then the default is taken, as nobody seems to be there


class ToolError(Exception):
    """What the user has to know."""


class UsageError(ToolError):
    """The options do not make sense together."""


class Parser(argparse.ArgumentParser):
    """Says what is missing in the words of the original tools, and ends with 1 instead of 2."""

    def __init__(self, name, manual, **options):
        super().__init__(prog=name, description=manual.strip().partition("\n\n")[0],
                         allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
                         **options)
        self.needed = []  # (destination, long option)
        self.add_argument("--version", action="version",
                          version=f"{name} {VERSION} {MANIFEST_VERSION.replace('-', '')}")
        self.add_argument("--manual", action=_Manual, manual=manual,
                          help="show what the tool does, and end")
        self.add_argument("--debug", action="store_true", help="show what happens underneath")
        self.add_argument("--batch", action="store_true", help="ask nothing")

    def need(self, short, name, **options):
        """An option that has to be there."""
        self.needed.append((self.add_argument(short, name, **options).dest, name))

    def parse_args(self, args=None, namespace=None):
        options, rest = self.parse_known_args(args, namespace)
        if rest:
            self.error(f"invalid option: {rest[0]}" if rest[0].startswith("-")
                       else f"unexpected argument: {rest[0]}")
        for destination, name in self.needed:
            if not getattr(options, destination):
                self.error(f"missing mandatory parameter: {name}")
        return options

    def error(self, message):
        sys.stderr.write(f"{message}\nTry '{self.prog} --help'\n")
        sys.exit(1)


class _Manual(argparse.Action):
    def __init__(self, option_strings, dest, manual, **options):
        super().__init__(option_strings, dest, nargs=0, **options)
        self.manual = manual

    def __call__(self, parser, *_):
        sys.stdout.write(f"{self.manual.strip()}\n")
        sys.exit(0)


def comma_list(text):
    """For options that name several things."""
    return [item for item in (part.strip() for part in text.split(",")) if item]


def run_tool(parser, work, argv=None):
    """Parses the arguments and does the work; the exit code."""
    options = parser.parse_args(argv)
    # What is half done is cleaned up by whoever began it, whichever way the end comes.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        work(options)
        sys.stdout.flush()
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        message = "nobody reads the output"
    except UsageError as error:
        parser.error(str(error))
    except ToolError as error:
        message = str(error)
    except OSError as error:
        message = describe(error)
    except KeyboardInterrupt:
        message = "interrupted"
    if options.debug:
        import traceback
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.write(f"ERROR: {message}\n")
    return 1


def _interrupt(*_):
    raise KeyboardInterrupt


def describe(error):
    """An OSError in words."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def say(text):
    """A status line; at once, for whoever watches."""
    print(text, flush=True)


def warn(text):
    sys.stdout.flush()
    sys.stderr.write(text + "\n")


def prompt(question, default, batch):
    """What the user answers; default in batch mode, for an empty answer and for none in time."""
    if batch:
        return default
    sys.stdout.write(f"{question} [{default}]: ")
    sys.stdout.flush()
    ready, _, _ = select.select([sys.stdin], [], [], PROMPT_SECONDS)
    answer = sys.stdin.readline().strip() if ready else ""
    if not answer:
        say("")
    return answer or default


def confirm(question):
    """Whether the user says yes; the end of the input says no."""
    while True:
        sys.stdout.write(f"{question} [y/n]\n")
        sys.stdout.flush()
        answer = sys.stdin.readline()
        if answer.strip().lower() in ("y", "yes"):
            return True
        if not answer or answer.strip().lower() in ("n", "no"):
            return False


def run_program(argv, data=None, what=None):
    """A child's standard output; ToolError with what it said when it fails."""
    try:
        done = subprocess.run(argv, input=b"" if data is None else data, capture_output=True,
                              check=False)
    except FileNotFoundError:
        raise ToolError(f"{argv[0]} is not installed") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise ToolError(f"{what or argv[0] + ' failed'}: {said}" if said else
                        what or f"{argv[0]} ended with {done.returncode}")
    return done.stdout


def need_file(path, what):
    """The path of a file that can be read."""
    if not os.path.isfile(path):
        raise ToolError(f"{what} {path}: no such file")
    if not os.access(path, os.R_OK):
        raise ToolError(f"{what} {path}: cannot be read")
    return path


def need_directory(path, what="directory"):
    if not os.path.isdir(path):
        raise ToolError(f"{what} {path}: no such directory")
    return path
