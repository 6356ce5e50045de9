"""The replay report: one page that shows what was found, to be looked at, listened to and judged.

    ReplayResult → Gathering → (excerpt → spectrogram → picture, excerpt → clip) → document → page

The page is one file and needs no network: style, script, pictures and sound are inside. It is made after the run, from
what the run kept of each detection, and reads the recordings once more around the best ones.

May import: `replay`, and the layers below.
"""
