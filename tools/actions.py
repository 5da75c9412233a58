#!/usr/bin/env python3
"""Writes docs/actions.md from the action tables, or with --check says whether it is up to date."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
ROW = re.compile(r'^ACTION\((\w+), \w+, \w+, \w+, (READ|WRITE), ("[\d-]+"|NULL), ("[\d-]+"|NULL)\)',
                 re.M | re.S)
TITLES = {'ec2': 'EC2', 'sts': 'STS'}


def document():
    lines = ['# Actions', '',
             'Made by tools/actions.py from `api/<service>/actions.def`. An action without versions',
             'exists in all that its service knows. The metadata service is `api/imds`; the daemon\'s',
             'own actions are in `api/admin.h`.', '']
    for table in sorted(TOP.glob('api/*/actions.def')):
        service = table.parent.name
        rows = ROW.findall(re.sub(r',\s*\n\s*', ', ', table.read_text()))
        lines += [f'## {TITLES.get(service, service)} ({len(rows)})', '',
                  '| action | waits for a commit or the disk | versions |', '|---|---|---|']
        for name, kind, since, until in rows:
            span = ' '.join(text for text in (
                f'since {since[1:-1]}' if since != 'NULL' else '',
                f'until {until[1:-1]}' if until != 'NULL' else '') if text)
            lines.append(f'| {name} | {"yes" if kind == "WRITE" else ""} | {span} |')
        lines.append('')
    return '\n'.join(lines)


def main():
    target = TOP / 'docs/actions.md'
    if '--check' in sys.argv[1:]:
        if target.read_text() != document():
            sys.exit('docs/actions.md is not what the tables say: run tools/actions.py')
    else:
        target.write_text(document())


main()
