"""What a sound file holds, whatever its header says: found in its bytes, decoded by libsndfile.

`contents` opens a file and compares its header with its bytes; `chunks` knows where samples lie in containers of plain
samples, `flac`, `mpeg` and `ogg` know the frames and pages of compressed ones; `stretch` is sound that can be read in
one go, `slices` the part of a file that libsndfile is shown.

May import: the layers below `audio`.
"""
