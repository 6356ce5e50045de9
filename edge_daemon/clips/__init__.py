"""The sound of each detection: cut, encoded, stored, and thrown away in good order.

`recorder` cuts clips out of the recent sound, `store` keeps them within the bounds of `retention` on `files`; `guano`
is the metadata inside, `excerpt` the short piece that is sent.

May import: `audio`, `outbox`, and the layers below.
"""
