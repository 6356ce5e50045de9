"""ALSA's memory: what listing the sound cards leaves behind, given back.

PortAudio opens every input that ALSA's configuration defines, once, to see what it can do. Each plug-in is loaded for
that and stays, with all that it needs: with Debian's `libasound2-plugins`, whose AC-3 encoder comes with the whole of
ffmpeg's libraries, that is 70 libraries and 11 MB. `snd_config_update_free_global` of alsa-lib unloads those that no
open stream uses, and frees the configuration, which is read again when it is needed. PortAudio calls it too, but only
when it is ended.
"""

from __future__ import annotations

import ctypes
import os

_LIBRARY = "libasound.so.2"


def forget() -> bool:
    """Unload the plug-ins that no open stream uses; False where the program does not use ALSA."""
    try:
        alsa = ctypes.CDLL(_LIBRARY, mode=os.RTLD_NOLOAD)  # the one that PortAudio has loaded, or none
    except OSError:
        return False
    return bool(alsa.snd_config_update_free_global() == 0)
