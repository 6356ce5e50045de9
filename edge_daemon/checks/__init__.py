"""Checks of what a configuration names: one file each, functions that look and change nothing."""
