// Gradients of pooling by gathering: a work-item owns a position of the image and visits the windows that may cover it, in order.
#include "Pooling.cl"

// global: x, y, planes.
#define OF_POSITION                                                                    \
    const int x = get_global_id(0), y = get_global_id(1);                              \
    const size_t plane = get_global_id(2);                                             \
    if (x >= w || y >= h) return;                                                      \
    const int lastRow = LAST_ROW(y), lastColumn = LAST_COLUMN(x);                      \
    dy += plane * oh * ow;                                                             \
    dx += plane * h * w

kernel void max_pool_gradient_gather(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const int, indices),
                                     TENSOR_ARGUMENT(float, dx), const ulong planes, SHAPE_ARGUMENTS) {
    TENSOR(const float, dy);
    TENSOR(const int, indices);
    TENSOR(float, dx);
    SHAPE;
    OF_POSITION;
    indices += plane * oh * ow;
    const int position = y * w + x;
    float sum = 0;
    for (int oy = FIRST_ROW(y); oy <= lastRow; oy++)
        for (int ox = FIRST_COLUMN(x); ox <= lastColumn; ox++) {
            const int at = oy * ow + ox;
            if (indices[at] == position) sum += dy[at];
        }
    dx[position] = sum;
}

kernel void average_pool_gradient_gather(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(float, dx), const ulong planes,
                                         SHAPE_ARGUMENTS, const int countsPadding) {
    TENSOR(const float, dy);
    TENSOR(float, dx);
    SHAPE;
    OF_POSITION;
    float sum = 0;
    for (int oy = FIRST_ROW(y); oy <= lastRow; oy++)
        for (int ox = FIRST_COLUMN(x); ox <= lastColumn; ox++)
            sum += dy[oy * ow + ox] / divisor(shape, oy, ox, countsPadding);
    dx[y * w + x] = sum;
}
