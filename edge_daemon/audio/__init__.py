"""Sound from files and live inputs, as blocks and gaps of one stream of samples.

`source` says what a block and a gap are; `sound_file` reads recordings, `capture/` live inputs; `resample` brings both
to the model's rate; `recent_sound` keeps the last minutes for parts that look back; `start_time` reads when a recording
began.

May import: `config`, `storage`, `model`, `system`, `clock`, `errors`.
"""
