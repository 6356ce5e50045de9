"""The model file and its arithmetic: what the network is, and what it computes, to the last bit.

`model_file` reads and writes the file (`onnx_reader` its graph, `file_contents` its bytes), `frontend` makes features
of samples, `network` and `neuron` are the integer reference that every backend is held against, `score_calibration`
makes a score of spike counts, `energy` counts what it costs; `shipped` lists the models inside the package.

May import: `clock`, `errors`.
"""
