"""One pipeline from samples to detections, the same live and in replay.

    Block ─▶ windower ─▶ front end ─▶ backend ─▶ events ─▶ document

`pipeline` drives them; `call_band` finds where an event stands out.

May import: `backends`, `audio`, and the layers below.
"""
