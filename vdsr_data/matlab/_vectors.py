"""Vectors in LLVM's own instructions, and how many float32 this processor's registers hold."""

from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

BYTES = 4  # of a float32
I64, F32 = ir.IntType(64), ir.FloatType()


def there(feature):
    """Whether this processor has a feature, or the one that Numba is told to compile for."""
    if config.CPU_FEATURES is None:
        return binding.get_host_cpu_features().get(feature, False)
    return f"+{feature}" in config.CPU_FEATURES.split(",")


WIDTH = 16 if there("avx512f") else 8 if there("avx") else 4  # float32 in a register


def vector(count):
    """The type of `count` float32."""
    return ir.VectorType(F32, count)


def fused(builder, kind):
    """The function a * b + c of vectors, rounded once."""
    signature = ir.FunctionType(kind, [kind] * 3)
    return cgutils.get_or_insert_function(builder.module, signature, f"llvm.fma.v{kind.count}f32")


def load(builder, address, kind):
    """What lies at an address, which is a multiple of the element's size."""
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = _size(kind)
    return value


def store(builder, value, address):
    """Put a value at an address, which is a multiple of the element's size."""
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = _size(value.type)


def _size(kind):
    """Bytes of an element, or of a number that is no vector."""
    element = getattr(kind, "element", kind)
    return BYTES if element == F32 else element.width // 8


@intrinsic
def prefetch(typing, address):  # noqa: ARG001 (the names are Numba's)
    """Ask the second-level cache for what lies at an address, to be read."""

    def emit(context, builder, _, arguments):
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        signature = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0")
        builder.call(function, [pointer, word(0), word(2), word(1)])
        return context.get_dummy_value()

    return types.void(types.int64), emit


if config.DISABLE_JIT:  # the same without a compiler
    prefetch = lambda _: None  # noqa: E731
