"""Training of the VDSR network: the paper's recipe, exact to resume, readable from top to bottom.

Names are imported when they are asked for, from where ``__init__.pyi`` says: TensorFlow only once a training begins.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
