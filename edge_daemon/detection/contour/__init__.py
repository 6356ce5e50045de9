"""The contour of each call in an event: how its pitch moves, when it begins and ends, and whether there are two.

    sound of an event ─▶ excess over each band's own level ─▶ ridges ─▶ calls

A score says that there is a call in two seconds of sound; an analyst decides by the pitch track. It is found in events
only, from the sound that the event's windows saw and from nothing else, so live and replay give the same figures.

May import: `audio`, and the layers below.
"""
