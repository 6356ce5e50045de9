"""Files that survive power cuts, full disks and dying cards.

`database` is SQLite that goes on in memory where the disk fails, `damaged_file` puts a fresh file in the place of a
damaged one, with the rows that `salvage` can read, `rescue` saves those of a removed one, `other_version` those of a
newer or older program, `atomic_file` writes whole or not at all (`part_file` makes what it writes first), `read_only`
says why a place cannot be written, `disk_calls` waits for a disk no longer than a moment, `folder_lock` keeps two
daemons out of one folder.

May import: `system`, `clock`, `errors`.
"""
