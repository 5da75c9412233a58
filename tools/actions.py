#!/usr/bin/env python3
"""Writes docs/actions.md from the tables of actions; with --check says whether it is up to date."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
TARGET = TOP / 'docs/actions.md'
ACTION = re.compile(r'^ACTION\((\w+), \w+, \w+, \w+, (READ|WRITE), ("[\d-]+"|NULL), '
                    r'("[\d-]+"|NULL)\)$', re.M)
OPERATION = re.compile(r'^OPERATION\((\w+), \w+, "([A-Z]+)", (?:SERVICE|BUCKET|OBJECT), '
                       r'(?:"[\w-]+"|NULL), (?:"[\w-]+"|NULL), ("s3:\w+"|NULL), '
                       r'("s3:\w+"|NULL), \w+, \w+, \w+, (READ|WRITE), \w+\)$', re.M)
TITLES = {'autoscaling': 'Auto Scaling', 'cloudwatch': 'CloudWatch', 'ec2': 'EC2', 'elb': 'Elastic Load Balancing', 'iam': 'IAM', 'sts': 'STS'}
REST = {'operations': 'S3', 'control': 'S3 Control'}


class TableError(Exception):
    pass


def rows_of(path, pattern, macro):
    """Every row of a table; one that is not understood is an error, not left out."""
    text = re.sub(r',\s*\n\s*', ', ', path.read_text())
    rows = pattern.findall(text)
    there = len(re.findall(rf'^{macro}\(', text, re.M))
    if len(rows) != there:
        raise TableError(f'{path}: {there} rows, {len(rows)} of them understood')
    return rows


def heading(title, rows, *columns):
    return [f'## {title} ({len(rows)})', '', f'| {" | ".join(columns)} |',
            '|---' * len(columns) + '|']


def yes(kind):
    return 'yes' if kind == 'WRITE' else ''


def versions(since, until):
    return ' '.join(f'{word} {date[1:-1]}' for word, date in (('since', since), ('until', until))
                    if date != 'NULL')


def actions_of(table):
    service = table.parent.name
    rows = rows_of(table, ACTION, 'ACTION')
    return heading(TITLES.get(service, service), rows, 'action', 'waits for a commit or the disk',
                   'versions') + [
        f'| {name} | {yes(kind)} | {versions(since, until)} |' for name, kind, since, until in rows]


def permissions(*actions):
    return ', '.join(action[1:-1] for action in actions if action != 'NULL')


def operations_of(table):
    rows = sorted(rows_of(table, OPERATION, 'OPERATION'))
    return heading(REST[table.stem], rows, 'operation', 'method', 'waits for a commit or the disk',
                   'action in policies') + [
        f'| {name} | {method} | {yes(kind)} | {permissions(*actions)} |'
        for name, method, *actions, kind in rows]


def document(top=TOP):
    lines = ['# Actions', '',
             'Made by tools/actions.py from `api/<service>/actions.def`, `api/s3/operations.def`',
             'and `api/s3/control.def`. An action without versions exists in all that its service',
             'knows. Where policies have two names, the second is for a version that is named. The',
             'metadata service is `api/imds`; the daemon\'s own actions are in `api/admin.h`.', '']
    for table in sorted(top.glob('api/*/actions.def')):
        lines += actions_of(table) + ['']
    for stem in REST:
        lines += operations_of(top / f'api/s3/{stem}.def') + ['']
    return '\n'.join(lines)


def main():
    if '--check' not in sys.argv[1:]:
        TARGET.write_text(document())
    elif TARGET.read_text() != document():
        sys.exit('docs/actions.md is not what the tables say: run tools/actions.py')


if __name__ == '__main__':
    main()
