// Gradients of pooling by gathering: a work-item owns a position of the image and visits the windows that may cover it, in order.
#include "Pooling.cl"

// global: x, y, planes.
#define OF_POSITION                                                                    \
    const int x = get_global_id(0), y = get_global_id(1);                              \
    const size_t plane = get_global_id(2);                                             \
    if (x >= w || y >= h) return;                                                      \
    dy += plane * oh * ow;                                                             \
    dx += plane * h * w

// `body` for the windows (oy, ox) that may cover a position, in order. Few of them are all visited and those that do not exist
// are counted out, so that no read waits for another.
#if !ADAPTIVE
#define WINDOWS_Y ((KY - 1) * DY / SY + 1)
#define WINDOWS_X ((KX - 1) * DX / SX + 1)
#endif
#if !ADAPTIVE && WINDOWS_Y * WINDOWS_X <= 9
#define EACH_WINDOW(body)                                                                                     \
    UNROLL for (int j = 0; j < WINDOWS_Y; j++) UNROLL for (int i = 0; i < WINDOWS_X; i++) {                     \
        const int wanted_y = (y + top) / SY - (WINDOWS_Y - 1) + j, wanted_x = (x + left) / SX - (WINDOWS_X - 1) + i; \
        const int oy = clamp(wanted_y, 0, oh - 1), ox = clamp(wanted_x, 0, ow - 1);                            \
        const int exists = oy == wanted_y && ox == wanted_x && oy >= FIRST_ROW(y) && ox >= FIRST_COLUMN(x);     \
        body                                                                                                  \
    }
#else
#define EACH_WINDOW(body)                                          \
    for (int oy = FIRST_ROW(y); oy <= LAST_ROW(y); oy++)            \
        for (int ox = FIRST_COLUMN(x); ox <= LAST_COLUMN(x); ox++) { \
            const int exists = 1;                                  \
            body                                                   \
        }
#endif

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
    EACH_WINDOW({
        const float value = dy[oy * ow + ox];
        if (exists && indices[oy * ow + ox] == position) sum += value;
    })
    dx[position] = sum;
}

kernel void average_pool_gradient_gather(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(float, dx), const ulong planes,
                                         SHAPE_ARGUMENTS, const int countsPadding) {
    TENSOR(const float, dy);
    TENSOR(float, dx);
    SHAPE;
    OF_POSITION;
    float sum = 0;
    EACH_WINDOW({
        const float share = dy[oy * ow + ox] / divisor(shape, oy, ox, countsPadding);
        if (exists) sum += share;
    })
    dx[y * w + x] = sum;
}
