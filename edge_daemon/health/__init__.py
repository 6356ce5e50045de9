"""How the device is: the health document, and what makes it say ok, warning or failing.

`document` is what is published, made of the parts' own reports; `counters` counts while the daemon runs, `histogram`
latencies, `board` reads the machine, `assessment` judges the document, `prometheus` serves the same figures.

May import: `detection`, `mqtt`, `clips`, and the layers below.
"""
