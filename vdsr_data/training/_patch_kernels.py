"""Numba loop of the training patches: arrays in, arrays out; no checks, no files, never raises."""

from vdsr_data.matlab._compile import kernel


@kernel
def cut(image, stride, transpose, out):
    """out[i, j] = image[i * stride :, j * stride :], as far as it goes, rounded to out's dtype, perhaps transposed."""
    size = out.shape[2]
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            patch = out[i, j]
            for row in range(size):
                line = image[i * stride + row, j * stride :]
                for column in range(size):
                    if transpose:
                        patch[column, row] = line[column]
                    else:
                        patch[row, column] = line[column]


@kernel
def gather(pixels, first, down, right, values, out):
    """out[k, i, j] = values[pixels[first[k] + i * down[k] + j * right[k]]]."""
    size = out.shape[1]
    for k in range(out.shape[0]):
        for i in range(size):
            start, step, line = first[k] + i * down[k], right[k], out[k, i]
            for j in range(size):
                line[j] = values[pixels[start + j * step]]
