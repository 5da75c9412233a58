#!/usr/bin/env python3
"""Writes the numbered SQL files given, in order, as the C table of store/migrate.h."""
import os
import sys


def main(output, *paths):
    with open(output, "w", encoding="utf-8") as out:
        out.write('#include "store/migrate.h"\n\nconst Migration migrations[] = {\n')
        for number, path in enumerate(paths, 1):
            name = os.path.basename(path)
            if not name.startswith(f"{number:04}-"):
                sys.exit(f"{path}: expected migration number {number:04} here")
            out.write(f'    {{"{name}",\n')
            with open(path, encoding="utf-8") as sql:
                for line in sql.read().splitlines():
                    text = line.replace("\\", "\\\\").replace('"', '\\"')
                    out.write(f'     "{text}\\n"\n')
            out.write("    },\n")
        out.write(f"}};\nconst unsigned n_migrations = {len(paths)};\n")


main(*sys.argv[1:])
