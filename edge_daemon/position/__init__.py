"""Where the hydrophone is: fixes of a receiver, judged, dated and told for the moment of each call.

To read in this order: `position` is what documents carry, `fix` what a receiver says, `gpsd` and `nmea` how it says so.
`fix_clock` finds the moment of a fix, `fix_filter` tells good ones from others, `recent_track` knows where the device
was at a moment. `receiver` drives all of it in a thread of its own, from a `line_source`; `report` is what health
tells.

What a receiver sends is believed in nothing that can be checked. Where the position is not known well enough, it is not
known: an old one is never passed for a new one.

May import `config` and what lies below it.
"""
