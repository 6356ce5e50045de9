"""A backend for edge-daemon: a model's NIR file, run on norse."""
