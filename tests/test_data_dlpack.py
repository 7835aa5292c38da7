"""`imresize` of tensors: the values of NumPy's, the type that came in, the same memory, and no gradient lost unseen."""

import subprocess
import sys

import numpy as np
import pytest

from vdsr_data import degrade, imresize
from vdsr_data.matlab.dlpack import as_numpy

RANDOM = np.random.default_rng(5)
IMAGES = [
    RANDOM.integers(0, 256, (13, 17), dtype=np.uint8),
    RANDOM.integers(0, 65536, (12, 9, 3), dtype=np.uint16),
    RANDOM.random((11, 16)).astype(np.float32),
    RANDOM.random((14, 10, 3)),
]
each_image = pytest.mark.parametrize("image", IMAGES, ids=lambda image: str(image.dtype))


@pytest.fixture
def jax():
    return pytest.importorskip("jax")


@each_image
@pytest.mark.parametrize("how", [{"scale": 1 / 3}, {"size": (20, 31), "boundary": "replicate", "threads": 2}], ids=str)
def test_tensor_in_tensor_out(torch, image: np.ndarray, how: dict):
    tensor = torch.from_numpy(image.copy())
    result = imresize(tensor, **how)
    expected = imresize(image, **how)
    assert isinstance(result, torch.Tensor)
    assert result.numpy().dtype == expected.dtype
    assert (result.numpy() == expected).all()
    assert (tensor.numpy() == image).all()
    result.fill_(1)  # its memory is nobody else's


@each_image
def test_jax_array_in_jax_array_out(jax, image: np.ndarray):
    with jax.enable_x64():
        array = jax.numpy.asarray(image)
        result = imresize(array, 1 / 2)
    assert isinstance(result, jax.Array)
    assert result.dtype == image.dtype
    assert (np.asarray(result) == imresize(image, 1 / 2)).all()


def test_views_of_tensors_are_read_where_they_are(torch):
    tensor = torch.rand(3, 30, 40, dtype=torch.float64)
    whole = tensor.numpy()
    assert (imresize(tensor.permute(1, 2, 0), 2).numpy() == imresize(whole.transpose(1, 2, 0), 2)).all()
    assert (imresize(tensor[0, ::2, 3:], 2).numpy() == imresize(whole[0, ::2, 3:], 2)).all()


def test_nothing_is_copied(torch, jax):
    """NumPy sees the tensor's own memory, and the tensor that is given back has that of the result."""
    for library, array in ((torch, torch.zeros(64, 64)), (jax.numpy, jax.numpy.zeros((64, 64)))):
        seen, back = as_numpy(array, "test")
        start = array.data_ptr() if library is torch else array.unsafe_buffer_pointer()
        assert seen.ctypes.data == start
        assert type(back(np.ones_like(seen))) is type(array)
    given = np.ones((4, 4))
    assert as_numpy(torch.zeros(1), "test")[1](given).data_ptr() == given.ctypes.data


def test_gradients_are_not_lost_without_a_word(torch):
    tensor = torch.rand(8, 8, requires_grad=True)
    with pytest.raises(TypeError, match=r"requires a gradient.*call \.detach\(\) first"):
        degrade(tensor, "bi", 2)
    assert imresize(tensor, 2).requires_grad
    assert not degrade(tensor.detach(), "bi", 2).requires_grad


def test_tensors_that_are_not_on_the_cpu(torch):
    with pytest.raises(TypeError, match="on the device meta: only the CPU is served"):
        degrade(torch.zeros(8, 8, device="meta"), "bi", 2)

    class OnGpu:
        """What a CUDA tensor says of itself."""

        device = "cuda:0"

        def __dlpack__(self, **_):
            raise AssertionError("must not be asked for its memory")

        def __dlpack_device__(self):
            return 2, 0

        def __array_namespace__(self):
            return torch

    with pytest.raises(TypeError, match="array of torch on the device cuda:0: only the CPU is served; bring it there"):
        imresize(OnGpu(), 2)


def test_cuda_tensor(torch):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    image = torch.rand(8, 8, dtype=torch.float64)
    assert (imresize(image.cuda(), 2).cpu() == imresize(image, 2)).all()
    with pytest.raises(TypeError, match="on the device cuda:0: only the CPU is served"):
        imresize(image.byte().cuda(), 2)


def test_dtypes_are_those_of_numpy(torch, jax):
    for tensor in (torch.zeros(8, 8, dtype=torch.int32), jax.numpy.zeros((8, 8), dtype=int)):
        with pytest.raises(TypeError, match="imresize takes uint8, uint16, float32 or float64, got"):
            imresize(tensor, 2)
    for tensor in (torch.zeros(8, 8, dtype=torch.bfloat16), torch.zeros(8, 8).to_sparse()):
        with pytest.raises(TypeError, match="NumPy cannot see this array of torch"):
            degrade(tensor, "bi", 2)
    with pytest.raises(TypeError, match=r"array of jax, bfloat16; convert it first"):
        degrade(jax.numpy.zeros((8, 8), dtype="bfloat16"), "bi", 2)


def test_traced_functions(jax):
    with pytest.raises(TypeError, match="jax traces this function; call it on concrete arrays"):
        jax.jit(lambda image: degrade(image, "bi", 2))(jax.numpy.zeros((8, 8)))


def test_other_things_are_still_what_numpy_takes_for_arrays():
    assert imresize([[0.0, 1.0], [2.0, 3.0]], 1).tolist() == [[0, 1], [2, 3]]
    masked = np.ma.masked_array(np.eye(4), mask=False)
    assert type(imresize(masked, 2)) is type(imresize(np.eye(4), 2)) is np.ndarray


@pytest.mark.slow
def test_no_library_is_imported():
    code = (
        "import sys, numpy as np; from vdsr_data import imresize; imresize(np.eye(4), 2); imresize([[1.0, 2.0]], 2)\n"
        "assert not {'torch', 'jax', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
