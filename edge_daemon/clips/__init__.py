"""The sound of each detection: cut, encoded, stored, and thrown away in good order.

`recorder` cuts each `clip` out of the recent sound, `encoding` makes a file of it, `store` keeps them within the bounds
of `retention` on `files`; `guano` is the metadata inside, `excerpt` the short piece that is sent.

May import: `audio`, `outbox`, and the layers below.
"""
