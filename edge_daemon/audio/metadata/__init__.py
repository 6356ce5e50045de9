"""What recorders write into a file beside its sound: when it was recorded, by whose clock.

One format a file; each gives a `StatedTime`, or nothing where it is not there or makes no sense. `chunks` finds them in
a WAV or FLAC file.

May import: `audio.time_zone`, `audio.regular_file`.
"""
