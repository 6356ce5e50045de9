"""What a sound file holds, whatever its header says: found in its bytes, decoded by libsndfile or, where that is simple
and takes a quarter of the time, here (`sample_form`).

`opening` opens a file; `contents` says how much is in it, `plain` for one chunk of samples, `framed` for frames and
pages. `chunks` knows where samples lie in a container, `flac`, `mpeg` and `ogg` know the parts of compressed files,
`id3` a tag in front of them. `stretch` is sound that can be read in one go, `slices` the part of a file that libsndfile
is shown.

May import: the layers below `audio`.
"""
