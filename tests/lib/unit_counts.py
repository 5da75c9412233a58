"""unit_counts.py TESTLOG: adds up what cmocka said in a run of `meson test`.

Shows in full what failed, and prints "N passed, N failed, N skipped" as its last line: cases, not
programs. A program that fails without a failed case (it crashed, a sanitizer complained, it took too
long) is one failure."""

import json
import re
import sys

SUMMARY = re.compile(r"^\[  (PASSED|FAILED|SKIPPED)\s*\] (\d+) test\(s\)", re.M)
KEYS = {"PASSED": "passed", "FAILED": "failed", "SKIPPED": "skipped"}

total = {"passed": 0, "failed": 0, "skipped": 0}
programs = 0
try:
    with open(sys.argv[1], encoding="utf-8") as log:
        lines = list(log)
except FileNotFoundError:
    lines = []
for line in lines:
    program = json.loads(line)
    programs += 1
    output = program.get("stdout", "") + program.get("stderr", "")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for word, number in SUMMARY.findall(output):
        counts[KEYS[word]] += int(number)
    good = program["result"] in ("OK", "SKIP")
    if not good and counts["failed"] == 0:
        counts["failed"] = 1
    elif good and not any(counts.values()):
        counts["skipped" if program["result"] == "SKIP" else "passed"] = 1
    if not good:
        print(f"--- {program['name']}: {program['result']}\n{output}")
    for key, number in counts.items():
        total[key] += number
print(f"{programs} programs")
if not programs:
    print("no unit test ran")
    total["failed"] = 1
print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
sys.exit(1 if total["failed"] else 0)
