"""What a model file finds on whole recordings: recall against false events an hour.

Clips were chosen by somebody or by another detector; a buoy hears all there is. So a model is judged here as it runs:
sound goes through the daemon's own pipeline, scores become events by the daemon's own rules, and events are held
against calls that an analyst marked.

    recordings ─▶ corpus ─▶ scores ─▶ events ─▶ matching ─▶ tally ─▶ choice ─▶ figures ─▶ document, page, chart

`matching` states what counts as found and as false, `snr` what a signal-to-noise ratio is, `interval` how sure the
figures are. `evaluate` runs everything in order.
"""
