"""Checks of what a configuration names: one file each, functions that look and change nothing.

May import: `levels`, `health`, `tables`, and the layers below.
"""
