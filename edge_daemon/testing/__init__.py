"""In-memory twins of what lies outside the program, for rehearsals and tests: sound card, broker, machine.

No part of what runs on a buoy imports this package.

May import every layer below `live`.
"""
