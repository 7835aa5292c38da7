"""Scores of super-resolved images that say how they were computed: metrics, protocols, published tables, reports.

Names are imported when they are asked for, from where ``__init__.pyi`` says.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
