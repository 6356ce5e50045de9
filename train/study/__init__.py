"""The study that this project grew from, and ours beside it: its tables, its outlook, the page `docs/study.md`.

Everything here is read from result files that sweeps and cross-validations left; nothing is trained. May import `train`
and, of the house, `model`.
"""
