// Gradients of pooling by gathering: a work-item owns a position of the image and visits the windows that may cover it, in order.
#include "Pooling.cl"

#define OF_POSITION                                                                    \
    const Number i = get_global_id(0), line = i / (Number)w;                             \
    if (i >= (Number)(planes * h * w)) return;                                         \
    const size_t plane = line / (Number)h;                                               \
    const int x = (int)(i - line * (Number)w), y = (int)(line - (Number)plane * (Number)h)

kernel void max_pool_gradient_gather(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const int, indices),
                                     TENSOR_ARGUMENT(float, dx), const ulong planes, SHAPE_ARGUMENTS) {
    TENSOR(const float, dy);
    TENSOR(const int, indices);
    TENSOR(float, dx);
    SHAPE;
    OF_POSITION;
    const int position = y * w + x;
    const int lastRow = LAST_ROW(y), lastColumn = LAST_COLUMN(x);
    float sum = 0;
    for (int oy = FIRST_ROW(y); oy <= lastRow; oy++)
        for (int ox = FIRST_COLUMN(x); ox <= lastColumn; ox++) {
            const size_t at = (plane * oh + oy) * ow + ox;
            if (indices[at] == position) sum += dy[at];
        }
    dx[i] = sum;
}

kernel void average_pool_gradient_gather(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(float, dx), const ulong planes,
                                         SHAPE_ARGUMENTS, const int countsPadding) {
    TENSOR(const float, dy);
    TENSOR(float, dx);
    SHAPE;
    OF_POSITION;
    const int lastRow = LAST_ROW(y), lastColumn = LAST_COLUMN(x);
    float sum = 0;
    for (int oy = FIRST_ROW(y); oy <= lastRow; oy++)
        for (int ox = FIRST_COLUMN(x); ox <= lastColumn; ox++)
            sum += dy[(plane * oh + oy) * ow + ox] / divisor(shape, oy, ox, countsPadding);
    dx[i] = sum;
}
