"""MATLAB-compatible image resizing and colour conversion, and the data files of super-resolution built with them.

Names are imported when they are asked for, from where ``__init__.pyi`` says: a command's help waits for no compiler.
"""

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
