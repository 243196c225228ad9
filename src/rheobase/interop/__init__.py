"""Models of other tools and databases, read into neurons of this one; networks of this one, written for others."""

from rheobase.interop import nir
from rheobase.interop.allen_glif import allen_glif_parameters, from_allen_glif
from rheobase.interop.onnx_file import Agreement, run_onnx, to_onnx
from rheobase.interop.torch_file import from_torch_export, to_torch_export

__all__ = [
    "Agreement",
    "allen_glif_parameters",
    "from_allen_glif",
    "from_torch_export",
    "nir",
    "run_onnx",
    "to_onnx",
    "to_torch_export",
]
