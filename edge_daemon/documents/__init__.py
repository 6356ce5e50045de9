"""The JSON documents that go to shore and into files: what they share. Each stands in the room of what it tells.

May import: nothing of the house.
"""
