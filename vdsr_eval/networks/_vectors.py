"""Vectors of float32 in LLVM's own instructions, as wide as this processor's registers."""

from llvmlite import binding, ir
from numba import config
from numba.core import cgutils

BYTES = 4  # of a float32
I64, F32 = ir.IntType(64), ir.FloatType()


def _width():
    """How many float32 a register of this processor holds, or of the one that Numba is told to compile for."""
    features = config.CPU_FEATURES
    if features is None:
        names = {name for name, there in binding.get_host_cpu_features().items() if there}
    else:
        names = {word[1:] for word in features.split(",") if word.startswith("+")}
    return 16 if "avx512f" in names else 8 if "avx" in names else 4


WIDTH = _width()


def vector(count):
    """The type of `count` float32."""
    return ir.VectorType(F32, count)


def fused(builder, kind):
    """The function a * b + c of vectors, rounded once."""
    signature = ir.FunctionType(kind, [kind] * 3)
    return cgutils.get_or_insert_function(builder.module, signature, f"llvm.fma.v{kind.count}f32")


def load(builder, address, kind):
    """What lies at an address."""
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = BYTES
    return value


def store(builder, value, address):
    """Put a value at an address."""
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = BYTES
