"""Calibrated sound levels: of calls, of the background by minute and band, and of the input on a desk.

`hydrophone` turns sample values into pressure; `received_level` measures one call, `band_levels` minutes,
`stream_levels` does both on the live stream, `input_meter` shows what comes from an input.

May import: `detection`, and the layers below.
"""
