"""A synthetic ocean: labelled sound at any signal-to-noise ratio, made from a seed.

It lets a newcomer train and test without a licence or a download, gives the 1-D networks the waveforms that the
log-mel archive does not hold, and puts calls at exactly known times. One file is one kind of sound:

* backgrounds that fill every sample: `ambient` (wind and distant shipping), `ship` (one vessel near by), `rain`, `hum`,
  `strum` (flow and cable noise);
* sounds with a begin and an end: `upcall` (what we look for), `lookalikes` (other whales), `knocks`, `clicks`;
* what happens on the way: `propagation` (echoes, loss), `recorder` (filter and full scale), `clipping`, `dropouts`;
* putting it together: `snr` (the one definition of signal-to-noise ratio), `clip` (labelled windows in thousands),
  `scene` (one long recording with a list of its calls).

Sound pressure is in pascal-like units until the recorder turns it into full scale ±1. Randomness comes in as a
`numpy.random.Generator`; nothing here keeps state.
"""
