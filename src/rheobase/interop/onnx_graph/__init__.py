"""A network as an ONNX graph: time stays free, each layer of neurons is a `Scan` over the step that it declares."""
