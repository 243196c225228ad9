"""Models of other tools and databases, read into neurons of this one."""

from rheobase.interop.allen_glif import allen_glif_parameters, from_allen_glif

__all__ = ["allen_glif_parameters", "from_allen_glif"]
