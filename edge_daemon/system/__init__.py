"""The machine around the program: service manager, journal, credentials, and pauses between attempts.

May import: `clock`, `errors`.
"""
