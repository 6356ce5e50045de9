"""How the device is: the health document, and what makes it say ok, degraded or failed.

`document` is what is published; `counters` counts while the daemon runs, `histogram` latencies, `board` reads the
machine, `prometheus` serves the same figures to be scraped.

May import: `detection`, `mqtt`, `clips`, and the layers below.
"""
