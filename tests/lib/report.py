"""A small runner for test groups in Python: named cases, one line each, and the closing line that
./test adds up."""

import sys
import time
import traceback


class Skip(Exception):
    """Raised by a case that cannot run here; says why."""


def run(cases):
    """Runs (name, function) pairs in order, prints their outcome, exits 1 when one failed."""
    passed = failed = skipped = 0
    for name, case in cases:
        started = time.monotonic()
        try:
            case()
        except Skip as why:
            skipped += 1
            print(f"SKIP {name}: {why}", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
        else:
            passed += 1
            print(f"ok   {name} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    sys.exit(1 if failed else 0)
