"""Live inputs: a sound card or a pipe as a source that never ends, even if the device fails.

`live_source` opens what is configured. `sound_card` drives a device through `portaudio` (`device` is what it needs of a
driver, `ring` what lies between driver and reader); `pipe` reads raw samples with `byte_source`, and waits for
`late_sound` after a stall. `capture_timeline` accounts for every sample, `dead_input` notices a broken hydrophone,
`input_verdict` judges what comes by its `sound_statistics`, its rate (`rate_meter`) and its `sound_header`,
`input_state` is what health tells of it all.

May import what `audio` may.
"""
