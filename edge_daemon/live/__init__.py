"""The live daemon and its threads: `daemon` joins listening, scoring, announcing, keeping and condition.

May import: `effort`, `checks`, and the layers below.
"""
