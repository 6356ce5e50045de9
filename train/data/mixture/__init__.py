"""Mixtures: what a network for the sea learns from, windows of whole recordings among it.

A clip was chosen by somebody, mostly with the call in its middle. A buoy cuts its windows where the hop falls: a call
stands at their edge as often as in the middle, and nearly all of them hold no call at all. A mixture therefore takes
windows through *whole* recordings whose calls are all marked, recordings without a call by kind (song, knocks, other
whales), real calls laid into other recordings' noise, and clips. What a fold keeps aside never comes in, neither as a
window nor as a laid call nor as the noise below one.

    mixture (the YAML file) ─▶ sources ─▶ windows, laying ─▶ build ─▶ a data set
"""
