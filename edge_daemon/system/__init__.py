"""The machine around the program: service manager, journal, credentials, pauses between attempts, calls that hang.

May import: `clock`, `errors`.
"""
